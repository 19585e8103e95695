"""What a plan's drains would meet: pods that would be lost, and what keeps pods from being evicted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from saltk8s.base import errors
from saltk8s.engine.plan import Plan, named
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.operations import drain

TIMEOUTS = {"timeout_s": 40, "request_timeout_s": 20}
KINDS = f"Node.v1.,Pod.v1.,DaemonSet.v1.apps,{drain.BUDGETS}"
DELETED = "deleted by the drains"  # how the line of the only obstacle begins that does not block them


def add(plan: Plan, kubectl: Kubectl, force: bool, timeout_s: float) -> None:
    """Complete a plan that drains nodes. Nothing is read for another one.

    force: whether the engine deletes pods that no controller re-creates; timeout_s: how long it waits for a drain.
    """
    names = [name for name, touched in plan.touched.items() if touched.drained]
    if plan.empty or plan.create or not names:
        return
    try:
        objects = kubectl.objects("get", KINDS, "--all-namespaces", **TIMEOUTS)
    except errors.SaltK8sError:
        plan.notes.append("what the drains would be blocked by is not known: the API server does not answer")
        return
    plan.obstacles += obstacles(objects, names, force, timeout_s)


def obstacles(objects: Iterable[Mapping[str, Any]], names: Iterable[str], force: bool, timeout_s: float) -> list[str]:
    """Return what drains of some nodes would meet, a line each.

    objects: all nodes, pods, DaemonSets and PodDisruptionBudgets; the rest: see add().
    """
    objects = list(objects)
    nodes = {one["metadata"]["name"]: one for one in objects if one["kind"] == "Node"}
    others = [one for one in objects if one["kind"] in ("DaemonSet", "PodDisruptionBudget")]
    plans = {name: _plan(nodes[name], objects, others) for name in names if name in nodes}
    lost = [pod for plan in plans.values() for pod in plan.unmanaged]
    several = {pod: budgets for plan in plans.values() for pod, budgets in plan.several.items()}
    found = [_lost(lost, force)] if lost else []
    found += [
        f"{pod} blocks its node's drain: the API server evicts no pod with several PodDisruptionBudgets "
        f"({', '.join(budgets)})"
        for pod, budgets in several.items()
    ]
    return found + _blocking(plans, timeout_s)


def _plan(
    node: Mapping[str, Any], objects: Sequence[Mapping[str, Any]], others: Sequence[Mapping[str, Any]]
) -> drain.Plan:
    pods = [one for one in objects if one["kind"] == "Pod" and _node_of(one) == node["metadata"]["name"]]
    # as if it was not cordoned yet: an engine evicts what tolerates that, too
    return drain.plan_for({"metadata": node["metadata"], "spec": {}}, pods, others)


def _node_of(pod: Mapping[str, Any]) -> str | None:
    return (pod.get("spec") or {}).get("nodeName")


def _lost(pods: list[str], force: bool) -> str:
    if force:
        return f"{DELETED}, and re-created by no controller: {named(pods)}"
    return f"the drains stop at these pods, because no controller re-creates them: {named(pods)}"


def _blocking(plans: Mapping[str, drain.Plan], timeout_s: float) -> list[str]:
    blocked: dict[str, list[str]] = {}
    reasons: dict[str, str] = {}
    for name, plan in plans.items():
        for budget in plan.budgets:
            if budget["blocks"]:
                blocked.setdefault(budget["name"], []).append(name)
                reasons[budget["name"]] = budget["reason"]
    return [
        f"PodDisruptionBudget {budget} allows no eviction now ({reasons[budget]}): while that is so, the drain of "
        f"{named(nodes)} fails after {timeout_s:g} s"
        for budget, nodes in blocked.items()
    ]
