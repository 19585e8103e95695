"""Whose a field is, put right before a write: so that the write takes away no more than its dry run said.

Two things take fields away that a manifest does not declare, and shall not:

- ``kubectl apply --server-side`` makes the fields of client-side applies its own, and then drops those that are not
  declared. It takes everybody for such a manager who updated the annotation with the last applied configuration. So
  nobody may own that annotation, and the fields stay with who set them.
- Server-side apply removes what we applied and no longer declare. The number of replicas would fall to one when it is
  left to an autoscaler. So we disown it before.

And one shall: what is in the way of a declared choice (``choices``). We become its only owner before the apply.
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
from saltk8s.kubectl.compare.managed_fields import Node, Steps, is_ours
from saltk8s.kubectl.manifests.identity import MANAGER, Key, key_of, kind_of, stub_of

ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration"
TRIES = 3  # others may write meanwhile

_ANNOTATION = ("f:metadata", "f:annotations", f"f:{ANNOTATION}")
_REPLICAS = ("f:spec", "f:replicas")
# Without any manager the API server would make one of its own for all that is live, with the annotation.
_NOBODY: dict[str, Any] = {
    "manager": "before-first-apply",
    "operation": "Update",
    "fieldsType": "FieldsV1",
    "fieldsV1": {"f:metadata": {"f:annotations": {".": {}}}},
}
_RESET = '{"metadata":{"managedFields":[{}]}}'
_OURS: dict[str, Any] = {"manager": MANAGER, "operation": "Apply", "fieldsType": "FieldsV1"}

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


def prepare(
    kubectl: Kubectl,
    declared: Sequence[Mapping[str, Any]],
    live: Objects,
    removed: Mapping[Key, Sequence[Steps]],
) -> None:
    """Put right whose fields are whose, for objects that are about to be written.

    live: those of them that exist, with their managedFields; removed: live fields that the write shall remove although
    they are not ours alone. Most objects need nothing, and cost nothing.
    """
    for tries_left in reversed(range(TRIES)):
        groups: dict[str, list[dict[str, Any]]] = {}
        for obj in declared:
            key = key_of(obj)
            steps = _patch(obj, live[key], removed.get(key, ())) if key in live else []
            if steps:
                groups.setdefault(json.dumps(steps), []).append(stub_of(obj))
        try:
            for patch, stubs in groups.items():
                parallel.run(partial(kubectl.patch, patch), stubs, "field managers")
            return
        except (errors.Invalid, errors.CommandError):
            if not tries_left:
                raise
        live = {key_of(obj): obj for obj in kubectl.existing([stub for stubs in groups.values() for stub in stubs])}


def way_out(declared: Mapping[str, Any], live: Mapping[str, Any], err: errors.SaltK8sError) -> str:
    """Return what to do about a field that an earlier version of the kind does not know; empty for other errors.

    The API server converts an object to each version that its managedFields name, and fails on fields that are new.
    """
    entries = live["metadata"].get("managedFields") or ()
    old = sorted({str(entry.get("apiVersion")) for entry in entries} - {declared["apiVersion"]})
    if not (old and "not declared in schema" in str(err)):
        return ""
    kind, meta = kind_of(declared), declared["metadata"]
    where = f" -n {meta['namespace']}" if meta.get("namespace") else ""
    command = f"kubectl patch {kind.argument} {meta['name']}{where} --type=merge -p '{_RESET}'"
    return (
        f": its managedFields name {', '.join(old)}, whose schema may not have the field: reset them ({command}) and "
        "run again, with force_conflicts where the manifest changes a value"
    )


def _patch(declared: Mapping[str, Any], live: Mapping[str, Any], removed: Sequence[Steps]) -> list[dict[str, Any]]:
    """Return the JSON patch of an object's managedFields; names of fields are in it, and no values."""
    meta = live["metadata"]
    entries: list[Mapping[str, Any]] = meta.get("managedFields") or []
    steps: list[dict[str, Any]] = []
    if not entries and (removed or ANNOTATION in (meta.get("annotations") or {})):
        nobody = _NOBODY | {"apiVersion": live["apiVersion"]}
        steps.append({"op": "test", "path": "/metadata/resourceVersion", "value": meta["resourceVersion"]})
        steps.append({"op": "add", "path": "/metadata/managedFields", "value": [nobody]})
    ours = None
    for number, entry in enumerate(entries):
        paths = [*removed, _ANNOTATION] if entry.get("operation") == "Update" else removed
        if is_ours(entry):
            ours = number
            paths = [_REPLICAS] if _leaves_replicas(declared, live) else []
        found = filter(None, (_outermost(entry.get("fieldsV1") or {}, path) for path in paths))
        steps += [{"op": "remove", "path": _pointer(number, path)} for path in found]
    if removed and ours is None:
        value = _OURS | {"apiVersion": live["apiVersion"], "fieldsV1": _claimed({}, removed)[1]}
        steps.append({"op": "add", "path": "/metadata/managedFields/-", "value": value})
    elif removed and ours is not None:
        added, _ = _claimed(entries[ours].get("fieldsV1") or {}, removed)
        steps += [{"op": "add", "path": _pointer(ours, path), "value": node} for path, node in added]
    return steps


def _claimed(tree: Mapping[str, Any], paths: Sequence[Steps]) -> tuple[list[tuple[Steps, Node]], Node]:
    """Return what has to be added to a tree so that it has the paths, and the tree with it."""
    added: list[tuple[Steps, Node]] = []
    result = json.loads(json.dumps(tree))
    for path in paths:
        node = result
        for depth, step in enumerate(path):
            if step not in node:
                below: dict[str, Any] = {}
                for further in reversed(path[depth + 1 :]):
                    below = {further: below}
                node[step] = below
                added.append((path[: depth + 1], json.loads(json.dumps(below))))
                break
            node = node[step]
    return added, result


def _pointer(number: int, path: Steps) -> str:
    names = "/".join(name.replace("~", "~0").replace("/", "~1") for name in path)
    return f"/metadata/managedFields/{number}/fieldsV1/{names}"


def _outermost(tree: Mapping[str, Any], path: Steps) -> Steps:
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
