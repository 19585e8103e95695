"""What ``rke up`` would change: pure. rke has no dry run, so the plan is computed here."""

from __future__ import annotations

from typing import Any

from saltk8s.base import redact
from saltk8s.engine.plan import Change, Plan
from saltk8s.engine.rke.cluster_yml import SECRET_KEYS

# what a change of an option does to the nodes that run, by the beginning of its path; the first match decides
_ALL, _CONTROL, _ETCD = "all", "controlplane", "etcd"
_EFFECTS = (
    ("services.kube-api", _CONTROL, "kube-apiserver is restarted"),
    ("services.kube-controller", _CONTROL, "kube-controller-manager is restarted"),
    ("services.scheduler", _CONTROL, "kube-scheduler is restarted"),
    ("services.etcd.creation", _ETCD, "the snapshot schedule changes"),
    ("services.etcd.retention", _ETCD, "the snapshot schedule changes"),
    ("services.etcd.snapshot", _ETCD, "the snapshot schedule changes"),
    ("services.etcd.backup_config", _ETCD, "the snapshot schedule changes"),
    ("services.etcd", _ETCD, "etcd is restarted"),
    ("services.kubelet", _ALL, "the node is drained and its kubelet restarted"),
    ("services.kubeproxy", _ALL, "the node is drained and kube-proxy restarted"),
    ("cloud_provider", _ALL, "the node is drained and its kubelet restarted"),
    ("private_registries", _ALL, "the node is drained and its kubelet restarted"),
    ("authentication", _CONTROL, "kube-apiserver gets a new certificate and is restarted"),
    ("network", _ALL, "the network plugin's pods are replaced"),
)


def plan_of(
    config: dict[str, Any], observed: dict[str, Any] | None, last: dict[str, Any] | None, rke: str | None
) -> Plan:
    """Return what ``rke up`` would do.

    config: the declared ``cluster.yml`` as data; observed: rkestate.parse; last: the record of the last run
    (``{"status", "time", "config", "digest", "rke"}``) or None; rke: the binary's version, None when unknown.
    """
    nodes = {node["hostname_override"]: node for node in config["nodes"]}
    plan = Plan(addresses={name: node["address"] for name, node in nodes.items()})
    if observed is None or not observed["running"]:
        plan.create = True
        plan.version = {"old": None, "new": config["kubernetes_version"]}
        plan.added = {name: list(node["role"]) for name, node in nodes.items()}
        if observed is not None:
            plan.reasons.append("an earlier run made the keys and did not finish; its state is used")
        return plan
    _compare_nodes(plan, nodes, observed["nodes"])
    if observed["version"] != config["kubernetes_version"]:
        plan.version = {"old": observed["version"], "new": config["kubernetes_version"]}
    if last and last.get("config"):
        plan.options |= _difference(_options(last["config"]), _options(config))
        _compare_node_options(plan, nodes, {n["hostname_override"]: n for n in last["config"]["nodes"]})
    _unfinished(plan, observed, last)
    if rke and last and last.get("rke") and last["rke"] != rke:
        plan.options["rke"] = {"old": last["rke"], "new": rke}
    _touch(plan, nodes, observed["nodes"])
    return plan


def _unfinished(plan: Plan, observed: dict[str, Any], last: dict[str, Any] | None) -> None:
    if not last:
        plan.reasons.append("this minion has no record of a successful run")
    elif last.get("status") != "done":
        plan.reasons.append(f"the run of {last.get('time', 'before')} did not finish")
    elif last.get("digest") != observed["digest"]:
        plan.reasons.append("rke was run manually since the last run, with another configuration")


def _compare_nodes(plan: Plan, nodes: dict[str, Any], running: dict[str, Any]) -> None:
    for name, node in nodes.items():
        if name not in running:
            plan.added[name] = list(node["role"])
            continue
        old, new = set(running[name]["roles"]), set(node["role"])
        if old != new:
            plan.reroled[name] = {"old": sorted(old), "new": sorted(new)}
        if running[name]["address"] != node["address"]:
            plan.moved[name] = {"old": running[name]["address"], "new": node["address"]}
    plan.removed = {name: list(node["roles"]) for name, node in running.items() if name not in nodes}


def _compare_node_options(plan: Plan, nodes: dict[str, Any], applied: dict[str, Any]) -> None:
    for name in nodes.keys() & applied.keys():
        for key in ("labels", "taints", "internal_address", "user", "port"):
            old, new = applied[name].get(key), nodes[name].get(key)
            if key == "taints":
                old, new = _taints(old), _taints(new)
            if old != new:
                plan.options[f"nodes.{name}.{key}"] = {"old": old, "new": new}


def _taints(taints: list[dict[str, str]] | None) -> list[str] | None:
    return [f"{one['key']}={one['value']}:{one['effect']}" for one in taints] if taints else None


def _options(config: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if key not in ("nodes", "kubernetes_version")}


def _difference(old: Any, new: Any, path: str = "") -> dict[str, Change]:
    """Return {path: {"old", "new"}} of the leaves that differ; lists are leaves."""
    if isinstance(old, dict) and isinstance(new, dict):
        found: dict[str, Change] = {}
        for key in [*old, *(key for key in new if key not in old)]:
            found |= _difference(old.get(key), new.get(key), f"{path}.{key}" if path else str(key))
        return found
    if old == new:
        return {}
    key = path.rpartition(".")[2]
    return {path: {side: redact.fields({key: leaf}, SECRET_KEYS)[key] for side, leaf in (("old", old), ("new", new))}}


def _touch(plan: Plan, nodes: dict[str, Any], running: dict[str, Any]) -> None:
    staying = {name: set(node["roles"]) for name, node in running.items() if name in nodes}
    effects: dict[str, list[str]] = {name: [] for name in staying}

    def touch(role: str, what: str) -> None:
        for name, roles in staying.items():
            if (role == _ALL or role in roles) and what not in effects[name]:
                effects[name].append(what)

    if plan.version or "rke" in plan.options:
        touch(_ALL, "the node is drained and its Kubernetes programs restarted")
    membership = {**plan.added, **plan.removed}
    rerolled = {role for c in plan.reroled.values() for role in set(c["old"]) ^ set(c["new"])}
    roles = {role for members in membership.values() for role in members} | rerolled
    if _ETCD in roles:
        touch(_ETCD, "etcd is restarted with another list of members")
        touch(_CONTROL, "kube-apiserver is restarted with another list of etcd members")
    if _CONTROL in roles:
        touch(_ALL, "its list of API servers changes")
    for path in plan.options:
        for start, role, what in _EFFECTS:
            if path == start or path.startswith(f"{start}."):
                touch(role, what)
                break
    for path in plan.options:
        if path.startswith("nodes."):
            name, key = path.removeprefix("nodes.").rsplit(".", 1)
            if name in effects:
                effects[name].append(f"its {key} change")
    for name in [*plan.reroled, *plan.moved]:
        if name in effects:
            effects[name].append("its programs change with its roles or address")
    plan.touched = {name: "; ".join(what) for name, what in effects.items() if what}
