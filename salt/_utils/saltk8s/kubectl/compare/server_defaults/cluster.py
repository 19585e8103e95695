"""Namespaces and what lies in them besides workloads: configuration, storage, rights, quotas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltk8s.kubectl.compare.server_defaults.pods import CLAIM_SPEC
from saltk8s.kubectl.compare.server_defaults.shape import (
    ADDED,
    BYTES,
    META,
    NAMED,
    REFERENCE,
    RESOURCES,
    SELECTOR,
    TEXTS,
    shape,
    with_spec,
)

_RBAC = "rbac.authorization.k8s.io"


def _subject(value: Mapping[str, Any], live: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"apiGroup": _RBAC, **value} if value.get("kind") in ("User", "Group") else value


_BINDING = shape(
    metadata=META, subjects=shape("apiGroup namespace", None, _subject), roleRef=shape("", {"apiGroup": _RBAC})
)
_ROLE = shape(metadata=META, aggregationRule=shape(clusterRoleSelectors=SELECTOR))


def _limits(value: Mapping[str, Any], live: Mapping[str, Any]) -> Mapping[str, Any]:
    """A container's default limits follow from the maximum, its default requests from the limits."""
    if value.get("type") != "Container":
        return value
    default = (value.get("max") or {}) | (value.get("default") or {})
    requests = (value.get("min") or {}) | default | (value.get("defaultRequest") or {})
    return {**value, **({"default": default} if default else {}), **({"defaultRequest": requests} if requests else {})}


_LIMIT = shape(
    "", None, _limits, **dict.fromkeys(("max", "min", "default", "defaultRequest", "maxLimitRequestRatio"), RESOURCES)
)


def _namespace(value: Mapping[str, Any], live: Mapping[str, Any]) -> Mapping[str, Any]:
    """The finalizers of a namespace are set when it is created, and no apply changes them."""
    return {**value, "finalizers": live.get("finalizers")} if "finalizers" in value else value


KINDS = {
    ("", "ConfigMap"): shape(metadata=META, data=ADDED, binaryData=BYTES),
    ("", "Secret"): shape("type", {"type": "Opaque"}, metadata=META, data=BYTES),
    ("", "Namespace"): with_spec(shape("", None, _namespace)),
    ("", "ServiceAccount"): shape(metadata=META, imagePullSecrets=NAMED, secrets=REFERENCE),
    ("", "PersistentVolumeClaim"): with_spec(CLAIM_SPEC),
    ("", "PersistentVolume"): with_spec(shape(capacity=RESOURCES)),
    ("", "ResourceQuota"): with_spec(shape(hard=RESOURCES)),
    ("", "LimitRange"): with_spec(shape(limits=_LIMIT)),
    (_RBAC, "Role"): _ROLE,
    (_RBAC, "ClusterRole"): _ROLE,
    (_RBAC, "RoleBinding"): _BINDING,
    (_RBAC, "ClusterRoleBinding"): _BINDING,
    ("scheduling.k8s.io", "PriorityClass"): shape(
        "description globalDefault", {"preemptionPolicy": "PreemptLowerPriority"}, metadata=META
    ),
    ("storage.k8s.io", "StorageClass"): shape(
        "", {"reclaimPolicy": "Delete", "volumeBindingMode": "Immediate"}, metadata=META, parameters=TEXTS
    ),
}
