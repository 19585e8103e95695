"""Empty a node: what would be evicted, what stays, what stands in the way; then ``kubectl drain`` does it.

kubectl cordons first and looks afterwards, and a drain that a PodDisruptionBudget stops ends with a bare timeout. Here
everything is looked at before anything is done, by the API server's own rules for evictions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from saltk8s.base import errors
from saltk8s.kubectl.client.program import REQUEST_TIMEOUT_S, Kubectl
from saltk8s.kubectl.health import judge
from saltk8s.kubectl.manifests import selectors
from saltk8s.kubectl.operations import nodes, target

MIRROR = "kubernetes.io/config.mirror"
BUDGETS = "PodDisruptionBudget.v1.policy"
CORDON = "node.kubernetes.io/unschedulable"  # the taint of a cordoned node
SHOWN = 10  # pods that an error names


class Options(NamedTuple):
    """How a node is drained; ``grace_s`` None: each pod's own."""

    timeout_s: float = 300
    grace_s: int | None = None
    delete_emptydir_data: bool = False
    force: bool = False


class Stuck(errors.CommandTimeout):
    """The node is not empty, mostly because the time is over; ``changes`` has what was done before."""

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

    cordon: it takes pods now; evict: name -> uid of the pods that go; left: name -> why it stays; returning: of these,
    name -> uid of those that a cordon does not keep away (rke's own are such), left when nothing else has to go;
    emptydir, unmanaged: names of those that lose data, or that nothing starts again; several: name -> the budgets that
    cover it, where the API server takes only one; budgets: see _budget(). Names are ``namespace/name``.
    """

    cordon: bool
    evict: dict[str, str] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)
    returning: dict[str, str] = field(default_factory=dict)
    emptydir: list[str] = field(default_factory=list)
    unmanaged: list[str] = field(default_factory=list)
    several: dict[str, list[str]] = field(default_factory=dict)
    budgets: list[dict[str, Any]] = field(default_factory=list)

    def obstacles(self, options: Options) -> list[str]:
        """Return why it must not begin, nothing when it may."""
        found = [
            f"{pod}: several PodDisruptionBudgets cover it, the API server refuses to evict: {', '.join(names)}"
            for pod, names in self.several.items()
        ]
        if self.unmanaged and not options.force:
            found.append(f"no controller starts these again (force deletes them): {', '.join(self.unmanaged)}")
        if self.emptydir and not options.delete_emptydir_data:
            found.append(
                "their emptyDir volumes would be lost (delete_emptydir_data allows it): " + ", ".join(self.emptydir)
            )
        return found

    def changes(self) -> dict[str, dict[str, Any]]:
        """Return Salt's ``changes``."""
        changes: dict[str, dict[str, Any]] = {"unschedulable": {"old": False, "new": True}} if self.cordon else {}
        return changes | {f"Pod {name}": {"old": "present", "new": None} for name in self.evict}

    def done(self, after: Plan) -> Plan:
        """Return what is done of this plan when the node is as in ``after``."""
        still = {*after.evict.values(), *after.returning.values()}
        gone = {name: uid for name, uid in self.evict.items() if uid not in still}
        return replace(self, cordon=self.cordon and not after.cordon, evict=gone)

    def blocking(self) -> list[str]:
        """Return which budgets do not let a pod go now, for people."""
        return [
            f"PodDisruptionBudget {one['name']} allows {one['disruptions_allowed']} disruptions now"
            f"{one['reason'] and ' (' + one['reason'] + ')'}; it covers {', '.join(one['pods'])}"
            for one in self.budgets
            if one["blocks"]
        ]

    def told(self) -> dict[str, Any]:
        """Return the plan as data."""
        return {
            "evicted": sorted(self.evict),
            "left": self.left,
            "emptydir": self.emptydir,
            "unmanaged": self.unmanaged,
            "budgets": self.budgets,
        }


def drain(kubectl: Kubectl, name: str, options: Options, test: bool) -> dict[str, Any]:
    """Cordon a node and evict its pods; return ``changes``, ``lines``, ``obstacles`` and what Plan.told() gives.

    Raises Refused before anything is done, Stuck with what was done when the time is over.
    """
    if test and not kubectl.cluster_exists:
        return _outcome(Plan(cordon=True), [], [nodes.EARLY])
    plan = look(kubectl, name)
    obstacles = plan.obstacles(options)
    if test:
        return _outcome(plan, obstacles, plan.blocking())
    if obstacles:
        raise errors.Refused("\n".join([f"node {name} is not drained, nothing was done:", *obstacles]))
    if plan.changes():
        try:
            _run(kubectl, name, options)
        except errors.SaltK8sError as err:
            now = look(kubectl, name)  # fails, too, when nobody answers
            plan = plan.done(now)
            _judge(plan, now, name, options, err)
    return _outcome(plan, [], [])


def look(kubectl: Kubectl, name: str) -> Plan:
    """Read a node, its pods and all budgets; return the plan."""
    node = target.one(kubectl, target.NODE, name)
    pods = kubectl.objects("get", "Pod.v1.", "--all-namespaces", "--field-selector", f"spec.nodeName={name}")
    others = kubectl.objects("get", f"{BUDGETS},DaemonSet.v1.apps", "--all-namespaces") if pods else []
    return plan_for(node, pods, others)


def plan_for(node: Mapping[str, Any], pods: Iterable[Mapping[str, Any]], others: Sequence[Mapping[str, Any]]) -> Plan:
    """Return the plan for a node; pods: all on it; others: the cluster's PodDisruptionBudgets and DaemonSets."""
    daemon_sets = {obj["metadata"]["uid"] for obj in others if obj["kind"] == "DaemonSet"}
    plan, leaving = Plan(cordon=not nodes.is_cordoned(node)), []
    for pod in sorted(pods, key=_name):
        name, owner = _name(pod), _controller(pod)
        if MIRROR in (pod["metadata"].get("annotations") or {}):
            plan.left[name] = "static: the kubelet runs it from a file"
            continue
        if not _ended(pod) and owner.get("kind") == "DaemonSet" and owner.get("uid") in daemon_sets:
            plan.left[name] = f"DaemonSet {owner['name']} runs it on every node"
            continue
        leaving.append(pod)
    if not plan.cordon and all(_comes_back(pod) for pod in leaving):
        # evicted, they are here again at once: that would never end
        plan.left |= dict.fromkeys(map(_name, leaving), "a cordon does not keep it away")
        plan.returning = {_name(pod): pod["metadata"]["uid"] for pod in leaving}
        return plan
    for pod in leaving:
        name, owner = _name(pod), _controller(pod)
        plan.evict[name] = pod["metadata"]["uid"]
        if _ended(pod):
            continue
        if not owner or owner.get("kind") == "DaemonSet":  # its DaemonSet is gone
            plan.unmanaged.append(name)
        if any("emptyDir" in volume for volume in (pod.get("spec") or {}).get("volumes") or []):
            plan.emptydir.append(name)
    _budgets(plan, leaving, [obj for obj in others if obj["kind"] == "PodDisruptionBudget"])
    return plan


def _ended(pod: Mapping[str, Any]) -> bool:
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def _comes_back(pod: Mapping[str, Any]) -> bool:
    """Return whether a cordon keeps the successor of a pod away no more than the pod."""
    tolerated = any(
        one.get("key") in (None, "", CORDON)
        and one.get("operator") == "Exists"
        and one.get("effect") in (None, "", "NoSchedule")
        for one in (pod.get("spec") or {}).get("tolerations") or []
    )
    return tolerated and not _ended(pod) and bool(_controller(pod))


def _budgets(plan: Plan, leaving: Sequence[Mapping[str, Any]], budgets: Iterable[Mapping[str, Any]]) -> None:
    covering: dict[str, list[str]] = {}
    for budget in sorted(budgets, key=_name):
        covered = [pod for pod in leaving if _covers(budget, pod)]
        if not covered:
            continue
        plan.budgets.append(_budget(budget, covered))
        for pod in covered:
            if _counts(pod):
                covering.setdefault(_name(pod), []).append(_name(budget))
    plan.several = {name: names for name, names in covering.items() if len(names) > 1}


def _covers(budget: Mapping[str, Any], pod: Mapping[str, Any]) -> bool:
    same = budget["metadata"]["namespace"] == pod["metadata"]["namespace"]
    return same and selectors.selects(budget["spec"].get("selector"), pod["metadata"].get("labels"))


def _budget(budget: Mapping[str, Any], covered: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what a budget says to the pods that would go.

    ``name``, ``disruptions_allowed``, ``pods`` (those it covers), ``blocks`` (none of them may go now), ``reason``.
    """
    status = budget.get("status") or {}
    current = status.get("observedGeneration", 0) >= budget["metadata"].get("generation", 0)
    allowed = status.get("disruptionsAllowed", 0) if current else 0
    waiting = [pod for pod in covered if _counts(pod) and not _goes_unready(budget, pod)]
    healthy = f"{status.get('currentHealthy', 0)} pods are healthy, {status.get('desiredHealthy', 0)} have to be"
    why = healthy if current else "its controller has not seen it yet"
    blocks = bool(waiting) and allowed <= 0
    return {
        "name": _name(budget),
        "disruptions_allowed": allowed,
        "pods": [_name(pod) for pod in covered],
        "blocks": blocks,
        "reason": why if blocks else "",
    }


def _counts(pod: Mapping[str, Any]) -> bool:
    """Return whether budgets look at a pod: not when it never ran, has ended, or is going already."""
    phase = (pod.get("status") or {}).get("phase")
    return phase not in ("Pending", "Succeeded", "Failed") and not pod["metadata"].get("deletionTimestamp")


def _goes_unready(budget: Mapping[str, Any], pod: Mapping[str, Any]) -> bool:
    """Return whether a pod may go although the budget is spent, because it is not ready anyway."""
    status = budget.get("status") or {}
    if judge.condition(pod.get("status") or {}, "Ready").get("status") == "True":
        return False
    if budget["spec"].get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    return status.get("currentHealthy", 0) >= status.get("desiredHealthy", 0) > 0


def _run(kubectl: Kubectl, name: str, options: Options) -> None:
    limit = max(1, round(options.timeout_s))
    words = ["drain", name, "--ignore-daemonsets", f"--timeout={limit}s"]
    words += [f"--grace-period={int(options.grace_s)}"] if options.grace_s is not None else []
    words += ["--delete-emptydir-data"] if options.delete_emptydir_data else []
    words += ["--force"] if options.force else []
    kubectl.run(*words, what=f"drain {name}", timeout_s=limit + REQUEST_TIMEOUT_S, request_timeout_s=0)


def _judge(done: Plan, now: Plan, name: str, options: Options, err: errors.SaltK8sError) -> None:
    """kubectl gave up: raise what is still there and why, unless nothing has to go any more."""
    if not now.evict and not now.cordon:
        return
    late = "timeout reached" in str(err) or "deadline exceeded" in str(err)  # kubectl's words for its --timeout
    names = sorted(now.evict)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    first = f"node {name} is not empty{f' after {options.timeout_s:g} s' if late else ''}"
    first += "" if now.cordon else ", and stays cordoned"
    first += f"; still there: {', '.join(names[:SHOWN])}{more}" if names else ""
    lines = [first, *now.blocking(), *([] if late else [str(err)])]
    raise Stuck("\n".join(lines), done.changes(), "timeout" if late else err.code) from err


def _outcome(plan: Plan, obstacles: list[str], notes: list[str]) -> dict[str, Any]:
    changes = plan.changes()
    told = {"changes": changes, "lines": [*nodes.shown(changes), *obstacles, *notes], "obstacles": obstacles}
    return told | plan.told()


def _controller(pod: Mapping[str, Any]) -> Mapping[str, Any]:
    owners = pod["metadata"].get("ownerReferences") or []
    return next((owner for owner in owners if owner.get("controller")), {})


def _name(obj: Mapping[str, Any]) -> str:
    return f"{obj['metadata']['namespace']}/{obj['metadata']['name']}"
