"""Values that a definition of the same run rejects: told before the definition is written.

No dry run of such an object tells: the API server judges by the schema that it has. But it judges the defaults of a
schema by the schema itself, its rules too, when a definition is created. So it is asked, by a dry run, for a definition
of another name whose one field is a list of such objects, and whose default is the list of those that are declared.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from saltk8s.base import errors
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.compare import dry_run
from saltk8s.kubectl.compare.dry_run import Errors
from saltk8s.kubectl.manifests.identity import Key, defined_kinds, kind_of
from saltk8s.kubectl.sets import estimate
from saltk8s.kubectl.sets.actions import CREATE, DELETE, RELEASE, REPLACE, Action, Plan
from saltk8s.kubectl.sets.admission import related
from saltk8s.kubectl.sets.admission.contradictions import DEFINITION
from saltk8s.kubectl.sets.reader import Live, Objects

Object = Mapping[str, Any]

PART = 50  # objects in one question; one where the schema has rules, whose cost grows with the list
_GROUP = "trial.saltk8s.io"
_NAMES = {"kind": "Trial", "plural": "trials"}
# where an object of the list is wrong: the field says it, or the reason where it is a choice (anyOf) that is not met
_PLACE = re.compile(r"\.default\.?\[(?P<number>\d+)\]\.?(?P<path>[^:]*): (?P<reason>.*)", re.DOTALL)
_CHOICE = re.compile(r"\.default: .*?\"\[(?P<number>\d+)\]\.?(?P<path>[^\" ]*)\" (?P<reason>must .*)", re.DOTALL)
_IN_BODY = re.compile(r"\[\d+\]\.(?=\S+ in body )")
_NUMBER_OR_TEXT = [{"type": "integer"}, {"type": "string"}]
_META = ("name", "namespace", "labels", "annotations")
_SCHEMAS = ("items", "additionalProperties", "not")
_LISTS = ("allOf", "anyOf", "oneOf")
_NOT_JUDGED = ("description", "default", "example", "externalDocs", "title")


def rejected(kubectl: Kubectl, plan: Plan, declared: Objects, live: Live) -> Errors:
    """Return what definitions that a plan writes will reject of what it writes.

    Nothing where a webhook may change an object before it is judged.
    """
    found: Errors = {}
    for key, action in plan.actions.items():
        if key[:2] != DEFINITION or key in plan.waiting or not _new_schema(action):
            continue
        keys = _written(plan, declared[key])
        if not keys or related.may_change(kubectl, declared.values(), *key.name.split(".", 1)[::-1]):
            continue
        for version in declared[key]["spec"].get("versions") or ():
            some = [one for one in keys if kind_of(declared[one]).version == version.get("name")]
            found |= _judged(kubectl, plan, declared, live, version, some)
            if len(found) >= dry_run.SHOWN:
                return found
    return found


def _new_schema(action: Action) -> bool:
    if action.verb in (CREATE, REPLACE):
        return True
    return action.verb not in (DELETE, RELEASE) and any(path[0] == "spec" for path in action.differences)


def _written(plan: Plan, definition: Object) -> list[Key]:
    kinds = defined_kinds([definition])
    return [key for key, action in plan.actions.items() if key[:2] in kinds and action.verb not in (DELETE, RELEASE)]


def _judged(
    kubectl: Kubectl, plan: Plan, declared: Objects, live: Live, version: Object, keys: Sequence[Key]
) -> Errors:
    full = (version.get("schema") or {}).get("openAPIV3Schema") or {}
    schema = judging(full)
    part = 1 if "x-kubernetes-validations" in json.dumps(schema) else PART
    objects = {}
    for key in keys:
        old = live.get(key) if plan.actions[key].verb not in (CREATE, REPLACE) else None
        objects[key] = _with_defaults(declared[key] if old is None else estimate.applied(old, declared[key]), full)
    found: Errors = {}
    for start in range(0, len(keys), part):
        for key, path, reason in _asked(kubectl, schema, {one: objects[one] for one in keys[start : start + part]}):
            if key not in found and _counts(plan.actions[key], path):
                where = f"{path}: " if path else ""
                text = f"{key.title}: {where}{reason}: by the definition that this run writes"
                found[key] = errors.Invalid(text, path, reason, "validation")
        if len(found) >= dry_run.SHOWN:
            break
    return found


def _asked(kubectl: Kubectl, schema: Object, objects: Mapping[Key, Object]) -> list[tuple[Key, str, str]]:
    """Return which objects a schema rejects, where and why."""
    try:
        kubectl.apply([_definition(schema, list(objects.values()))], dry_run=True, force_conflicts=True)
    except errors.Invalid as err:  # what is about the definition is told when that is tried itself
        texts = [f"{field}: {reason}" for field, reason in err.fields]
        found = filter(None, (_PLACE.search(text) or _CHOICE.search(text) for text in texts))
        return sorted(
            (list(objects)[int(one["number"])], one["path"], _IN_BODY.sub("", one["reason"])) for one in found
        )
    except errors.SaltK8sError:  # who may not ask is told when it is written
        pass
    return []


def _definition(schema: Object, objects: Sequence[Object]) -> dict[str, Any]:
    many = {"type": "array", "maxItems": len(objects), "items": schema, "default": objects}
    root = {"type": "object", "properties": {"objects": many}}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": root}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{_NAMES['plural']}.{_GROUP}"},
        "spec": {"group": _GROUP, "names": _NAMES, "scope": "Namespaced", "versions": [version]},
    }


def _counts(action: Action, path: str) -> bool:
    """Return whether a rejection is about what a run writes: a value that stays as it is may stay."""
    if path.split(".")[0].split("[")[0] in ("metadata", "apiVersion", "kind", "status"):
        return False
    if action.verb in (CREATE, REPLACE):
        return True
    steps = tuple(path.split("."))
    return "[" not in path and any(tuple(change[: len(steps)]) == steps for change in action.differences)


# -- what the API server gets


def judging(schema: Object, root: bool = True) -> dict[str, Any]:
    """Return a schema as that of a whole object inside another one, without what has no say in what is valid."""
    new = {name: value for name, value in schema.items() if name not in _NOT_JUDGED}
    if isinstance(schema.get("properties"), Mapping):
        new["properties"] = {name: judging(value, False) for name, value in schema["properties"].items()}
    new |= {name: judging(schema[name], False) for name in _SCHEMAS if isinstance(schema.get(name), Mapping)}
    new |= {name: [judging(one, False) for one in schema[name]] for name in _LISTS if schema.get(name)}
    if schema.get("x-kubernetes-int-or-string") and not any(schema.get(name) for name in _LISTS):
        new["anyOf"] = _NUMBER_OR_TEXT  # what it means, and what is not judged of defaults
    rules = [rule for rule in schema.get("x-kubernetes-validations") or () if "oldSelf" not in json.dumps(rule)]
    new.pop("x-kubernetes-validations", None)
    new |= {"x-kubernetes-validations": rules} if rules else {}
    return new | ({"x-kubernetes-embedded-resource": True} if root else {})


def _with_defaults(obj: Object, schema: Object) -> dict[str, Any]:
    """Return an object as the API server judges it: with its defaults, also in the place of nulls."""
    meta = {name: value for name, value in obj["metadata"].items() if name in _META}
    rest = {name: value for name, value in obj.items() if name not in ("metadata", "status")}
    return _filled(rest, schema) | {"metadata": meta}


def _filled(value: Any, schema: Any) -> Any:
    if not isinstance(schema, Mapping):
        return value
    if isinstance(value, list):
        return [_filled(item, schema.get("items")) for item in value]
    if not isinstance(value, Mapping):
        return value
    known, more = schema.get("properties") or {}, schema.get("additionalProperties")
    given: dict[str, Any] = {}
    for name, item in value.items():
        below = known.get(name, more)
        if item is None and isinstance(below, Mapping) and "default" in below and not below.get("nullable"):
            continue
        given[name] = _filled(item, below)
    defaults = {name: below["default"] for name, below in known.items() if name not in given and "default" in below}
    return given | {name: _filled(item, known[name]) for name, item in defaults.items()}
