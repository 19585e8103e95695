"""What a commit takes away although another object of it still needs it: told before anything is written.

The API server accepts each of the two by itself: a definition without a field that an object declares, whose value is
lost then; a namespace that is deleted with what is declared in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from saltk8s.base import errors
from saltk8s.kubectl.client import api_errors
from saltk8s.kubectl.manifests.identity import Key, defined_kinds, kind_of
from saltk8s.kubectl.sets.actions import ADOPT, CHANGE, DELETE, Action, Plan
from saltk8s.kubectl.sets.reader import Live, Objects

Object = Mapping[str, Any]

DEFINITION = ("apiextensions.k8s.io", "CustomResourceDefinition")
SHOWN = 10
_ANY_OBJECT = ("apiVersion", "kind", "metadata")


def refuse(plan: Plan, declared: Objects, live: Live) -> None:
    """Raise when what a plan deletes or changes is needed by a declared object."""
    wrong: list[errors.SaltK8sError] = []
    for key, action in plan.actions.items():
        if action.verb == DELETE:
            wrong += _deleted_with(key, declared, live)
        elif key[:2] == DEFINITION and key in declared:
            wrong += _not_defined(declared[key], declared)
    error = api_errors.combined(wrong[:SHOWN])
    if error:
        raise error


def _deleted_with(key: Key, declared: Objects, live: Live) -> Iterator[errors.Refused]:
    kinds = defined_kinds([live.existing(key)])
    for other in declared:
        if (key[:2] == ("", "Namespace") and other.namespace == key.name) or other[:2] in kinds:
            text = f"{key.title} would be deleted, and {other.title} with it, which is declared: nothing was done"
            yield errors.Refused(f"{text}; declare it, or take it out of unprotect")


def _not_defined(definition: Object, declared: Objects) -> Iterator[errors.Invalid]:
    """Return what a definition will not accept any more; values are the API server's to judge."""
    kinds = defined_kinds([definition])
    versions = {one["name"]: one for one in definition["spec"].get("versions") or () if one.get("served")}
    for key, obj in declared.items():
        if key[:2] not in kinds:
            continue
        name = kind_of(obj).version
        if name not in versions:
            text = f"its definition in this set does not serve the version {name}, only {', '.join(versions)}"
            yield errors.Invalid(f"{key.title}: {text}", "apiVersion", text, "schema")
            continue
        schema = (versions[name].get("schema") or {}).get("openAPIV3Schema") or {}
        for path in undeclared({field: value for field, value in obj.items() if field not in _ANY_OBJECT}, schema):
            text = "field not declared in schema of the definition that this run writes"
            yield errors.Invalid(f"{key.title}: {path}: {text}", path, text, "schema")


def undeclared(value: Any, schema: Object, path: str = "") -> Iterator[str]:
    """Return the paths of fields that a structural schema does not have: the API server would drop them."""
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from undeclared(item, schema.get("items") or {}, f"{path}[{number}]")
    if not isinstance(value, Mapping):
        return
    known, more = schema.get("properties") or {}, schema.get("additionalProperties")
    for name, item in value.items():
        place = f"{path}.{name}" if path else name
        if name in known:
            yield from undeclared(item, known[name], place)
        elif isinstance(more, Mapping):
            yield from undeclared(item, more, place)
        elif name in _ANY_OBJECT and schema.get("x-kubernetes-embedded-resource"):
            continue
        elif not (more or schema.get("x-kubernetes-preserve-unknown-fields")):
            yield place


# -- what tightens

_LEVELS = {None: 0, "privileged": 0, "baseline": 1, "restricted": 2}
_LEVEL = ("metadata", "labels", "pod-security.kubernetes.io/enforce")
_CHECKED = ("Pod", "PersistentVolumeClaim")  # what a set can have of what these kinds reject


def tightened(plan: Plan) -> set[Key]:
    """Return changes that may reject what is accepted without them: they are written after that, and not before."""
    accepted = [
        key
        for key, action in plan.actions.items()
        if key.kind in _CHECKED and action.verb != DELETE and not action.depends and key not in plan.waiting
    ]
    return {
        key
        for key, action in plan.actions.items()
        if accepted and action.verb in (CHANGE, ADOPT) and any(_tightens(action, other) for other in accepted)
    }


def _tightens(action: Action, other: Key) -> bool:
    key, differences = action.key, action.differences
    if key[:2] == ("", "Namespace"):
        old, new = differences.get(_LEVEL, (None, None))
        return other.namespace == key.name and _LEVELS.get(new, 0) > _LEVELS.get(old, 0)
    if key[:2] in (("", "LimitRange"), ("", "ResourceQuota")):
        return other.namespace == key.namespace and any(path[0] == "spec" for path in differences)
    return key.kind == "StorageClass" and ("allowVolumeExpansion",) in differences
