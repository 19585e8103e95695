"""Assess whether an object is healthy, kind by kind, from the object alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from saltk8s.kubectl.health.fields import mapping, maps, number, text
from saltk8s.kubectl.manifests.identity import Kind, kind_of


class Health(NamedTuple):
    """Whether an object is ready; if not, the reason, and whether that is final: waiting cannot change it."""

    ready: bool
    reason: str = ""
    final: bool = False


READY = Health(True)
_NOT_OBSERVED = Health(False, "its controller has not observed the change yet")


def assess(obj: Mapping[str, Any], wait_for_consumer: Collection[str] = ()) -> Health:
    """Return an object's health.

    obj: as the API server gives it; wait_for_consumer: names of the storage classes whose claims are bound only when a
    pod uses them. An object of a kind without a health rule is ready as soon as it exists, unless it is being deleted.
    """
    kind, meta = kind_of(obj), mapping(obj["metadata"])
    if meta.get("deletionTimestamp"):
        return _deleted(obj)
    check = _CHECKS.get(kind.gk) or (_custom if kind.custom else None)
    if not check:
        return READY
    spec, status = mapping(obj.get("spec")), mapping(obj.get("status"))
    if check is _claim:
        return _claim(spec, status, wait_for_consumer)
    if _lags(status, meta, 0 if kind.gk in _ALWAYS_TOLD else None):
        return _NOT_OBSERVED
    return check(spec, status, meta)


def has_rule(kind: Kind) -> bool:
    """Return whether objects of a kind can exist without being ready."""
    return kind.custom or kind.gk in _CHECKS


def ends(obj: Mapping[str, Any]) -> bool:
    """Return whether an object is deleted by Kubernetes when it is done: a Job with ``ttlSecondsAfterFinished``."""
    return kind_of(obj).gk == _JOB and mapping(obj.get("spec")).get("ttlSecondsAfterFinished") is not None


def is_done(obj: Mapping[str, Any]) -> bool:
    """Return whether an object has done what it is for, so that it may be deleted: a Job that is complete."""
    return kind_of(obj).gk == _JOB and _has(mapping(obj.get("status")), "Complete")


def has_failed(obj: Mapping[str, Any]) -> bool:
    """Return whether a Job has failed, or is about to: its last pods are being deleted."""
    status = mapping(obj.get("status"))
    return kind_of(obj).gk == _JOB and (_has(status, "Failed") or _has(status, "FailureTarget"))


def conditions(obj: Mapping[str, Any]) -> list[str]:
    """Return an object's conditions as text: ``Available=False (MinimumReplicasUnavailable): ...``."""
    lines = []
    for item in maps(mapping(obj.get("status")).get("conditions")):
        reason = f" ({item['reason']})" if item.get("reason") else ""
        message = f": {item['message']}" if item.get("message") else ""
        lines.append(f"{item.get('type')}={item.get('status')}{reason}{message}")
    return lines


def condition(status: Any, name: str) -> Mapping[str, Any]:
    """Return a condition by its type, an empty one when there is none."""
    return next((item for item in maps(mapping(status).get("conditions")) if item.get("type") == name), {})


def waits_for(obj: Mapping[str, Any]) -> str:
    """Return what an object that is being deleted waits for, as the end of a sentence; nothing when for nothing."""
    found = [obj["metadata"].get("finalizers")]
    if kind_of(obj).gk == ("", "Namespace"):
        found.append(mapping(obj.get("spec")).get("finalizers"))
    names = [text(name) for names in found if isinstance(names, list) for name in names]
    return f", and waits for its finalizers {', '.join(names)}" if names else ""


def _deleted(obj: Mapping[str, Any]) -> Health:
    if ends(obj) and (is_done(obj) or has_failed(obj)):
        return _job(mapping(obj.get("spec")), mapping(obj.get("status")), obj["metadata"])
    return Health(False, f"is being deleted{waits_for(obj)}")


def _has(status: Mapping[str, Any], name: str) -> bool:
    return text(condition(status, name).get("status")).lower() == "true"


def _is_true(status: Mapping[str, Any], name: str, meta: Mapping[str, Any]) -> Health:
    found = condition(status, name)
    if _lags(found, meta):
        return _NOT_OBSERVED
    unsure = " (Unknown)" if found.get("status") == "Unknown" else ""
    return READY if _has(status, name) else Health(False, f"is not {name}{unsure}{_suffix(found)}")


def _suffix(found: Mapping[str, Any]) -> str:
    parts = ": ".join(str(found[part]) for part in ("reason", "message") if found.get(part))
    return f": {parts}" if parts else ""


def _lags(seen: Mapping[str, Any], meta: Mapping[str, Any], untold: int | None = None) -> bool:
    """Return whether a status or a condition is about an earlier generation; ``untold``: which, if it does not say."""
    generation = number(meta.get("generation"))
    return number(seen.get("observedGeneration"), generation if untold is None else untold) < generation


def _deployment(spec: Mapping[str, Any], status: Mapping[str, Any], meta: Mapping[str, Any]) -> Health:
    wanted, updated = number(spec.get("replicas"), 1), number(status.get("updatedReplicas"))
    if updated < wanted:
        stuck = condition(status, "Progressing")
        reason = _suffix(stuck) if stuck.get("status") == "False" else ""
        return Health(False, f"{updated} of {wanted} replicas are updated{reason}")
    old = number(status.get("replicas")) - updated
    if old > 0:
        return Health(False, f"{old} old replicas are pending termination")
    return _at_least(status.get("availableReplicas"), wanted, "replicas are available")


def _replica_set(spec: Mapping[str, Any], status: Mapping[str, Any], meta: Mapping[str, Any]) -> Health:
    return _at_least(status.get("availableReplicas"), number(spec.get("replicas"), 1), "replicas are available")


def _daemon_set(spec: Mapping[str, Any], status: Mapping[str, Any], meta: Mapping[str, Any]) -> Health:
    wanted, updated = number(status.get("desiredNumberScheduled")), number(status.get("updatedNumberScheduled"))
    if mapping(spec.get("updateStrategy")).get("type") != "OnDelete" and updated < wanted:
        return Health(False, f"{updated} of {wanted} pods are updated")
    return _at_least(status.get("numberAvailable"), wanted, "pods are available")


def _stateful_set(spec: Mapping[str, Any], status: Mapping[str, Any], meta: Mapping[str, Any]) -> Health:
    wanted, updated = number(spec.get("replicas"), 1), number(status.get("updatedReplicas"))
    strategy = mapping(spec.get("updateStrategy"))
    if strategy.get("type") != "OnDelete":
        new = max(0, wanted - number(mapping(strategy.get("rollingUpdate")).get("partition")))
        same = status.get("currentRevision") == status.get("updateRevision")
        if not same and updated < new:
            return Health(False, f"{updated} of {new} replicas are updated")
    return _at_least(status.get("readyReplicas"), wanted, "replicas are ready")


def _at_least(found: Any, wanted: int, what: str) -> Health:
    return READY if number(found) >= wanted else Health(False, f"{number(found)} of {wanted} {what}")


def _job(spec: Mapping[str, Any], status: Mapping[str, Any], meta: Mapping[str, Any]) -> Health:
    if _has(status, "Failed"):
        return Health(False, f"has failed{_suffix(condition(status, 'Failed'))}", final=True)
    if spec.get("suspend") or _has(status, "Complete"):
        return READY
    return Health(
        False, f"{number(status.get('succeeded'))} of {number(spec.get('completions'), 1)} completions succeeded"
    )


def _pod(spec: Mapping[str, Any], status: Mapping[str, Any], meta: Mapping[str, Any]) -> Health:
    if status.get("phase") == "Succeeded":
        return READY
    if status.get("phase") == "Failed":
        return Health(False, f"has failed{_suffix(status)}", final=spec.get("restartPolicy") == "Never")
    return _is_true(status, "Ready", meta)


def _service(spec: Mapping[str, Any], status: Mapping[str, Any], meta: Mapping[str, Any]) -> Health:
    if spec.get("type") != "LoadBalancer" or mapping(status.get("loadBalancer")).get("ingress"):
        return READY
    return Health(False, "has no load balancer address yet")


def _claim(spec: Mapping[str, Any], status: Mapping[str, Any], wait_for_consumer: Collection[str]) -> Health:
    phase = text(status.get("phase")) or "Pending"
    if phase == "Bound" or (phase == "Pending" and text(spec.get("storageClassName")) in wait_for_consumer):
        return READY
    return Health(False, f"is {phase}", final=phase == "Lost")


def _namespace(spec: Mapping[str, Any], status: Mapping[str, Any], meta: Mapping[str, Any]) -> Health:
    phase = text(status.get("phase")) or "Active"
    return READY if phase == "Active" else Health(False, f"is {phase}")


def _definition(spec: Mapping[str, Any], status: Mapping[str, Any], meta: Mapping[str, Any]) -> Health:
    names = condition(status, "NamesAccepted")
    if names.get("status") == "False":
        return Health(False, f"its names are not accepted{_suffix(names)}")
    return _is_true(status, "Established", meta)


def _api_service(spec: Mapping[str, Any], status: Mapping[str, Any], meta: Mapping[str, Any]) -> Health:
    return _is_true(status, "Available", meta)


def _observed(spec: Mapping[str, Any], status: Mapping[str, Any], meta: Mapping[str, Any]) -> Health:
    """Of these kinds the status says no more than which generation it is about: assess() has looked at that."""
    return READY


def _custom(spec: Mapping[str, Any], status: Mapping[str, Any], meta: Mapping[str, Any]) -> Health:
    """The one convention of custom resources is a condition ``Ready``. Without it they count as ready."""
    return _is_true(status, "Ready", meta) if "status" in condition(status, "Ready") else READY


_JOB = ("batch", "Job")
# Their controllers always tell which generation they have observed: not told yet means none.
_ALWAYS_TOLD = {("", "ReplicationController")} | {
    ("apps", name) for name in ("DaemonSet", "Deployment", "ReplicaSet", "StatefulSet")
}
_CHECKS = {
    ("", "Namespace"): _namespace,
    ("", "PersistentVolumeClaim"): _claim,
    ("", "Pod"): _pod,
    ("", "ReplicationController"): _replica_set,
    ("", "Service"): _service,
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"): _observed,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _definition,
    ("apiregistration.k8s.io", "APIService"): _api_service,
    ("apps", "DaemonSet"): _daemon_set,
    ("apps", "Deployment"): _deployment,
    ("apps", "ReplicaSet"): _replica_set,
    ("apps", "StatefulSet"): _stateful_set,
    ("autoscaling", "HorizontalPodAutoscaler"): _observed,
    _JOB: _job,
    ("networking.k8s.io", "ServiceCIDR"): _custom,
    ("policy", "PodDisruptionBudget"): _observed,
}
