"""Replacing an object one of whose fields is immutable: what is tried before, and what may not be lost with it."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from typing import Any

from saltk8s.base import errors
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.manifests.identity import Key, key_of
from saltk8s.kubectl.sets.admission import related
from saltk8s.kubectl.sets.admission.enabling import QUOTA, WEBHOOK, rejections

Object = Mapping[str, Any]

ASSIGNED = "assigned when it is created"
_OWNERS = 4  # how far up owners of claims are followed: a custom resource, its StatefulSet


def stand_in(obj: Object, old: Object) -> dict[str, Any]:
    """Return what can be tried of an object while the old one exists: another name, and nothing that the old one holds.

    Where the name is made of the content (definitions, APIServices), that is changed along with it.
    """
    new, key = copy.deepcopy(dict(obj)), key_of(obj)
    spec: dict[str, Any] = new.get("spec") or {}
    name = f"{key.name[:40].rstrip('-.')}-replaced"
    if key.kind == "CustomResourceDefinition":
        spec["names"]["plural"] += "replaced"
        name = f"{spec['names']['plural']}.{spec['group']}"
    elif key.kind == "APIService":
        spec["version"] += "replaced"
        name = f"{spec['version']}.{spec['group']}"
    elif key.kind == "PriorityClass" and old.get("globalDefault"):  # one can have it
        new.pop("globalDefault", None)
    elif key.kind == "Service":
        related.strip_allocations(spec, related.allocations(old))
    new["metadata"]["name"] = name
    return new


def replicas_left(obj: Object, old: Object) -> int | None:
    """Return the number of replicas that an object has and that its set leaves to others, None when there is none."""
    number = (old.get("spec") or {}).get("replicas")
    return number if isinstance(number, int) and "replicas" not in (obj.get("spec") or {}) else None


def with_replicas(obj: Object, replicas: int | None) -> Object:
    """Return an object with a number of replicas, as it is without one."""
    return obj if replicas is None else {**obj, "spec": {**(obj.get("spec") or {}), "replicas": replicas}}


def as_replaced(answer: Object, tried: Object, obj: Object, old: Object) -> dict[str, Any]:
    """Return the answer about a stand-in as that of the object itself."""
    uid, name, own = answer["metadata"]["uid"], tried["metadata"]["name"], obj["metadata"]["name"]
    text = json.dumps(answer).replace(f'"{name}"', f'"{own}"').replace(uid, old["metadata"]["uid"])
    if obj["kind"] == "CustomResourceDefinition":
        text = text.replace(f'"{tried["spec"]["names"]["plural"]}"', f'"{obj["spec"]["names"]["plural"]}"')
    new = json.loads(text)
    if obj["kind"] == "APIService":
        new["spec"]["version"] = obj["spec"]["version"]
    if obj["kind"] == "PriorityClass" and "globalDefault" in obj:
        new["globalDefault"] = obj["globalDefault"]
    if obj["kind"] == "Service":
        related.put_allocations(new["spec"], obj["spec"], ASSIGNED)
    return new


def untriable(err: errors.SaltK8sError, obj: Object) -> str:
    """Return why the rejection of a stand-in does not count: it is about the other name, or the old object; or ""."""
    key, text = key_of(obj), str(err)
    reason, field = text.removeprefix(f"{key.title}: "), getattr(err, "field", "")
    if field == "metadata.name" or (field in ("", "<nil>") and "name" in reason.lower()):
        return "its name is tied to its content"
    if QUOTA in rejections(err):
        return "the quota has no room for both"
    if WEBHOOK in rejections(err) and key.name in reason:
        return "the admission webhook does not accept it beside the old one"
    return ""


def claims_lost(kubectl: Kubectl, key: Key, old: Object) -> str:
    """Return why deleting an object deletes claims, "" when it does not."""
    spec = old.get("spec") or {}
    retention = spec.get("persistentVolumeClaimRetentionPolicy") or {}
    if key.kind == "StatefulSet" and retention.get("whenDeleted") == "Delete":
        return "its persistentVolumeClaimRetentionPolicy deletes its claims with it"
    where = ["--namespace", key.namespace] if key.namespace else ["--all-namespaces"]
    for claim in kubectl.objects("get", "persistentvolumeclaims", *where):
        if old["metadata"]["uid"] in _owners(kubectl, claim):
            return f"it owns the claim {claim['metadata']['namespace']}/{claim['metadata']['name']}"
    return ""


def _owners(kubectl: Kubectl, obj: Object) -> set[str]:
    """Return the uids of what owns an object, and of what owns that."""
    found: set[str] = set()
    level: Sequence[Object] = [obj]
    for _ in range(_OWNERS):
        references = [
            (one, item["metadata"].get("namespace"))
            for item in level
            for one in item["metadata"].get("ownerReferences") or ()
            if one["uid"] not in found and one["kind"] != "Pod"  # a pod's own volumes are its own
        ]
        if not references:
            break
        found |= {one["uid"] for one, _ in references}
        level = _existing(kubectl, references)
    return found


def _existing(kubectl: Kubectl, references: list[tuple[Object, str | None]]) -> list[dict[str, Any]]:
    stubs = [
        {
            "apiVersion": one["apiVersion"],
            "kind": one["kind"],
            "metadata": {"name": one["name"]} | ({"namespace": namespace} if namespace else {}),
        }
        for one, namespace in references
    ]
    try:
        return kubectl.existing(stubs)
    except errors.SaltK8sError:  # a kind that is not served any more owns nothing
        return []
