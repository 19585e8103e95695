"""Whose a field is, put right before a write: so that the write takes away no more than its dry run said.

Two things take fields away that a manifest does not declare:

- ``kubectl apply --server-side`` makes the fields of client-side applies its own, and then drops those that are not
  declared. It takes everybody for such a manager who updated the annotation with the last applied configuration. So
  nobody may own that annotation, and the fields stay with who set them.
- Server-side apply removes what we applied and no longer declare. The number of replicas would fall to one when it is
  left to an autoscaler. So we disown it before.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from saltk8s.base import errors
from saltk8s.kubectl.client import parallel
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.compare import diff
from saltk8s.kubectl.compare.managed_fields import is_ours
from saltk8s.kubectl.manifests.identity import MANAGER, Key, key_of

ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration"
TRIES = 3  # others may write meanwhile

_ANNOTATION = ("f:metadata", "f:annotations", f"f:{ANNOTATION}")
_REPLICAS = ("f:spec", "f:replicas")
# Without any manager the API server would make one of its own for all that is live, with the annotation.
_NOBODY = {"manager": "before-first-apply", "operation": "Update", "fieldsType": "FieldsV1"}
_NOTHING: dict[str, Any] = {"fieldsV1": {"f:metadata": {"f:annotations": {".": {}}}}}

Objects = Mapping[Key, Mapping[str, Any]]


def differences(
    declared: Mapping[str, Any], live: Mapping[str, Any], answer: Mapping[str, Any]
) -> dict[diff.Path, tuple[Any, Any]]:
    """Return what a write changes, as diff.fields() does; ``answer``: what the dry run of it said."""
    found = diff.fields(live, answer)
    if ("spec", "replicas") in found and _leaves_replicas(declared, live):
        number, _ = found.pop(("spec", "replicas"))
        found["metadata", "managedFields"] = (
            f"{MANAGER}: spec.replicas",
            f"spec.replicas stays {number}, left to others",
        )
    return found


def prepare(kubectl: Kubectl, declared: Sequence[Mapping[str, Any]], live: Objects) -> None:
    """Put right whose fields are whose, for objects that are about to be written.

    live: those of them that exist, with their managedFields. Most need nothing, and cost nothing.
    """
    for tries_left in reversed(range(TRIES)):
        groups: dict[str, list[dict[str, Any]]] = {}
        for obj in declared:
            steps = _steps(obj, live[key_of(obj)]) if key_of(obj) in live else []
            if steps:
                groups.setdefault(json.dumps(steps), []).append(_stub(obj))
        try:
            for patch, stubs in groups.items():
                parallel.run(partial(kubectl.patch, patch), stubs, "field managers")
            return
        except (errors.Invalid, errors.CommandError):
            if not tries_left:
                raise
        live = {key_of(obj): obj for obj in kubectl.existing([stub for stubs in groups.values() for stub in stubs])}


def _steps(declared: Mapping[str, Any], live: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the JSON patch of an object's managedFields; names of fields are in it, and no values."""
    meta = live["metadata"]
    if not meta.get("managedFields"):
        if ANNOTATION not in (meta.get("annotations") or {}):
            return []
        entry = _NOBODY | _NOTHING | {"apiVersion": live["apiVersion"]}
        return [
            {"op": "test", "path": "/metadata/resourceVersion", "value": meta["resourceVersion"]},
            {"op": "add", "path": "/metadata/managedFields", "value": [entry]},
        ]
    steps = []
    replicas = _leaves_replicas(declared, live)
    for number, entry in enumerate(meta["managedFields"]):
        path: tuple[str, ...] = _ANNOTATION if entry.get("operation") == "Update" else ()
        if replicas and is_ours(entry):
            path = _REPLICAS
        found = _outermost(entry.get("fieldsV1") or {}, path)
        if found:
            names = "/".join(name.replace("~", "~0").replace("/", "~1") for name in found)
            steps.append({"op": "remove", "path": f"/metadata/managedFields/{number}/fieldsV1/{names}"})
    return steps


def _stub(obj: Mapping[str, Any]) -> dict[str, Any]:
    meta = {name: obj["metadata"][name] for name in ("name", "namespace") if name in obj["metadata"]}
    return {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": meta}


def _outermost(tree: Mapping[str, Any], path: tuple[str, ...]) -> tuple[str, ...]:
    """Return the path, cut where nothing else is left below; empty when the tree does not have it."""
    cut = 1
    for depth, name in enumerate(path):
        if name not in tree:
            return ()
        if len(tree) > 1:
            cut = depth + 1
        tree = tree[name]
    return path[:cut] if path else ()


def _leaves_replicas(declared: Mapping[str, Any], live: Mapping[str, Any]) -> bool:
    """Return whether the set declared a number of replicas before, and leaves it to others now."""
    if "replicas" in (declared.get("spec") or {}):
        return False
    return any(
        is_ours(entry) and _outermost(entry.get("fieldsV1") or {}, _REPLICAS)
        for entry in live["metadata"].get("managedFields") or ()
    )
