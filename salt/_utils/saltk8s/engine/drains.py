"""Drains: what a plan's would meet, and those of nodes that leave.

No engine drains a node that it removes: its pods would end all at once, whatever their PodDisruptionBudgets say. And
none stops the pods' containers there.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from saltk8s.base import errors
from saltk8s.engine.base import Hooks
from saltk8s.engine.plan import Plan, named
from saltk8s.engine.ssh import Probe, Prober
from saltk8s.kubectl.client import api_errors
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.operations import drain

TIMEOUTS = {"timeout_s": 40, "request_timeout_s": 20}
KINDS = f"Node.v1.,Pod.v1.,DaemonSet.v1.apps,{drain.BUDGETS}"
DELETED = "deleted by the drains"  # how the line of the only obstacle begins that does not block them


def add(plan: Plan, kubectl: Kubectl, force: bool, timeout_s: float) -> None:
    """Complete a plan that drains nodes. Nothing is read for another one.

    force: whether the engine deletes pods that no controller re-creates; timeout_s: how long it waits for a drain.
    """
    names = [*(name for name, touched in plan.touched.items() if touched.drained), *plan.leaving]
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


# nodes that leave

# a constant for the node's shell: the containers of pods, which carry this label
STOP = (
    "docker ps --all --quiet --filter label=io.kubernetes.docker.type | xargs -r docker rm --force --volumes >/dev/null"
)


def without(model: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return the model as if nodes were not declared, and allowed to leave.

    Raises Invalid for an unknown name, Refused when no node would have a role any more.
    """
    changed, names = copy.deepcopy(model), list(names)
    for name in names:
        if changed["nodes"].pop(name, None) is None:
            raise errors.Invalid(f"without: got {name!r}; expected a node of k8s:nodes", "without", "no such node")
        changed["cluster"]["allow_removal"] = [*(changed["cluster"].get("allow_removal") or ()), name]
    roles, left = ({role for node in one["nodes"].values() for role in node["roles"]} for one in (model, changed))
    if lost := sorted(roles - left):
        raise errors.Refused(
            f"refused, nothing was run: without {named(names)} no node would have the role {' or '.join(lost)}: "
            f"first have another one, and apply"
        )
    return changed


def note(plan: Plan, probes: Mapping[str, Probe]) -> None:
    """Complete a plan with which of the nodes that leave are drained, and which cannot be. probes: what was found."""
    for name in plan.removed:
        if probes[name].problem:
            plan.notes.append(f"{name} does not answer: it leaves the cluster, but is not cleaned")
        else:
            plan.leaving.append(name)
    if plan.leaving:
        plan.notes.append(f"drained before the run, as they leave: {named(plan.leaving)}")


def drain_all(plan: Plan, kubectl: Kubectl, options: drain.Options, hooks: Hooks, repair: bool) -> None:
    """Drain the nodes that leave. A node that Kubernetes does not have any more was drained by an earlier run.

    repair: go on without, where a drain fails. Raises Refused, naming what is in the way, and DrainIncomplete.
    """
    for name in plan.leaving:
        hooks.event("drain", {"node": name})
        try:
            done = drain.drain(kubectl, name, options, False)
        except api_errors.NotFound:
            continue
        except errors.SaltK8sError as err:
            if not repair:
                raise
            done = {"evicted": [], "lines": [f"{name} leaves without having been drained: {err}"]}
        hooks.log(logging.INFO, f"{name} is drained; evicted: {len(done['evicted'])} pods")
        hooks.event("drained", {"node": name, "evicted": done["evicted"]})


def stop(prober: Prober, addresses: Mapping[str, str], hooks: Hooks) -> None:
    """Remove the pods' containers on nodes that have left. Never raises: that they left is done.

    addresses: {name: address} of those that left, and answered before.
    """
    for name, address in addresses.items():
        try:
            problem = prober.run(address, STOP)
        except errors.SaltK8sError as err:
            problem = str(err)
        if problem:
            hooks.log(logging.WARNING, f"pods' containers may still run on {name}, clean it: {problem}")
        hooks.event("left", {"node": name, "problem": problem})
