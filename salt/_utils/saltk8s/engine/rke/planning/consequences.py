"""What a planned change does to the nodes that run, to add-ons and to certificates: pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from saltk8s.base import errors
from saltk8s.engine.plan import Plan, Touched
from saltk8s.engine.rke import cluster_yml
from saltk8s.engine.rke.planning.deployed import SCHEDULE, Deployed, kept
from saltk8s.pillar.vocabulary.roles import CONTROL_PLANE, ETCD, WORKER

Images = Callable[[str], Iterable[str]]
_ENCRYPTION = "services.kube-api.secrets_encryption_config.enabled"
OWNER = "services.etcd.uid"
# of k8s:cluster:engine_config: what follows from these is not computed here
UNFORETOLD = frozenset(
    {"addons", "addons_include", "cri_dockerd_stream_server_address", "cri_dockerd_stream_server_port", "dns"}
    | {"enable_cri_dockerd", "ingress", "prefix_path", "system_images", "win_prefix_path"}
)
UNCORDONS = "rke uncordons every node, also one that was cordoned by hand"
_OF_API_CERTIFICATE = ("kube-apiserver", "kube-controller-manager")


def add(
    plan: Plan,
    config: dict[str, Any],
    running: Mapping[str, Any],
    last: Mapping[str, Any] | None,
    images: Images | None = None,
) -> None:
    """Complete a plan of changes to a running cluster.

    config: the declared ``cluster.yml``; running: the cluster's nodes, of rkestate.parse; last: the record of the last
    run, without which the options are taken as unchanged; images: returns those of a Kubernetes version, None: unknown.
    """
    applied = _applied(config, running, last, plan)
    tags = [_tags(images if plan.version else None, one["kubernetes_version"]) for one in (applied, config)]
    before = Deployed(applied, tags[0], "existing" if last and last.get("joined") else "new")
    after = Deployed(config, tags[1], "existing" if joined(plan) else "new")
    old, new = before.certificates(), after.certificates()
    remade = [name for name, content in new.items() if old.get(name) != content]
    touched = {name: _touched(name, before, after) for name in before.nodes if name in after.nodes}
    _restart(touched, before, after, remade)
    _describe(plan, touched, after)
    plan.touched = {name: one for name, one in touched.items() if one.words()}
    plan.turns = _turns(plan, after, cluster_yml.together(config))
    plan.addons = _addons(before.addons(), after.addons())
    plan.certificates = [*remade, "kube-admin"]  # the administrator's with each run
    plan.always = [*_notes(plan, last), UNCORDONS]


def joined(plan: Plan) -> bool:
    """Return whether a run adds members to the cluster's etcd: its containers then say so until the next run."""
    gained = [set(change["new"]) - set(change["old"]) for change in plan.reroled.values()]
    return not plan.create and any(ETCD in roles for roles in (*plan.added.values(), *gained))


def _applied(
    config: dict[str, Any], running: Mapping[str, Any], last: Mapping[str, Any] | None, plan: Plan
) -> dict[str, Any]:
    """Return the configuration that the running cluster was made from, as far as it is known."""
    recorded = (last or {}).get("config") or {
        **config,
        "nodes": [{**node, "hostname_override": name, "role": node["roles"]} for name, node in running.items()],
    }
    return {
        **recorded,
        "kubernetes_version": plan.version["old"] if plan.version else config["kubernetes_version"],
        "nodes": [node for node in recorded["nodes"] if node["hostname_override"] in running],
    }


def _tags(images: Images | None, version: str) -> dict[str, str]:
    """Return ``{name: tag}``, empty when this rke does not know the version."""
    try:
        listed = list(images(version)) if images else []
    except errors.CommandError:
        return {}
    return {name: tag for name, _, tag in (image.rpartition("/")[2].partition(":") for image in listed)}


def _touched(name: str, before: Deployed, after: Deployed) -> Touched:
    old, new = before.nodes[name], after.nodes[name]
    if old["address"] != new["address"]:
        return Touched(True, sorted(after.containers(name)))
    left = kept(before.containers(name), old["role"], new["role"])
    recreated = [one for one, content in after.containers(name).items() if one not in left or left[one] != content]
    return Touched(bool({*recreated} - {"etcd"}), sorted(recreated))


def _restart(touched: Mapping[str, Touched], before: Deployed, after: Deployed, remade: list[str]) -> None:
    """With a new certificate of the API server, rke restarts what uses new ones, one node after the other."""
    if "kube-apiserver" not in remade:
        return
    etcd = ("etcd",) if any(name.startswith("kube-etcd-") for name in remade) else ()
    for name, one in touched.items():
        roles = set(before.nodes[name]["role"]) & set(after.nodes[name]["role"])
        affected = [*(etcd if ETCD in roles else ()), *(_OF_API_CERTIFICATE if CONTROL_PLANE in roles else ())]
        restarted = [container for container in affected if container not in one.recreated]
        if restarted:
            one.others.append(f"restarted with a new certificate: {', '.join(restarted)}")


def _describe(plan: Plan, touched: Mapping[str, Touched], after: Deployed) -> None:
    schedule = any(path == key or path.startswith(f"{key}.") for path in plan.options for key in SCHEDULE)
    for name, one in touched.items():
        if schedule and ETCD in after.nodes[name]["role"]:
            one.others.append("the snapshot schedule changes")
        for key in ("labels", "taints", "internal_address", "user", "port"):
            if f"nodes.{name}.{key}" in plan.options:
                one.others.append(f"its {key} {'change' if key.endswith('s') and key[0] in 'lt' else 'changes'}")
        change = plan.reroled.get(name)
        if change and WORKER in set(change["old"]) - set(change["new"]) and ETCD in change["new"]:
            one.others.append("a taint evicts its pods")


def _turns(plan: Plan, after: Deployed, together: int) -> int:
    """Control planes and members of etcd are drained one after the other, so many of the other workers together."""
    drained = [set(after.nodes[name]["role"]) for name, one in plan.touched.items() if one.drained]
    workers = sum(roles == {WORKER} for roles in drained)
    return len(drained) - workers + -(-workers // together)


def _addons(old: Mapping[str, list[Any]], new: Mapping[str, list[Any]]) -> dict[str, str]:
    found = {}
    for name in [*old, *(name for name in new if name not in old)]:
        if name not in new:
            found[name] = "is deleted"
        elif name not in old:
            found[name] = "is deployed"
        elif old[name] != new[name]:
            # the DNS servers read their configuration again by themselves
            reads = name == "DNS" and old[name][0] == new[name][0]
            found[name] = "changes" if reads else "changes; its pods are restarted"
    return found


def _notes(plan: Plan, last: Mapping[str, Any] | None) -> list[str]:
    notes = []
    if "rke" in plan.options:
        notes.append("another rke may have other images and flags: what it recreates for them is not in this plan")
    if others := sorted({path.partition(".")[0] for path in plan.options} & UNFORETOLD):
        notes.append(f"what rke recreates for {', '.join(others)} of cluster.yml is not in this plan")
    if _ENCRYPTION in plan.options:
        notes.append("every Secret is written again")
    if OWNER in plan.options and not any("etcd" in one.recreated for one in plan.touched.values()):
        notes.append("etcd's files get the new owner, but etcd runs as before until its container is made anew")
    if not last or last.get("status") != "done":
        notes.append("without a record of a finished run, what was changed since it is not in this plan")
    return notes
