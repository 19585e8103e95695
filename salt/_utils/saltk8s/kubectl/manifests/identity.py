"""What identifies an object: group, kind, namespace and name, and what follows from the group and the kind alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

SET_LABEL = "saltk8s.io/set"
# The object's own title. Labels and managed fields are copied with an object, by a backup that restores a namespace
# under another name, by controllers, by people: one whose label came that way has another title, or none.
OBJECT_ANNOTATION = "saltk8s.io/object"
MANAGER = "saltk8s"
REPLACE_ANNOTATION = "saltk8s.io/replace"  # "true": may be deleted and re-created where a field is immutable
# Fields of metadata that only the API server sets.
SERVER_METADATA = frozenset(
    {"managedFields", "resourceVersion", "uid", "generation", "creationTimestamp", "selfLink"}
    | {"deletionTimestamp", "deletionGracePeriodSeconds"}
)

# Groups that the API server serves itself; an object of any other group is a custom resource.
BUILT_IN = frozenset(
    {"", "apps", "batch", "autoscaling", "policy"}
    | {
        f"{name}.k8s.io"
        for name in (
            "admissionregistration",
            "apiextensions",
            "apiregistration",
            "authentication",
            "authorization",
            "certificates",
            "coordination",
            "discovery",
            "events",
            "flowcontrol.apiserver",
            "internal.apiserver",
            "networking",
            "node",
            "rbac.authorization",
            "resource",
            "scheduling",
            "storage",
            "storagemigration",
        )
    }
)

_CLUSTER_SCOPED = frozenset(
    {
        ("", "Namespace"),
        ("", "Node"),
        ("", "PersistentVolume"),
        ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"),
        ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"),
        ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"),
        ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
        ("apiextensions.k8s.io", "CustomResourceDefinition"),
        ("apiregistration.k8s.io", "APIService"),
        ("certificates.k8s.io", "CertificateSigningRequest"),
        ("flowcontrol.apiserver.k8s.io", "FlowSchema"),
        ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"),
        ("networking.k8s.io", "IngressClass"),
        ("node.k8s.io", "RuntimeClass"),
        ("rbac.authorization.k8s.io", "ClusterRole"),
        ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
        ("scheduling.k8s.io", "PriorityClass"),
        ("storage.k8s.io", "CSIDriver"),
        ("storage.k8s.io", "CSINode"),
        ("storage.k8s.io", "StorageClass"),
        ("storage.k8s.io", "VolumeAttachment"),
    }
)

# Kinds that hold data, or whose deletion deletes everything inside them.
PROTECTED = frozenset(
    {
        ("", "Namespace"),
        ("", "PersistentVolume"),
        ("", "PersistentVolumeClaim"),
        ("apiextensions.k8s.io", "CustomResourceDefinition"),
    }
)

# Kinds whose objects define kinds: their group ("": the object names it), where the names are, whether namespaced
# unless the object says otherwise. The second is Gatekeeper's: it makes a definition of each.
_DEFINING: dict[tuple[str, str], tuple[str, tuple[str, ...], bool]] = {
    ("apiextensions.k8s.io", "CustomResourceDefinition"): ("", (), True),
    ("templates.gatekeeper.sh", "ConstraintTemplate"): ("constraints.gatekeeper.sh", ("crd", "spec"), False),
}

_VERSION = re.compile(r"^v(?P<major>\d+)(?:(?P<stage>alpha|beta)(?P<minor>\d+))?$")
_NAMED = re.compile(r"^(?P<kind>[A-Za-z0-9.-]+) (?:(?P<namespace>[a-z0-9.-]+)/)?(?P<name>\S+)$")


class Kind(NamedTuple):
    """A kind at one version of its group; sorts by group, then kind."""

    group: str
    kind: str
    version: str

    @property
    def gk(self) -> tuple[str, str]:
        """Group and kind, what identifies a kind whatever its version."""
        return self.group, self.kind

    @property
    def argument(self) -> str:
        """The kind as a kubectl argument that means no other: ``Deployment.v1.apps``, ``Service.v1.``."""
        return f"{self.kind}.{self.version}.{self.group}"

    @property
    def api_version(self) -> str:
        """The kind's ``apiVersion``."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def path(self) -> str:
        """Where the API server lists a built-in kind: ``/apis/apps/v1/deployments``."""
        name = self.kind.lower()
        plural = f"{name}es" if name.endswith("ss") else f"{name[:-1]}ies" if name.endswith("y") else f"{name}s"
        return f"/apis/{self.group}/{self.version}/{plural}" if self.group else f"/api/{self.version}/{plural}"

    @property
    def custom(self) -> bool:
        """Whether a CustomResourceDefinition makes it."""
        return self.group not in BUILT_IN

    @property
    def title(self) -> str:
        """For people: ``Deployment`` for what Kubernetes brings itself, ``IPAddressPool.metallb.io`` otherwise."""
        return f"{self.kind}.{self.group}" if self.custom else self.kind


class Key(NamedTuple):
    """What identifies an object in a cluster. Without a namespace: cluster-scoped, or not resolved yet."""

    group: str
    kind: str
    namespace: str
    name: str

    @property
    def title(self) -> str:
        """For people and for ``changes``: ``Deployment metallb-system/controller``."""
        kind = Kind(self.group, self.kind, "").title
        return f"{kind} {self.namespace}/{self.name}" if self.namespace else f"{kind} {self.name}"

    @property
    def protected(self) -> bool:
        """Whether it is deleted only when asked by name."""
        return (self.group, self.kind) in PROTECTED


def kind_of(obj: Mapping[str, Any]) -> Kind:
    """Return an object's kind."""
    return _kind(str(obj["apiVersion"]), str(obj["kind"]))


@lru_cache(maxsize=1024)  # asked for thousands of objects of a few kinds
def _kind(api_version: str, kind: str) -> Kind:
    group, _, version = api_version.rpartition("/")
    return Kind(group, kind, version)


def key_of(obj: Mapping[str, Any]) -> Key:
    """Return an object's key."""
    meta = obj["metadata"]
    kind = kind_of(obj)
    return Key(kind.group, kind.kind, meta.get("namespace") or "", meta["name"])


def version_order(version: str) -> tuple[int, int, int, str]:
    """Return a version's sort key in Kubernetes' own order, the newest first: v2, v1, v1beta2, v1alpha1, others."""
    found = _VERSION.match(version)
    if not found:
        return 3, 0, 0, version
    stage = (None, "beta", "alpha").index(found["stage"])
    return stage, -int(found["major"]), -int(found["minor"] or 0), version


def stub(key: Key, api_version: str) -> dict[str, Any]:
    """Return as much of an object as is needed to get or delete it."""
    meta = {"name": key.name} | ({"namespace": key.namespace} if key.namespace else {})
    return {"apiVersion": api_version, "kind": key.kind, "metadata": meta}


def stub_of(obj: Mapping[str, Any]) -> dict[str, Any]:
    """Return the stub of an object."""
    return stub(key_of(obj), obj["apiVersion"])


def kind_from(text: str) -> Kind:
    """Return the kind that ``Kind.argument`` wrote."""
    kind, version, group = text.split(".", 2)
    return Kind(group, kind, version)


def set_of(obj: Mapping[str, Any]) -> str | None:
    """Return the name of the set that an object belongs to by its label; None without one, and for a copy."""
    named = (obj["metadata"].get("annotations") or {}).get(OBJECT_ANNOTATION)
    if named is not None and not names_itself(obj):
        return None
    return (obj["metadata"].get("labels") or {}).get(SET_LABEL)


def names_itself(obj: Mapping[str, Any]) -> bool:
    """Return whether an object has the annotation that every object of a set has, with its own title."""
    return (obj["metadata"].get("annotations") or {}).get(OBJECT_ANNOTATION) == key_of(obj).title


def is_copy(obj: Mapping[str, Any]) -> bool:
    """Return whether an object was copied from one of a set: it names another or, once released, has no mark."""
    return set_of(obj) is None and not names_itself(obj)


def defined_kinds(objects: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], bool]:
    """Return the kinds that CustomResourceDefinitions, and what makes some, bring: ``{(group, kind): namespaced}``."""
    found = {}
    for obj in objects:
        gk = kind_of(obj).gk
        if gk not in _DEFINING:
            continue
        spec = obj.get("spec") or {}
        group, path, namespaced = _DEFINING[gk]
        for field in path:
            spec = spec.get(field) or {}
        name = (spec.get("names") or {}).get("kind")
        if name:
            found[group or spec.get("group", ""), name] = namespaced and spec.get("scope") != "Cluster"
    return found


def defined_versions(objects: Iterable[Mapping[str, Any]]) -> set[Kind]:
    """Return the kinds that the CustomResourceDefinitions among the objects bring, at each version that they serve."""
    found = set()
    for obj in objects:
        for group, kind in defined_kinds([obj]):
            versions = obj["spec"].get("versions") or ()
            found |= {Kind(group, kind, item.get("name", "")) for item in versions if item.get("served")}
    return found


def is_namespaced(kind: Kind, defined: Mapping[tuple[str, str], bool]) -> bool | None:
    """Return whether objects of the kind live in a namespace; None when only the API server knows.

    defined: what defined_kinds() returned for the set.
    """
    if kind.gk in defined:
        return defined[kind.gk]
    if kind.custom:
        return None
    return kind.gk not in _CLUSTER_SCOPED


def is_name(text: object) -> bool:
    """Return whether a text has the form of ``Kind name`` or ``Kind namespace/name``."""
    return isinstance(text, str) and _NAMED.match(text) is not None


def matches(wanted: str, key: Key) -> bool:
    """Return whether ``Kind name`` or ``Kind namespace/name`` (kind with or without group) names the object."""
    found = _NAMED.match(wanted)
    if not found:
        return False
    kind = found["kind"].lower()
    named = kind in (key.kind.lower(), f"{key.kind}.{key.group}".lower())
    return named and found["name"] == key.name and (found["namespace"] or "") == key.namespace
