"""Is the cluster healthy: nodes Ready, system workloads rolled out. One ``kubectl`` for the whole picture."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from saltk8s.base import errors
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.health import explain as object_explain
from saltk8s.kubectl.health import judge as object_health
from saltk8s.kubectl.manifests.identity import key_of

NAMESPACE = "kube-system"
KINDS = "nodes,daemonsets.apps,deployments.apps,apiservices.apiregistration.k8s.io"
METRICS = "v1beta1.metrics.k8s.io"
PATIENCE = {"timeout_s": 45, "request_timeout_s": 15}
POLL_S = 2
TOLD_EVERY_S = 15
EXPLAINED = 4  # pods of which everything is told


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
        elif (ready := object_health.condition(node.get("status") or {}, "Ready")).get("status") != "True":
            reasons.append(f"node {name} is not Ready: {_said(ready)}")
    optional = {("Deployment", "calico-kube-controllers")} & found.keys()
    wanted_items = [(kind, name) for kind, names in needed.items() for name in sorted(names)]
    for kind, name in [*wanted_items, *optional]:
        item = found.get((kind, name))
        words = f"{kind.lower()} {name}"
        if item is None:
            reasons.append(f"{words} is not there")
        elif problem := _problem(item):
            reasons.append(f"{words}: {problem}")
    return reasons


def cordoned(objects: Iterable[dict[str, Any]]) -> list[str]:
    """Return the nodes that take no new pods."""
    return [
        o["metadata"]["name"] for o in objects if o["kind"] == "Node" and (o.get("spec") or {}).get("unschedulable")
    ]


def explain(kubectl: Kubectl) -> list[str]:
    """Return which system pods are not well, and of the first of them all there is to know. Never raises."""
    try:
        found = objects_of(kubectl, "pods")
    except errors.SaltK8sError:
        return []
    sick = [(pod, state) for pod in found if not (state := object_health.of(pod)).ready]
    lines = []
    for number, (pod, state) in enumerate(sick):
        lines.append(f"{key_of(pod).title} {state.reason}")
        if number < EXPLAINED:
            lines += [f"    {line}" for line in object_explain.lines(object_explain.of(kubectl, pod))]
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


def _problem(item: Mapping[str, Any]) -> str:
    state = object_health.of(item)
    if not state.ready or item["kind"] != "DaemonSet":
        return state.reason
    # a system DaemonSet has to run, all of it in the wanted version, even when its pods are replaced by hand
    status = item.get("status") or {}
    wanted, new = status.get("desiredNumberScheduled", 0), status.get("updatedNumberScheduled", 0)
    if not wanted:
        return "no pod of it is scheduled"
    return f"{new} of {wanted} pods are of the new version" if new < wanted else ""


def _said(condition: Mapping[str, Any]) -> str:
    if not condition:
        return "no word of it yet"
    return ": ".join(filter(None, (condition.get("reason"), condition.get("message")))) or "no reason given"
