"""What ``rke up`` would change: pure. rke has no dry run, so the plan is computed here."""

from __future__ import annotations

from typing import Any

from saltk8s.base import redact
from saltk8s.engine.plan import Change, Plan
from saltk8s.engine.rke.planning import consequences
from saltk8s.pillar.vocabulary import free_form


def plan_of(
    config: dict[str, Any],
    observed: dict[str, Any] | None,
    last: dict[str, Any] | None,
    rke: str | None,
    images: consequences.Images | None = None,
) -> Plan:
    """Return what ``rke up`` would do.

    config: the declared ``cluster.yml`` as data; observed: rkestate.parse; last: the record of the last run
    (``{"status", "time", "config", "digest", "rke", "joined"}``) or None; rke: the binary's version, None when unknown;
    images: returns the images of a Kubernetes version, asked for when the version changes.
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
    consequences.add(plan, config, observed["nodes"], last, images)
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
    """Return what the cluster is to be, without how rke gets there."""
    others = ("nodes", "kubernetes_version", "upgrade_strategy")
    return {key: value for key, value in config.items() if key not in others}


def _difference(old: Any, new: Any, path: str = "") -> dict[str, Change]:
    """Return {path: {"old", "new"}} of the leaves that differ; lists are leaves."""
    if isinstance(old, dict) and isinstance(new, dict):
        found: dict[str, Change] = {}
        for key in [*old, *(key for key in new if key not in old)]:
            found |= _difference(old.get(key), new.get(key), f"{path}.{key}" if path else str(key))
        return found
    if old == new:
        return {}
    return {path: {side: _shown(leaf, path) for side, leaf in (("old", old), ("new", new))}}


def _shown(leaf: Any, path: str) -> Any:
    parts = tuple(path.split("."))
    hidden = leaf is not None and not isinstance(leaf, (dict, list)) and free_form.is_secret(parts)
    return redact.REDACTED if hidden else free_form.mapped(leaf, lambda secret: redact.REDACTED, parts)
