"""From one minor version of Kubernetes to the next and back: `SALTK8S_LAB_OLDER=1 make lab`, then `make e2e-life`."""

from __future__ import annotations

import datetime
import json
import re
import subprocess
import sys
import threading
import time

import machines
import pytest
from conftest import ADMIN, NODES, ROOT, changed, failed, until
from test_traefik import SPACES, emptied, front  # noqa: F401
from visitors import Visitors

sys.path.insert(0, str(ROOT / "lab"))
from labkit import config, pillar, versions  # noqa: E402

pytestmark = pytest.mark.life
APPLY_S = 2400
WORKERS = {"k8s-w1", "k8s-w2"}
RUNS = f"{config.STATE_DIR}/runs"
FIGURES = ROOT / "build" / "upgrade.json"
_LINE = re.compile(r'^time="([^"]+)" level=\w+ msg="(.*)"$')
_TURN = re.compile(r"(?:Processing controlplane|\[workerplane\] Processing) host (\S+)")
_PHASES = {"[etcd] Building up etcd plane": "etcd", "[sync] Syncing nodes Labels and Taints": "add-ons"}


@pytest.fixture(autouse=True, scope="module")
def a_lab_of_the_older_version(lab):
    if versions.OLDER_CLUSTER not in (pillar.folder() / "lab" / "generated.sls").read_text():
        pytest.skip("the lab was not made with SALTK8S_LAB_OLDER=1")
    yield
    upgraded = f"v{versions.KUBERNETES}" in kubelets(lab).values()
    declare(versions.CLUSTER if upgraded else versions.OLDER_CLUSTER)


@pytest.fixture
def namespace(lab):
    """One whose routes Traefik serves."""
    yield from emptied(lab, SPACES[0])


def kubelets(lab) -> dict[str, str]:
    """The version of each node's kubelet."""
    nodes = lab.objects("nodes")["items"]
    return {node["metadata"]["name"]: node["status"]["nodeInfo"]["kubeletVersion"] for node in nodes}


def declare(version: str) -> None:
    machines.declare(*NODES, version=version)


def all_have(version: str) -> dict[str, str]:
    return dict.fromkeys(NODES, f"v{version}")


def apply(lab, *args: str, check: bool = True) -> dict:
    return lab.salt(ADMIN, "state.apply", "k8s", *args, timeout_s=APPLY_S, check=check)[ADMIN]


def said_by_rke(lab) -> list[tuple[float, str]]:
    """When rke said what, in all of its runs that are kept."""
    text = lab.run("run", "sh", "-c", f"cat {RUNS}/*.log").stdout
    found = filter(None, map(_LINE.match, text.splitlines()))
    return [(datetime.datetime.fromisoformat(one[1].replace("Z", "+00:00")).timestamp(), one[2]) for one in found]


def phases(lab, since: float) -> list[tuple[float, str]]:
    """When rke began with what."""
    found = []
    for moment, message in said_by_rke(lab):
        turn = _TURN.search(message)
        name = turn[1] if turn else next((name for words, name in _PHASES.items() if words in message), "")
        if name and moment >= since:
            found.append((moment, name))
    return found


def forget_the_images_of_the_newer(lab) -> None:
    """The lab's VMs begin with them, those of a site do not."""
    for node in NODES:
        lab.ssh(node, f"docker rmi {config.REGISTRY}/rancher/hyperkube:{versions.HYPERKUBE}")


def of_rke(lab, nodes) -> set[tuple[str, str, str]]:
    """The containers that are no pods: an add-on may have made its pods anew."""
    return {row for row in machines.containers(lab, *nodes) if not row[2].startswith("/k8s_")}


def is_cordoned(lab, name: str) -> bool:
    return bool(lab.objects("node", name)["spec"].get("unschedulable"))


def kill_rke() -> bool:
    """SIGKILL; whether there was one."""
    argv = ["docker", "exec", config.ADMIN, "pkill", "-9", "-f", "/rke up "]
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0


def killed_in_the_last_workers_turn(lab, since: float) -> dict:
    """Apply, kill rke while it drains the last worker, and return the answer."""
    answers: dict = {}
    runner = threading.Thread(target=lambda: answers.update(apply(lab, check=False)))
    runner.start()
    try:
        turns = until(
            lambda: (
                {name: None for _, name in phases(lab, since) if name.startswith("k8s-w")}.keys() >= WORKERS
                and phases(lab, since)
            ),
            "the last worker's turn",
            APPLY_S,
        )
        until(lambda: is_cordoned(lab, turns[-1][1]), "it is drained", 60)
        assert kill_rke()
    finally:
        runner.join()
    return answers


def test_an_upgrade_that_was_killed_goes_on_and_few_requests_are_lost(lab, front, namespace):  # noqa: F811
    assert kubelets(lab) == all_have(versions.OLDER)
    found = lab.salt(ADMIN, "k8s_cluster.preflight", versions.CLUSTER)[ADMIN]
    assert found["ok"], found["lines"]
    declare(versions.CLUSTER)
    plan = lab.salt(ADMIN, "k8s_cluster.plan")[ADMIN]
    assert plan["changes"]["version"] == {"old": versions.OLDER_CLUSTER, "new": versions.CLUSTER}
    forget_the_images_of_the_newer(lab)
    begin = time.time()
    with Visitors(lab, front, namespace) as visitors:
        answer = killed_in_the_last_workers_turn(lab, begin)
        assert any("was killed" in line for line in failed(answer)), answer
        left = {name for name, version in kubelets(lab).items() if version != f"v{versions.KUBERNETES}"}
        assert len(left) == 1 and left < WORKERS, left
        done = of_rke(lab, set(NODES) - left)
        again = apply(lab)
        end = time.time()
    assert not failed(again), failed(again)
    write_figures(lab, begin, end, visitors, {"preflight": found["lines"], "plan": plan["lines"]})
    assert kubelets(lab) == all_have(versions.KUBERNETES)
    assert of_rke(lab, set(NODES) - left) == done, "what was done is not done twice"
    assert not any(is_cordoned(lab, name) for name in NODES)
    assert len(visitors.lost()) < len(visitors.answers) / 100, visitors.lost()
    assert not changed(apply(lab))


def write_figures(lab, begin: float, end: float, visitors: Visitors, more: dict) -> None:
    """Seconds and requests of each phase, for docs/operations/upgrade.md."""
    found = phases(lab, begin)
    figures = {
        "seconds": round(end - begin),
        "begins": [[round(moment - begin), name] for moment, name in found],
        "requests": visitors.between(found),
        "lost": [[round(moment - begin, 1), *one] for moment, *one in visitors.lost()],
    }
    FIGURES.parent.mkdir(exist_ok=True)
    FIGURES.write_text(json.dumps(figures | more, indent=1) + "\n")


def test_back_by_the_snapshot_that_the_upgrade_took(lab):
    if kubelets(lab) != all_have(versions.KUBERNETES):
        pytest.skip("there is no upgrade to go back from")
    snapshot = snapshot_before_the_upgrade(lab)
    lab.kubectl("create", "configmap", "written-after-the-upgrade")
    declare(versions.OLDER_CLUSTER)
    refused = lab.salt(ADMIN, "state.apply", "k8s.cluster", check=False)[ADMIN]
    assert "cannot go back" in " ".join(failed(refused))
    lab.salt(ADMIN, "k8s_etcd.restore", snapshot, f"confirm={config.CLUSTER}", timeout_s=1800)
    assert kubelets(lab) == all_have(versions.OLDER)
    answer = apply(lab)
    assert not failed(answer), failed(answer)
    assert not changed(apply(lab))
    assert not lab.kubectl("get", "configmap", "written-after-the-upgrade", "--ignore-not-found")


def snapshot_before_the_upgrade(lab) -> str:
    """The name of the one of the run that was killed: the run that went on with it kept that."""
    said = lab.salt(ADMIN, "k8s_cluster.status")[ADMIN]["last_run"]["snapshot"]
    return re.search(r"/([^/]+)\.zip", said)[1]
