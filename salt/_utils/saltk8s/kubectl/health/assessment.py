"""Assess whether an object is healthy, kind by kind, from the object alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from saltk8s.kubectl.manifests.identity import Kind, kind_of


class Health(NamedTuple):
    """Whether an object is ready; if not, the reason, and whether that is final: waiting cannot change it."""

    ready: bool
    reason: str = ""
    final: bool = False


READY = Health(True)


def assess(obj: Mapping[str, Any], wait_for_consumer: Collection[str] = ()) -> Health:
    """Return an object's health.

    obj: as the API server gives it; wait_for_consumer: names of the storage classes whose claims are bound only when a
    pod uses them. An object of a kind without a health rule is ready as soon as it exists.
    """
    if obj["metadata"].get("deletionTimestamp"):
        return Health(False, "is being deleted")
    kind = kind_of(obj)
    check = _CHECKS.get(kind.gk)
    if kind.gk == ("", "PersistentVolumeClaim"):
        return _claim(obj, wait_for_consumer)
    if check:
        return check(obj.get("spec") or {}, obj.get("status") or {}, obj["metadata"])
    return _custom(obj) if kind.custom else READY


def has_rule(kind: Kind) -> bool:
    """Return whether objects of a kind can exist without being ready."""
    return kind.custom or kind.gk in _CHECKS or kind.gk == ("", "PersistentVolumeClaim")


def conditions(obj: Mapping[str, Any]) -> list[str]:
    """Return an object's conditions as text: ``Available=False (MinimumReplicasUnavailable): ...``."""
    lines = []
    for item in (obj.get("status") or {}).get("conditions") or []:
        reason = f" ({item['reason']})" if item.get("reason") else ""
        message = f": {item['message']}" if item.get("message") else ""
        lines.append(f"{item.get('type')}={item.get('status')}{reason}{message}")
    return lines


def condition(status: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a condition by its type, an empty one when there is none."""
    return next((item for item in status.get("conditions") or [] if item.get("type") == name), {})


def _is_true(status: Mapping[str, Any], name: str) -> Health:
    found = condition(status, name)
    if found.get("status") == "True":
        return READY
    return Health(False, f"is not {name}{_suffix(found)}")


def _suffix(found: Mapping[str, Any]) -> str:
    text = ": ".join(str(found[part]) for part in ("reason", "message") if found.get(part))
    return f": {text}" if text else ""


def _observed(status: Mapping[str, Any], meta: Mapping[str, Any]) -> bool:
    return status.get("observedGeneration", 0) >= meta.get("generation", 0)


def _deployment(spec: Mapping[str, Any], status: Mapping[str, Any], meta: Mapping[str, Any]) -> Health:
    wanted = spec.get("replicas", 1)
    if not _observed(status, meta):
        return Health(False, "its controller has not observed the change yet")
    if status.get("updatedReplicas", 0) < wanted:
        stuck = condition(status, "Progressing")
        reason = _suffix(stuck) if stuck.get("status") == "False" else ""
        return Health(False, f"{status.get('updatedReplicas', 0)} of {wanted} replicas are updated{reason}")
    if status.get("replicas", 0) > status.get("updatedReplicas", 0):
        return Health(
            False, f"{status['replicas'] - status.get('updatedReplicas', 0)} old replicas are pending termination"
        )
    if status.get("availableReplicas", 0) < wanted:
        return Health(False, f"{status.get('availableReplicas', 0)} of {wanted} replicas are available")
    return READY


def _replica_set(spec: Mapping[str, Any], status: Mapping[str, Any], meta: Mapping[str, Any]) -> Health:
    wanted = spec.get("replicas", 1)
    if _observed(status, meta) and status.get("availableReplicas", 0) >= wanted:
        return READY
    return Health(False, f"{status.get('availableReplicas', 0)} of {wanted} replicas are available")


def _daemon_set(spec: Mapping[str, Any], status: Mapping[str, Any], meta: Mapping[str, Any]) -> Health:
    if not _observed(status, meta):
        return Health(False, "its controller has not observed the change yet")
    wanted = status.get("desiredNumberScheduled", 0)
    on_delete = (spec.get("updateStrategy") or {}).get("type") == "OnDelete"
    if not on_delete and status.get("updatedNumberScheduled", 0) < wanted:
        return Health(False, f"{status.get('updatedNumberScheduled', 0)} of {wanted} pods are updated")
    if status.get("numberAvailable", 0) < wanted:
        return Health(False, f"{status.get('numberAvailable', 0)} of {wanted} pods are available")
    return READY


def _stateful_set(spec: Mapping[str, Any], status: Mapping[str, Any], meta: Mapping[str, Any]) -> Health:
    if not _observed(status, meta):
        return Health(False, "its controller has not observed the change yet")
    wanted = spec.get("replicas", 1)
    strategy = spec.get("updateStrategy") or {}
    if strategy.get("type") != "OnDelete":
        new = max(0, wanted - (strategy.get("rollingUpdate") or {}).get("partition", 0))
        same = status.get("currentRevision") == status.get("updateRevision")
        if not same and status.get("updatedReplicas", 0) < new:
            return Health(False, f"{status.get('updatedReplicas', 0)} of {new} replicas are updated")
    if status.get("readyReplicas", 0) < wanted:
        return Health(False, f"{status.get('readyReplicas', 0)} of {wanted} replicas are ready")
    return READY


def _job(spec: Mapping[str, Any], status: Mapping[str, Any], meta: Mapping[str, Any]) -> Health:
    failed = condition(status, "Failed")
    if failed.get("status") == "True":
        return Health(False, f"has failed{_suffix(failed)}", final=True)
    if spec.get("suspend") or condition(status, "Complete").get("status") == "True":
        return READY
    return Health(False, f"{status.get('succeeded', 0)} of {spec.get('completions', 1)} completions succeeded")


def _pod(spec: Mapping[str, Any], status: Mapping[str, Any], meta: Mapping[str, Any]) -> Health:
    if status.get("phase") == "Succeeded":
        return READY
    if status.get("phase") == "Failed":
        return Health(False, f"has failed{_suffix(status)}", final=spec.get("restartPolicy") == "Never")
    return _is_true(status, "Ready")


def _service(spec: Mapping[str, Any], status: Mapping[str, Any], meta: Mapping[str, Any]) -> Health:
    if spec.get("type") != "LoadBalancer" or (status.get("loadBalancer") or {}).get("ingress"):
        return READY
    return Health(False, "has no load balancer address yet")


def _claim(obj: Mapping[str, Any], wait_for_consumer: Collection[str]) -> Health:
    phase = (obj.get("status") or {}).get("phase", "Pending")
    if phase == "Bound" or (
        phase == "Pending" and (obj.get("spec") or {}).get("storageClassName") in wait_for_consumer
    ):
        return READY
    return Health(False, f"is {phase}", final=phase == "Lost")


def _namespace(spec: Mapping[str, Any], status: Mapping[str, Any], meta: Mapping[str, Any]) -> Health:
    phase = status.get("phase", "Active")
    return READY if phase == "Active" else Health(False, f"is {phase}")


def _definition(spec: Mapping[str, Any], status: Mapping[str, Any], meta: Mapping[str, Any]) -> Health:
    names = condition(status, "NamesAccepted")
    if names.get("status") == "False":
        return Health(False, f"its names are not accepted{_suffix(names)}")
    return _is_true(status, "Established")


def _api_service(spec: Mapping[str, Any], status: Mapping[str, Any], meta: Mapping[str, Any]) -> Health:
    return _is_true(status, "Available")


def _custom(obj: Mapping[str, Any]) -> Health:
    """The one convention of custom resources is a condition ``Ready``. Without it they count as ready."""
    status = obj.get("status")
    found = condition(status, "Ready") if isinstance(status, Mapping) else {}
    return Health(False, f"is not Ready{_suffix(found)}") if found.get("status") == "False" else READY


_CHECKS = {
    ("", "Namespace"): _namespace,
    ("", "Pod"): _pod,
    ("", "Service"): _service,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _definition,
    ("apiregistration.k8s.io", "APIService"): _api_service,
    ("apps", "DaemonSet"): _daemon_set,
    ("apps", "Deployment"): _deployment,
    ("apps", "ReplicaSet"): _replica_set,
    ("apps", "StatefulSet"): _stateful_set,
    ("batch", "Job"): _job,
}
