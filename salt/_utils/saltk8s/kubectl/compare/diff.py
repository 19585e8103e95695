"""What differs between two versions of an object, by field, as it may be shown: secrets redacted, values short."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from saltk8s.base.redact import REDACTED
from saltk8s.kubectl.compare import merge_keys
from saltk8s.kubectl.manifests.identity import SERVER_METADATA, Key

LONGEST = 120  # characters of a value that are shown
MOST = 40  # fields of an object that are shown

# an annotation that the API server sets: the generation of a DaemonSet's template
_SERVER_ANNOTATION = "deprecated.daemonset.template.generation"
# kubectl's client-side apply stores the whole object in here, a Secret's values too.
_COPIES = ("kubectl.kubernetes.io/last-applied-configuration",)

Path = tuple[str, ...]


class _Null:
    """The value null, where None means that there is no such field: a custom resource keeps it."""


NULL = _Null()


def fields(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[Path, tuple[Any, Any]]:
    """Return what differs as ``{path: (old value, new value)}``, in the paths' order.

    None is a missing field, NULL one that is null.

    old, new: two versions of an object as the API server gives them. Fields that the server sets and the status are
    left out. A path is the names of the fields from the top; an item of a list is ``[name=controller]`` or ``[0]``.
    """
    found: dict[Path, tuple[Any, Any]] = {}
    _walk((), _declarable(old), _declarable(new), found)
    return dict(sorted(found.items()))


def show(key: Key, differences: Mapping[Path, tuple[Any, Any]]) -> dict[str, dict[str, Any]]:
    """Return differences as they stand in Salt's ``changes``: ``{"spec.replicas": {"old": 1, "new": 2}}``.

    Values of a Secret are replaced, long values shortened, and a long list of fields ends with a count.
    """
    shown: dict[str, dict[str, Any]] = {}
    for number, (path, (old, new)) in enumerate(differences.items()):
        if number == MOST:
            shown["..."] = {"old": "", "new": f"{len(differences) - MOST} more fields"}
            break
        secret = hidden(key, path)
        shown[text(path)] = {"old": _value(old, secret, key), "new": _value(new, secret, key)}
    return shown


def hidden(key: Key, path: Path) -> bool:
    """Return whether the values at a path must not be shown."""
    if any(step in _COPIES for step in path):
        return True
    return (key.group, key.kind) == ("", "Secret") and bool(path) and path[0] in ("data", "stringData")


def redacted(key: Key, obj: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object that may be shown whole: without a Secret's values and without kubectl's copies of it."""
    result = dict(obj)
    if (key.group, key.kind) == ("", "Secret"):
        for field in ("data", "stringData"):
            if isinstance(result.get(field), Mapping):
                result[field] = dict.fromkeys(result[field], REDACTED)
    meta = dict(result.get("metadata") or {})
    if isinstance(meta.get("annotations"), Mapping):
        meta["annotations"] = {
            name: REDACTED if name in _COPIES else value for name, value in meta["annotations"].items()
        }
    return result | {"metadata": meta}


def text(path: Path) -> str:
    """Return a path for people: ``spec.template.spec.containers[name=web].image``; names with dots are quoted."""
    parts = []
    for step in path:
        if step.startswith("["):
            parts.append(step)
        elif "." in step or "/" in step:
            parts.append(f'["{step}"]')
        else:
            parts.append(f".{step}" if parts else step)
    return "".join(parts)


def _declarable(obj: Mapping[str, Any]) -> dict[str, Any]:
    rest = {name: value for name, value in obj.items() if name != "status"}
    meta = {name: value for name, value in (obj.get("metadata") or {}).items() if name not in SERVER_METADATA}
    annotations = meta.get("annotations") or {}
    if _SERVER_ANNOTATION in annotations:
        meta["annotations"] = {name: value for name, value in annotations.items() if name != _SERVER_ANNOTATION}
    return rest | {"metadata": meta}


def _walk(path: Path, old: Any, new: Any, found: dict[Path, tuple[Any, Any]]) -> None:
    if old is new:
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in sorted({*old, *new}):
            _walk((*path, name), _at(old, name), _at(new, name), found)
    elif isinstance(old, list) and isinstance(new, list):
        _walk_list(path, old, new, found)
    elif isinstance(new, Mapping) and old is None and new and len(path) < 3:
        # a new branch near the top is shown by its leaves
        for name in sorted(new):
            _walk((*path, name), None, _at(new, name), found)
    elif isinstance(old, Mapping) and new is None and old and len(path) < 3:
        for name in sorted(old):
            _walk((*path, name), _at(old, name), None, found)
    elif not _equal(old, new):
        found[path] = (old, new)


def _at(mapping: Mapping[str, Any], name: str) -> Any:
    value = mapping.get(name)
    return NULL if value is None and name in mapping else value


def _walk_list(path: Path, old: list, new: list, found: dict[Path, tuple[Any, Any]]) -> None:
    keyed = merge_keys.keyed(path[-1] if path else "", old, new)
    before = len(found)
    if keyed:
        was, now = keyed
        for identity in [*was, *(identity for identity in now if identity not in was)]:
            _walk((*path, f"[{merge_keys.label(identity)}]"), was.get(identity), now.get(identity), found)
        if len(found) == before and list(was) != list(now):
            found[path] = (
                [merge_keys.label(identity) for identity in was],
                [merge_keys.label(identity) for identity in now],
            )
    elif len(old) == len(new) and all(isinstance(item, (Mapping, list)) for item in [*old, *new]):
        for number, (one, other) in enumerate(zip(old, new, strict=True)):
            _walk((*path, f"[{number}]"), one, other, found)
    elif not _equal(old, new):
        found[path] = (old, new)


def _equal(old: Any, new: Any) -> bool:
    """Return whether two values are the same in JSON, where 1 is not true, at any depth."""
    return old == new and json.dumps(old, sort_keys=True) == json.dumps(new, sort_keys=True)


def _value(value: Any, secret: bool, key: Key) -> Any:
    if value is None:
        return None
    if value is NULL:
        return "null"
    if secret:
        return REDACTED
    if (key.group, key.kind) == ("", "Secret") and isinstance(value, Mapping):
        return REDACTED
    if isinstance(value, (bool, int, float)):
        return value
    shown = value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)
    if len(shown) <= LONGEST:
        return shown if isinstance(value, str) else value
    digest = hashlib.sha256(shown.encode()).hexdigest()[:8]
    return f"{shown[:LONGEST]}… ({len(shown)} characters, sha256 {digest})"
