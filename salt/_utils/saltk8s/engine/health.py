"""Is the cluster healthy: nodes Ready, system workloads rolled out. One ``kubectl`` for the whole picture."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from saltk8s import errors
from saltk8s.objects.client import Kubectl

NAMESPACE = "kube-system"
KINDS = "nodes,daemonsets.apps,deployments.apps,apiservices.apiregistration.k8s.io"
METRICS = "v1beta1.metrics.k8s.io"
PATIENCE = {"timeout_s": 45, "request_timeout_s": 15}
POLL_S = 2
TOLD_EVERY_S = 15
LOG_LINES = 5
LOGS_SHOWN = 4


def objects_of(kubectl: Kubectl, kinds: str) -> list[dict[str, Any]]:
    """Return the objects of some kinds (those of the system namespace). Raises Unreachable, whatever went wrong."""
    try:
        return kubectl.objects("get", "-n", NAMESPACE, kinds, "--ignore-not-found", **PATIENCE)
    except errors.SaltK8sError as err:
        said = " ".join(str(err).split())[-300:]
        raise errors.Unreachable(f"the API server does not answer kubectl: {said}") from err


def wanted(model: Mapping[str, Any]) -> dict[str, set[str]]:
    """Return the system workloads that must be there: ``{kind: names}``."""
    deployments = {"coredns", "coredns-autoscaler"}
    services: set[str] = set()
    if model["cluster"].get("metrics_server", True):
        deployments, services = deployments | {"metrics-server"}, {METRICS}
    return {"DaemonSet": {"canal"}, "Deployment": deployments, "APIService": services}


def check(objects: Iterable[dict[str, Any]], nodes: Iterable[str], needed: Mapping[str, set[str]]) -> list[str]:
    """Return why the cluster is not healthy, nothing when it is.

    objects: as kubectl gives them; nodes: names that must be Ready; needed: see wanted().
    """
    found: dict[tuple[str, str], dict[str, Any]] = {(o["kind"], o["metadata"]["name"]): o for o in objects}
    reasons = []
    for name in nodes:
        node = found.get(("Node", name))
        if node is None:
            reasons.append(f"node {name} is not in the cluster")
        elif not (ready := _condition(node, "Ready")) or ready.get("status") != "True":
            reasons.append(f"node {name} is not Ready: {_said(ready)}")
    optional = {("Deployment", "calico-kube-controllers")} & found.keys()
    wanted_items = [(kind, name) for kind, names in needed.items() for name in sorted(names)]
    for kind, name in [*wanted_items, *optional]:
        item = found.get((kind, name))
        words = f"{kind.lower()} {name}"
        if item is None:
            reasons.append(f"{words} is not there")
        elif problem := _PROBLEMS[kind](item):
            reasons.append(f"{words}: {problem}")
    return reasons


def cordoned(objects: Iterable[dict[str, Any]]) -> list[str]:
    """Return the nodes that take no new pods."""
    return [
        o["metadata"]["name"] for o in objects if o["kind"] == "Node" and (o.get("spec") or {}).get("unschedulable")
    ]


def pods(objects: Iterable[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """Return (pod, container, why it does not run) of every system pod's container that should run and does not."""
    told = []
    for pod in objects:
        status, name = pod.get("status") or {}, pod["metadata"]["name"]
        if status.get("phase") == "Succeeded":
            continue
        states = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
        for state in states:
            if state.get("ready") or "terminated" in state.get("state", {}) and _completed(state):
                continue
            told.append((name, state["name"], _waiting(state)))
        scheduled = _condition(pod, "PodScheduled")
        if scheduled and scheduled.get("status") == "False":
            told.append((name, "", _said(scheduled)))
    return told


def explain(kubectl: Kubectl) -> list[str]:
    """Return what the system pods that do not run say: the reason and their last log lines. Never raises."""
    try:
        stuck = pods(objects_of(kubectl, "pods"))
    except errors.SaltK8sError:
        return []
    lines = []
    for number, (pod, container, why) in enumerate(stuck):
        lines.append(f"pod {pod}{'/' + container if container else ''}: {why}")
        if container and number < LOGS_SHOWN:
            lines += [f"    {line}" for line in _log(kubectl, pod, container)]
    return lines


def wait(
    kubectl: Kubectl,
    nodes: Iterable[str],
    needed: Mapping[str, set[str]],
    timeout_s: float,
    tell: Callable[[str, dict], None] = lambda phase, data: None,
) -> list[str]:
    """Wait until the cluster is healthy; return what is still wrong when the time is over, nothing when it is well."""
    nodes, start, told = list(nodes), time.monotonic(), 0.0
    while True:
        reasons = look(kubectl, nodes, needed)
        spent = time.monotonic() - start
        if not reasons or spent >= timeout_s:
            return reasons
        if spent - told >= TOLD_EVERY_S or not told:
            told = spent or 0.001
            tell("ready", {"waiting": reasons[:10], "seconds": round(spent)})
        time.sleep(min(POLL_S, max(timeout_s - spent, 0.05)))


def look(kubectl: Kubectl, nodes: Iterable[str], needed: Mapping[str, set[str]]) -> list[str]:
    """Return why the cluster is not healthy right now; an API server that does not answer is one such reason."""
    try:
        return check(objects_of(kubectl, KINDS), nodes, needed)
    except errors.Unreachable as err:
        return [str(err)]


def _condition(item: Mapping[str, Any], kind: str) -> dict[str, Any] | None:
    conditions = (item.get("status") or {}).get("conditions") or []
    return next((condition for condition in conditions if condition.get("type") == kind), None)


def _said(condition: Mapping[str, Any] | None) -> str:
    if not condition:
        return "no word of it yet"
    return ": ".join(filter(None, (condition.get("reason"), condition.get("message")))) or "no reason given"


def _deployment(item: Mapping[str, Any]) -> str | None:
    status, want = item.get("status") or {}, (item.get("spec") or {}).get("replicas", 1)
    if status.get("observedGeneration", 0) < item["metadata"].get("generation", 0):
        return "its change was not seen yet"
    updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    if updated < want or status.get("replicas", 0) > updated:
        return f"{updated} of {want} pods are of the new version"
    return f"{available} of {want} pods are available" if available < want else None


def _daemonset(item: Mapping[str, Any]) -> str | None:
    status = item.get("status") or {}
    if status.get("observedGeneration", 0) < item["metadata"].get("generation", 0):
        return "its change was not seen yet"
    want = status.get("desiredNumberScheduled", 0)
    updated, available = status.get("updatedNumberScheduled", 0), status.get("numberAvailable", 0)
    if not want:
        return "no pod of it is scheduled"
    if updated < want:
        return f"{updated} of {want} pods are of the new version"
    return f"{available} of {want} pods are available" if available < want else None


def _service(item: Mapping[str, Any]) -> str | None:
    available = _condition(item, "Available")
    return None if available and available.get("status") == "True" else f"not available: {_said(available)}"


_PROBLEMS = {"Deployment": _deployment, "DaemonSet": _daemonset, "APIService": _service}


def _completed(state: Mapping[str, Any]) -> bool:
    return state["state"]["terminated"].get("exitCode") == 0


def _waiting(state: Mapping[str, Any]) -> str:
    now = state.get("state") or {}
    what = now.get("waiting") or now.get("terminated") or {}
    words = ": ".join(filter(None, (what.get("reason"), " ".join((what.get("message") or "").split())[:200])))
    restarts = state.get("restartCount", 0)
    return (words or "runs, but is not ready") + (f" ({restarts} restarts)" if restarts else "")


def _log(kubectl: Kubectl, pod: str, container: str) -> list[str]:
    for words in (["--previous"], []):
        try:
            said = kubectl.run("logs", "-n", NAMESPACE, pod, "-c", container, f"--tail={LOG_LINES}", *words, **PATIENCE)
        except errors.SaltK8sError:
            continue
        if said.strip():
            return said.strip().splitlines()
    return []
