"""A service's objects, rendered from a pillar, and the rules that hold for the objects of every service."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from tests.support import pillars
from tests.support.salt import ROOT, Minion

CASES = ROOT / "tests" / "cases" / "services"
WORKLOADS = ("Deployment", "DaemonSet", "StatefulSet", "Job", "CronJob")


def case_file(service: str) -> dict[str, Any]:
    """What ``tests/cases/services/SERVICE.yaml`` holds."""
    return yaml.safe_load((CASES / f"{service}.yaml").read_text(encoding="utf-8"))


def bring(apiserver: Any, service: str) -> None:
    """Write the ``before`` of a case file: what the service finds in a cluster, such as rke's definitions."""
    objects = case_file(service).get("before") or []
    if objects:
        apiserver.apply(*objects)
    for obj in objects:
        if obj["kind"] == "CustomResourceDefinition":
            apiserver.kubectl("wait", "--for=condition=Established", "--timeout=30s", f"crd/{obj['metadata']['name']}")


def tree(service: str, case: dict[str, Any], state_dir: Path) -> dict[str, Any]:
    """The admin's pillar of a case: the example with this service alone, the case's ``patch`` over it."""
    full = pillars.merge(pillars.full(), {"cluster": {"state_dir": str(state_dir)}})
    given = full.get("services") or {}
    full["services"] = {
        name: {**given.get(name, {}), "enabled": name == service} for name in pillars.defaults()["services"]
    }
    return pillars.merge(full, case.get("patch") or {})


@contextmanager
def workplace(root: Path, server: Any) -> Iterator[Path]:
    """The admin's state folder below ``root`` with the kubeconfig of an API server, whose kubectl is first in PATH."""
    state_dir = root / "state"
    state_dir.mkdir()
    shutil.copy(server.kubeconfig, state_dir / "kube_config_cluster.yml")
    before = os.environ["PATH"]
    os.environ["PATH"] = f"{Path(server.kubectl_path).parent}{os.pathsep}{before}"
    try:
        yield state_dir
    finally:
        os.environ["PATH"] = before


def declared(minion: Minion, service: str) -> dict[str, Any]:
    """The arguments of the one ``kubectl.applied`` of a service's SLS."""
    low = minion.low(f"k8s.{service}")
    chunks = [chunk for chunk in low if (chunk["state"], chunk["fun"]) == ("kubectl", "applied")]
    assert len(chunks) == 1, f"salt/k8s/{service}/init.sls has {len(chunks)} kubectl.applied"
    wanted = (
        "source",
        "context",
        "objects",
        "namespace",
        "unprotect",
        "replace",
        "force_conflicts",
        "shared_namespaces",
    )
    return {key: chunks[0][key] for key in wanted if key in chunks[0]}


def rendered(minion: Minion, service: str) -> dict[str, dict[str, Any]]:
    """The rendered objects by title, ``Kind namespace/name`` or ``Kind name``."""
    given = declared(minion, service)
    found = minion.call(
        "kubectl.render_manifests",
        given.get("source"),
        template_context=given.get("context"),
        objects=given.get("objects"),
    )
    return {title(obj): obj for obj in found}


def title(obj: dict[str, Any]) -> str:
    """``Kind namespace/name`` or ``Kind name``."""
    meta = obj["metadata"]
    return f"{obj['kind']} {meta['namespace'] + '/' if meta.get('namespace') else ''}{meta['name']}"


def holds(expected: Any, found: Any) -> bool:
    """Whether all that is expected is there: maps by key, a list item among the items found, the rest equal."""
    if isinstance(expected, dict):
        return isinstance(found, dict) and all(holds(value, found.get(key)) for key, value in expected.items())
    if isinstance(expected, list):
        return isinstance(found, list) and all(any(holds(item, other) for other in found) for item in expected)
    return expected == found


def pod_of(obj: dict[str, Any]) -> dict[str, Any]:
    """The pod specification of a workload."""
    spec = obj["spec"]
    if obj["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    return spec["template"]["spec"]


def violations(objects: dict[str, dict[str, Any]]) -> set[str]:
    """What the objects do not keep of the rules for services, each as ``title[ container]: what``."""
    return {text for name, obj in objects.items() for text in _of_object(name, obj, objects)}


def _of_object(name: str, obj: dict[str, Any], objects: dict[str, dict[str, Any]]) -> Iterator[str]:
    bound = [one["roleRef"]["name"] for one in objects.values() if one["kind"] == "ClusterRoleBinding"]
    everywhere = [f"ClusterRole {role}" for role in bound]
    for rule in obj.get("rules", ()) if obj["kind"] in ("Role", "ClusterRole") else ():
        if "*" in [*rule.get("apiGroups", ()), *rule.get("resources", ()), *rule.get("verbs", ())]:
            yield f"{name}: a rule with *"
        if name in everywhere and "secrets" in rule.get("resources", ()) and not rule.get("resourceNames"):
            yield f"{name}: secrets of every namespace"
    if obj["kind"] not in WORKLOADS:
        return
    pod = pod_of(obj)
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(key):
            yield f"{name}: {key}"
    if any("hostPath" in volume for volume in pod.get("volumes", ())):
        yield f"{name}: hostPath"
    if not pod.get("priorityClassName"):
        yield f"{name}: no priority class"
    if not (pod.get("securityContext") or {}).get("seccompProfile"):
        yield f"{name}: no seccomp profile"
    yield from _of_replicas(name, obj, objects)
    space = obj["metadata"].get("namespace")
    policies = [o for o in objects.values() if o["kind"] == "NetworkPolicy" and o["metadata"].get("namespace") == space]
    if not pod.get("hostNetwork") and not policies:
        yield f"{name}: no NetworkPolicy in its namespace"
    probed = obj["kind"] in ("Deployment", "DaemonSet", "StatefulSet")
    for box in [*pod["containers"], *pod.get("initContainers", ())]:
        yield from _of_container(f"{name} {box['name']}", box, pod, probed and box in pod["containers"])


def _of_replicas(name: str, obj: dict[str, Any], objects: dict[str, dict[str, Any]]) -> Iterator[str]:
    if (obj["spec"].get("replicas") or 1) < 2:
        return
    labels, space = obj["spec"]["template"]["metadata"]["labels"], obj["metadata"].get("namespace")
    budgets = [
        o["spec"]["selector"]["matchLabels"]
        for o in objects.values()
        if o["kind"] == "PodDisruptionBudget" and o["metadata"].get("namespace") == space
    ]
    if not any(selector.items() <= labels.items() for selector in budgets):
        yield f"{name}: replicas without a PodDisruptionBudget"
    if not pod_of(obj).get("topologySpreadConstraints") and not pod_of(obj).get("affinity"):
        yield f"{name}: replicas that are not spread"


def _of_container(name: str, box: dict[str, Any], pod: dict[str, Any], probed: bool) -> Iterator[str]:
    own = box.get("securityContext") or {}
    both = {**(pod.get("securityContext") or {}), **own}
    if own.get("privileged"):
        yield f"{name}: privileged"
    if not both.get("runAsNonRoot"):
        yield f"{name}: root"
    if own.get("allowPrivilegeEscalation") is not False and not own.get("privileged"):
        yield f"{name}: may gain privileges"
    if not own.get("readOnlyRootFilesystem"):
        yield f"{name}: writable root"
    if (own.get("capabilities") or {}).get("drop") != ["ALL"] and not own.get("privileged"):
        yield f"{name}: keeps capabilities"
    for added in (own.get("capabilities") or {}).get("add", ()):
        yield f"{name}: capability {added}"
    resources = box.get("resources") or {}
    if not {"cpu", "memory"} <= set(resources.get("requests") or {}):
        yield f"{name}: no requests"
    if "memory" not in (resources.get("limits") or {}):
        yield f"{name}: no memory limit"
    for probe in ("readinessProbe", "livenessProbe"):
        if probed and probe not in box:
            yield f"{name}: no {probe}"


def images(objects: dict[str, dict[str, Any]]) -> list[str]:
    """The images of all containers of the objects."""
    pods = [pod_of(obj) for obj in objects.values() if obj["kind"] in WORKLOADS]
    return [box["image"] for pod in pods for box in [*pod["containers"], *pod.get("initContainers", ())]]


def make_healthy(server: Any) -> None:
    """Write the statuses that controllers would: every workload of a cluster is rolled out, every claim is bound."""
    for kind in ("deployments", "statefulsets", "daemonsets"):
        for obj in server.get(kind, "-A")["items"]:
            _set_status(server, kind, obj, _rolled_out(obj))
    for obj in server.get("services", "-A")["items"]:
        if obj["spec"].get("type") == "LoadBalancer":
            _set_status(server, "services", obj, {"loadBalancer": {"ingress": [{"ip": "10.30.1.1"}]}})
    for obj in server.get("persistentvolumeclaims", "-A")["items"]:
        _set_status(server, "persistentvolumeclaims", obj, {"phase": "Bound"})
    for obj in server.get("validatingadmissionpolicies")["items"]:
        _set_status(server, "validatingadmissionpolicies", obj, {})
    for obj in server.get("poddisruptionbudgets", "-A")["items"]:
        counts = dict.fromkeys(("currentHealthy", "desiredHealthy", "disruptionsAllowed", "expectedPods"), 1)
        _set_status(server, "poddisruptionbudgets", obj, counts)


def _rolled_out(obj: dict[str, Any]) -> dict[str, Any]:
    if obj["kind"] != "DaemonSet":
        names = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
        return dict.fromkeys(names, obj["spec"].get("replicas", 1))
    names = ("desiredNumberScheduled", "currentNumberScheduled", "updatedNumberScheduled", "numberReady")
    return {**dict.fromkeys((*names, "numberAvailable"), 1), "numberMisscheduled": 0}


def _set_status(server: Any, kind: str, obj: dict[str, Any], status: dict[str, Any]) -> None:
    meta, observed = obj["metadata"], {"observedGeneration": obj["metadata"].get("generation", 1)}
    given = status if kind in ("services", "persistentvolumeclaims") else status | observed
    server.set_status(kind, meta["name"], given, meta.get("namespace", "default"))
