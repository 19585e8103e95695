"""The order in which objects are written; deletion is the same list reversed.

What others need comes first: an object is written after what it refers to, and deleted before it.
"""

from __future__ import annotations

from collections.abc import Iterable

from saltk8s.kubectl.manifests.identity import Key, Kind

# Awaited before anything else is written: without them other objects are rejected.
FOUNDATIONS = (("", "Namespace"), ("apiextensions.k8s.io", "CustomResourceDefinition"))

_ORDER = (
    "Namespace",
    "CustomResourceDefinition",
    "PriorityClass",
    "RuntimeClass",
    "IngressClass",
    "StorageClass",
    "CSIDriver",
    "ResourceQuota",
    "LimitRange",
    "NetworkPolicy",
    "ServiceAccount",
    "ClusterRole",
    "Role",
    "ClusterRoleBinding",
    "RoleBinding",
    "ConfigMap",
    "Secret",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Service",
    "Endpoints",
    "EndpointSlice",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "PodDisruptionBudget",
    "HorizontalPodAutoscaler",
    "Job",
    "CronJob",
    "Ingress",
    "APIService",
)
_RANK = {kind: rank for rank, kind in enumerate(_ORDER)}
_OTHER = len(_ORDER)
_CUSTOM = _OTHER + 1
# A webhook that is registered before its server is up rejects what it watches: last of all.
_LAST = _OTHER + 2
_WEBHOOKS = {
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
}


def rank(group: str, kind: str) -> int:
    """Return the position of a kind in the order."""
    if Kind(group, kind, "").custom:
        return _CUSTOM
    return _LAST if kind in _WEBHOOKS else _RANK.get(kind, _OTHER)


def sort_key(key: Key) -> tuple[int, Key]:
    """Return the sort key of an object: the kind's rank, then its name, so that an order never depends on the input."""
    return rank(key.group, key.kind), key


def sort(keys: Iterable[Key]) -> list[Key]:
    """Return the keys in the order of writing."""
    return sorted(keys, key=sort_key)


def deletion_waves(keys: Iterable[Key]) -> list[list[Key]]:
    """Return the keys in groups, each deleted and awaited before the next.

    Custom resources first, while the controllers that finalise them still run; then everything else, the workloads
    before what they use; definitions and namespaces last, because their deletion deletes what is inside them.
    """
    waves: list[list[Key]] = [[], [], []]
    for key in sorted(keys, key=sort_key, reverse=True):
        group = (key.group, key.kind)
        waves[2 if group in FOUNDATIONS else 0 if Kind(*group, "").custom else 1].append(key)
    return [wave for wave in waves if wave]


def writing_waves(keys: Iterable[Key]) -> list[list[Key]]:
    """Return the keys in groups, each written before the next; inside a group the order does not matter.

    What others need (namespaces, definitions), what workloads use, workloads, custom resources, webhooks.
    """
    waves: dict[int, list[Key]] = {}
    for key in sort(keys):
        waves.setdefault(wave(key), []).append(key)
    return [waves[number] for number in sorted(waves)]


def has_foundations(keys: Iterable[Key]) -> bool:
    """Return whether objects have to be awaited before anything that may live in them is written."""
    return any((key.group, key.kind) in FOUNDATIONS for key in keys)


WORKLOADS = 2  # their wave


def wave(key: Key) -> int:
    """Return the number of an object's wave."""
    if has_foundations([key]):
        return 0
    found = rank(key.group, key.kind)
    return {_CUSTOM: 3, _LAST: 4}.get(found, 1 if found < _RANK["Pod"] else WORKLOADS)
