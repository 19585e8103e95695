"""What an operator does to the machines of the lab: edits the pillar's nodes, runs an orchestration, deletes a VM."""

from __future__ import annotations

import json
import sys

import yaml
from conftest import ADMIN, NODES, ROOT

sys.path.insert(0, str(ROOT / "lab"))
from labkit import config, keys, pillar  # noqa: E402

# rke makes this one anew whenever it runs: it takes the snapshots, and nothing depends on it
MADE_ANEW = "etcd-rolling-snapshots"


def declare(*names: str, leaving: tuple[str, ...] = (), version: str | None = None) -> None:
    """Write the lab's nodes into its pillar. leaving: those that ``allow_removal`` lists; version: of Kubernetes."""
    cluster = {"allow_removal": leaving, "version": version}
    given = {key: value for key, value in cluster.items() if value}
    more = f"  cluster: {json.dumps(given)}\n" if given else ""
    keys.write_private(pillar.nodes_file(), pillar.nodes_text(names) + more)


def declared() -> set[str]:
    """Names of the nodes that the pillar has now."""
    return set(pillar.nodes())


def orchestrate(lab, name: str, *args: str, check: bool = True) -> dict[str, dict]:
    """Run one of ``k8s.orch``; return {id of a state: its answer}, in the order they ran."""
    done = lab.run("salt-run", "--out=json", "state.orch", f"k8s.orch.{name}", *args, timeout_s=2400, check=check)
    states = next(iter(json.loads(done.stdout[done.stdout.index("{") :])["data"].values()))
    assert isinstance(states, dict), states
    return {one["__id__"]: one for one in sorted(states.values(), key=lambda one: one["__run_num__"])}


def containers(lab, *nodes: str) -> set[tuple[str, str, str]]:
    """Node, id with the time of the start, and name of every container on these nodes."""
    command = "docker ps -aq --no-trunc | xargs docker inspect -f '{{.Id}}@{{.State.StartedAt}} {{.Name}}'"
    rows = [(node, *line.split()) for node in nodes for line in lab.ssh(node, command).splitlines()]
    return {row for row in rows if row[2].strip("/") != MADE_ANEW}


def take_out(lab, *names: str) -> None:
    """Take nodes that are VMs out of the cluster, one after the other, and delete their VMs."""
    for name in names:
        declare(*(declared() - {name}), leaving=(name,))
        answer = lab.salt(ADMIN, "state.apply", "k8s.cluster")[ADMIN]
        bad = [one["comment"] for one in answer.values() if one["result"] is False]
        assert not bad, bad
        lab.run("salt-cloud", "-y", "-d", name)
    declare(*declared())


def restore(lab, snapshot: str, lost: tuple[str, ...]) -> None:
    """Take lost nodes out of cluster.yml by hand, and let rke restore a snapshot on those that are left."""
    path = f"{config.STATE_DIR}/cluster.yml"
    text = lab.run("run", "cat", path).stdout
    content = yaml.safe_load(text)
    content["nodes"] = [node for node in content["nodes"] if node["hostname_override"] not in lost]
    lab.run("run", "tee", path, stdin=yaml.safe_dump(content))
    argv = [
        "flock",
        f"{config.STATE_DIR}/lock",
        "rke",
        "etcd",
        "snapshot-restore",
        "--config",
        path,
        "--name",
        snapshot,
    ]
    lab.run("run", *argv, timeout_s=1200)


def as_before(lab) -> None:
    """The lab as `make lab` made it, whatever a test left."""
    extra = sorted(declared() - set(NODES), reverse=True)
    take_out(lab, *extra)
    declare(*NODES)
    lab.salt("*", "state.apply", "k8s", timeout_s=900)


__all__ = ["as_before", "config", "containers", "declare", "declared", "orchestrate", "restore", "take_out"]
