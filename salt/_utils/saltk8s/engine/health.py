"""Whether the cluster is healthy: nodes Ready, system workloads rolled out. One call of ``kubectl`` reads it all."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from saltk8s.base import errors
from saltk8s.engine.base import Workloads
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.health import assessment
from saltk8s.kubectl.health import explain as explanations
from saltk8s.kubectl.manifests.identity import key_of

NAMESPACE = "kube-system"
KINDS = "nodes,daemonsets.apps,deployments.apps,apiservices.apiregistration.k8s.io"
TIMEOUTS: dict[str, Any] = {"timeout_s": 45, "request_timeout_s": 15}
POLL_S = 2
REPORT_EVERY_S = 15
EXPLAINED = 4  # pods that are explained in full


class Missing(str):
    """A reason why a cluster is not healthy: something is missing altogether, which the engine brings."""


def objects_of(kubectl: Kubectl, kinds: str) -> list[dict[str, Any]]:
    """Return the objects of some kinds (those of the system namespace). Raises Unreachable, whatever went wrong."""
    try:
        return kubectl.objects("get", "-n", NAMESPACE, kinds, "--ignore-not-found", **TIMEOUTS)
    except errors.SaltK8sError as err:
        message = " ".join(str(err).split())[-300:]
        raise errors.Unreachable(f"the API server does not answer kubectl: {message}") from err


def check(objects: Iterable[dict[str, Any]], nodes: Iterable[str], workloads: Workloads) -> list[str]:
    """Return why the cluster is not healthy, nothing when it is.

    objects: as kubectl returns them; nodes: names that must be Ready; workloads: what must be rolled out.
    """
    found: dict[tuple[str, str], dict[str, Any]] = {(o["kind"], o["metadata"]["name"]): o for o in objects}
    reasons: list[str] = []
    for name in nodes:
        node = found.get(("Node", name))
        if node is None:
            reasons.append(Missing(f"node {name} is not in the cluster"))
        elif (ready := _ready(node)).get("status") != "True":
            reasons.append(f"node {name} is not Ready: {_reason(ready)}")
    for kind, name in [*_keys(workloads.required), *(key for key in _keys(workloads.optional) if key in found)]:
        item = found.get((kind, name))
        title = f"{kind.lower()} {name}"
        if item is None:
            reasons.append(Missing(f"{title} not found"))
        elif problem := _problem(item):
            reasons.append(f"{title}: {problem}")
    return reasons


def not_ready(kubectl: Kubectl, nodes: Iterable[str]) -> dict[str, str]:
    """Return which of some nodes are not Ready, and why; none when the API server does not answer."""
    try:
        found = {node["metadata"]["name"]: node for node in objects_of(kubectl, "nodes")}
    except errors.Unreachable:
        return {}
    ready = {name: _ready(found[name]) for name in nodes if name in found}
    return {name: _reason(condition) for name, condition in ready.items() if condition.get("status") != "True"}


def cordoned(objects: Iterable[dict[str, Any]]) -> list[str]:
    """Return the nodes that are cordoned."""
    return [
        o["metadata"]["name"] for o in objects if o["kind"] == "Node" and (o.get("spec") or {}).get("unschedulable")
    ]


def explain(kubectl: Kubectl) -> list[str]:
    """Return which system pods are not healthy, the first of them explained in full. Never raises."""
    try:
        found = objects_of(kubectl, "pods")
    except errors.SaltK8sError:
        return []
    unhealthy = [(pod, state) for pod in found if not (state := assessment.assess(pod)).ready]
    lines = []
    for number, (pod, state) in enumerate(unhealthy):
        lines.append(f"{key_of(pod).title} {state.reason}")
        if number < EXPLAINED:
            lines += [f"    {line}" for line in explanations.lines(explanations.explain(kubectl, pod))]
    return lines


def described(kubectl: Kubectl, reasons: Iterable[Any]) -> str:
    """Return why a cluster is not healthy, and what its pods say of that, for the end of a message."""
    return "\n".join(f"  {line}" for line in [*map(str, reasons), *explain(kubectl)])


def wait(
    kubectl: Kubectl,
    nodes: Iterable[str],
    workloads: Workloads,
    timeout_s: float,
    report: Callable[[str, dict[str, Any]], None] = lambda phase, data: None,
) -> list[str]:
    """Wait until the cluster is healthy; return what is still wrong at the timeout, nothing when it is healthy.

    timeout_s: seconds, 0 checks once; report: called with progress.
    """
    nodes = list(nodes)
    return wait_for(lambda: problems(kubectl, nodes, workloads), timeout_s, report)


def wait_for(
    check: Callable[[], list[Any]],
    timeout_s: float,
    report: Callable[[str, dict[str, Any]], None] = lambda phase, data: None,
) -> list[Any]:
    """Wait until a check finds nothing; return what it finds at the timeout. See ``wait``."""
    start, reported = time.monotonic(), 0.0
    while True:
        reasons = check()
        spent = time.monotonic() - start
        if not reasons or spent >= timeout_s:
            return reasons
        if spent - reported >= REPORT_EVERY_S or not reported:
            reported = spent or 0.001
            report("ready", {"waiting": [str(reason) for reason in reasons[:10]], "seconds": round(spent)})
        time.sleep(min(POLL_S, max(timeout_s - spent, 0.05)))


def problems(kubectl: Kubectl, nodes: Iterable[str], workloads: Workloads) -> list[str]:
    """Return why the cluster is not healthy right now; an API server that does not answer is one such reason."""
    try:
        return check(objects_of(kubectl, KINDS), nodes, workloads)
    except errors.Unreachable as err:
        return [str(err)]


def _keys(workloads: Mapping[str, set[str]]) -> list[tuple[str, str]]:
    return [(kind, name) for kind, names in workloads.items() for name in sorted(names)]


def _problem(item: Mapping[str, Any]) -> str:
    state = assessment.assess(item)
    if not state.ready or item["kind"] != "DaemonSet":
        return state.reason
    # with updateStrategy OnDelete the old pods are Ready too, but a system DaemonSet has to be rolled out
    status = item.get("status") or {}
    wanted, new = status.get("desiredNumberScheduled", 0), status.get("updatedNumberScheduled", 0)
    if not wanted:
        return "no pod is scheduled"
    return f"{new} of {wanted} pods are updated" if new < wanted else ""


def _ready(node: Mapping[str, Any]) -> Mapping[str, Any]:
    return assessment.condition(node.get("status"), "Ready")


def _reason(condition: Mapping[str, Any]) -> str:
    if not condition:
        return "it has not reported a Ready condition yet"
    return ": ".join(filter(None, (condition.get("reason"), condition.get("message")))) or "no reason given"
