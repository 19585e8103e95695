"""Drain a node: plan which pods are evicted and which obstacles there are; then run ``kubectl drain``.

kubectl cordons before it checks, and when a PodDisruptionBudget blocks the drain, it only reports a timeout. Here
everything is checked before anything is done, by the API server's own rules for evictions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from saltk8s.base import errors
from saltk8s.kubectl.client import program
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.operations import budgets, changes, cordon, target

MIRROR = "kubernetes.io/config.mirror"
BUDGETS = "PodDisruptionBudget.v1.policy"
CORDON = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}  # the taint of a cordoned node
SHOWN = 10  # pods that an error names


class Options(NamedTuple):
    """How a node is drained; ``grace_s`` None: each pod's own."""

    timeout_s: float = 300
    grace_s: int | None = None
    delete_emptydir_data: bool = False
    force: bool = False
    disable_eviction: bool = False


class DrainIncomplete(errors.CommandTimeout):
    """Pods are left to evict, in most cases because of the timeout; ``changes`` has what was done before."""

    def __init__(self, message: str, changes: dict[str, Any], code: str):
        self.changes = changes
        self.code = code
        super().__init__(message)

    def details(self) -> dict[str, Any]:
        """Return the code and the changes."""
        return super().details() | {"changes": self.changes}


@dataclass
class Plan:
    """What draining a node means.

    cordon: it is to be cordoned; evict: name -> uid of the pods to evict; left: name -> why it is not evicted;
    tolerating: of these, name -> uid of those that tolerate the unschedulable taint (system pods often do), left when
    no other pod is to be evicted; emptydir, unmanaged: names of pods that lose data, or that no controller re-creates;
    several: name -> its budgets, where there are more than the one that the API server accepts; budgets: see
    budgets.state(); uncountable: name -> why, of those that allow no eviction at all: see budgets.uncountable().
    Names are ``namespace/name``.
    """

    cordon: bool
    evict: dict[str, str] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)
    tolerating: dict[str, str] = field(default_factory=dict)
    emptydir: list[str] = field(default_factory=list)
    unmanaged: list[str] = field(default_factory=list)
    several: dict[str, list[str]] = field(default_factory=dict)
    uncountable: dict[str, str] = field(default_factory=dict)
    budgets: list[dict[str, Any]] = field(default_factory=list)

    def obstacles(self, options: Options) -> list[str]:
        """Return why the drain is refused; empty when it is not."""
        found = [
            f"{pod}: the API server refuses to evict a pod with several PodDisruptionBudgets: {', '.join(names)} "
            "(disable_eviction=True deletes it)"
            for pod, names in self.several.items()
        ]
        found += [
            f"PodDisruptionBudget {name} allows no eviction, because its controller cannot count its pods: {why} "
            "(disable_eviction=True deletes them)"
            for name, why in self.uncountable.items()
        ]
        found = [] if options.disable_eviction else found
        if self.unmanaged and not options.force:
            found.append(f"no controller re-creates these pods (force=True deletes them): {', '.join(self.unmanaged)}")
        if self.emptydir and not options.delete_emptydir_data:
            found.append(
                "emptyDir volumes of these pods would be lost (delete_emptydir_data=True allows it): "
                + ", ".join(self.emptydir)
            )
        return found

    def changes(self) -> dict[str, dict[str, Any]]:
        """Return Salt's ``changes``."""
        changes: dict[str, dict[str, Any]] = {"unschedulable": {"old": False, "new": True}} if self.cordon else {}
        return changes | {f"Pod {name}": {"old": "present", "new": None} for name in self.evict}

    def completed(self, after: Plan) -> Plan:
        """Return the part of this plan that was completed, given the plan made afterwards."""
        remaining = {*after.evict.values(), *after.tolerating.values()}
        gone = {name: uid for name, uid in self.evict.items() if uid not in remaining}
        return replace(self, cordon=self.cordon and not after.cordon, evict=gone)

    def blocking(self) -> list[str]:
        """Return which budgets allow no eviction now, as lines of text."""
        return [
            f"PodDisruptionBudget {one['name']} allows {one['disruptions_allowed']} disruptions now"
            f"{one['reason'] and ' (' + one['reason'] + ')'}; it covers {', '.join(one['pods'])}"
            for one in self.budgets
            if one["blocks"]
        ]

    def as_dict(self) -> dict[str, Any]:
        """Return the plan as data."""
        return {
            "evicted": sorted(self.evict),
            "left": self.left,
            "emptydir": self.emptydir,
            "unmanaged": self.unmanaged,
            "budgets": self.budgets,
        }


def drain(kubectl: Kubectl, name: str, options: Options, test: bool) -> dict[str, Any]:
    """Cordon a node and evict its pods; return ``changes``, ``lines``, ``obstacles`` and what Plan.as_dict() gives.

    Raises Refused before anything is done, DrainIncomplete after the timeout, with what was done.
    """
    if test and not kubectl.cluster_exists:
        return _outcome(Plan(cordon=True), [], [changes.NO_CLUSTER])
    plan = read_plan(kubectl, name)
    obstacles = plan.obstacles(options)
    if test:
        return _outcome(plan, obstacles, [] if options.disable_eviction else plan.blocking())
    if obstacles:
        raise errors.Refused("\n".join([f"node {name} is not drained, nothing was done:", *obstacles]))
    if plan.changes():
        try:
            _run(kubectl, name, options)
        except errors.SaltK8sError as err:
            after = read_plan(kubectl, name)  # raises as well when the API server does not answer
            plan = plan.completed(after)
            _check_incomplete(plan, after, name, options, err)
    return _outcome(plan, [], [])


def read_plan(kubectl: Kubectl, name: str) -> Plan:
    """Read a node, its pods and all budgets; return the plan."""
    node = target.get_object(kubectl, target.NODE, name)
    pods = kubectl.objects("get", "Pod.v1.", "--all-namespaces", "--field-selector", f"spec.nodeName={name}")
    others = kubectl.objects("get", f"{BUDGETS},DaemonSet.v1.apps", "--all-namespaces") if pods else []
    return plan_for(node, pods, others)


def plan_for(node: Mapping[str, Any], pods: Iterable[Mapping[str, Any]], others: Sequence[Mapping[str, Any]]) -> Plan:
    """Return the plan for a node; pods: all on it; others: the cluster's PodDisruptionBudgets and DaemonSets."""
    daemon_sets = {obj["metadata"]["uid"] for obj in others if obj["kind"] == "DaemonSet"}
    plan, candidates = Plan(cordon=not cordon.is_cordoned(node)), []
    for pod in sorted(pods, key=budgets.name):
        name, owner = budgets.name(pod), _controller(pod)
        if MIRROR in (pod["metadata"].get("annotations") or {}):
            plan.left[name] = "static pod: its kubelet manages it"
            continue
        if not _is_finished(pod) and owner.get("kind") == "DaemonSet" and owner.get("uid") in daemon_sets:
            plan.left[name] = f"DaemonSet {owner['name']} manages it"
            continue
        candidates.append(pod)
    taints = [CORDON, *((node.get("spec") or {}).get("taints") or [])]
    if not plan.cordon and all(_comes_back(pod, taints) for pod in candidates):
        # their controllers would re-create them on this node at once: a state would evict them in each run
        plan.left |= dict.fromkeys(map(budgets.name, candidates), "tolerates the unschedulable taint")
        plan.tolerating = {budgets.name(pod): pod["metadata"]["uid"] for pod in candidates}
        return plan
    for pod in candidates:
        name, owner = budgets.name(pod), _controller(pod)
        plan.evict[name] = pod["metadata"]["uid"]
        if _is_finished(pod):
            continue
        if not owner or owner.get("kind") == "DaemonSet":  # its DaemonSet was deleted
            plan.unmanaged.append(name)
        if any("emptyDir" in volume for volume in (pod.get("spec") or {}).get("volumes") or []):
            plan.emptydir.append(name)
    _budgets(plan, candidates, [obj for obj in others if obj["kind"] == "PodDisruptionBudget"])
    return plan


def _is_finished(pod: Mapping[str, Any]) -> bool:
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def _comes_back(pod: Mapping[str, Any], taints: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether a pod's controller may re-create it on the node: the scheduler asks for the same."""
    tolerations = (pod.get("spec") or {}).get("tolerations") or []
    binding = [taint for taint in taints if taint.get("effect") in ("NoSchedule", "NoExecute")]
    tolerated = all(any(_tolerates(one, taint) for one in tolerations) for taint in binding)
    return tolerated and not _is_finished(pod) and bool(_controller(pod))


def _tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    """Kubernetes' own rule: without an effect all effects, without a key all taints, without an operator Equal.

    How long it is tolerated (tolerationSeconds) does not count: the pod is scheduled here all the same.
    """
    key, effect = toleration.get("key") or "", toleration.get("effect") or ""
    if effect not in ("", taint["effect"]) or key not in ("", taint["key"]):
        return False
    if toleration.get("operator") == "Exists":
        return True
    return (toleration.get("operator") or "Equal") == "Equal" and (toleration.get("value") or "") == (
        taint.get("value") or ""
    )


def _budgets(plan: Plan, candidates: Sequence[Mapping[str, Any]], all_budgets: Iterable[Mapping[str, Any]]) -> None:
    covering: dict[str, list[str]] = {}
    for budget in sorted(all_budgets, key=budgets.name):
        covered = [pod for pod in candidates if budgets.covers(budget, pod)]
        if not covered:
            continue
        plan.budgets.append(budgets.state(budget, covered))
        if plan.budgets[-1]["blocks"] and (why := budgets.uncountable(budget)):
            plan.uncountable[budgets.name(budget)] = why
        for pod in covered:
            if budgets.is_protected(pod):
                covering.setdefault(budgets.name(pod), []).append(budgets.name(budget))
    plan.several = {name: names for name, names in covering.items() if len(names) > 1}


def _run(kubectl: Kubectl, name: str, options: Options) -> None:
    limit = max(1, round(options.timeout_s))
    arguments = ["drain", name, "--ignore-daemonsets", f"--timeout={limit}s"]
    arguments += [f"--grace-period={int(options.grace_s)}"] if options.grace_s is not None else []
    arguments += ["--delete-emptydir-data"] if options.delete_emptydir_data else []
    arguments += ["--force"] if options.force else []
    arguments += ["--disable-eviction"] if options.disable_eviction else []
    kubectl.run(*arguments, what=f"drain {name}", timeout_s=limit + program.REQUEST_TIMEOUT_S, request_timeout_s=0)


def _check_incomplete(completed: Plan, after: Plan, name: str, options: Options, err: errors.SaltK8sError) -> None:
    """Raise which pods are left and why, after kubectl failed; unless none is left to evict."""
    if not after.evict and not after.cordon:
        return
    timed_out = "timeout reached" in str(err) or "deadline exceeded" in str(err)  # kubectl's messages for its --timeout
    names = sorted(after.evict)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    first = f"node {name} is not drained{f': timed out after {options.timeout_s:g} s' if timed_out else ''}"
    first += "" if after.cordon else ", it stays cordoned"
    first += f"; not evicted: {', '.join(names[:SHOWN])}{more}" if names else ""
    lines = [first, *([] if options.disable_eviction else after.blocking()), *([] if timed_out else [str(err)])]
    raise DrainIncomplete("\n".join(lines), completed.changes(), "timeout" if timed_out else err.code) from err


def _outcome(plan: Plan, obstacles: list[str], notes: list[str]) -> dict[str, Any]:
    found = plan.changes()
    lines = [*changes.lines(found), *obstacles, *notes]
    return {"changes": found, "lines": lines, "obstacles": obstacles} | plan.as_dict()


def _controller(pod: Mapping[str, Any]) -> Mapping[str, Any]:
    owners = pod["metadata"].get("ownerReferences") or []
    return next((owner for owner in owners if owner.get("controller")), {})
