"""Manifests: text with YAML or JSON documents becomes a list of checked, normalised objects."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, NamedTuple

from saltk8s.base.errors import Invalid
from saltk8s.kubectl.manifests import documents
from saltk8s.kubectl.manifests.aggregation import is_aggregated
from saltk8s.kubectl.manifests.identity import (
    OBJECT_ANNOTATION,
    SERVER_METADATA,
    SET_LABEL,
    Key,
    Kind,
    defined_kinds,
    is_namespaced,
    key_of,
    kind_of,
)
from saltk8s.kubectl.manifests.json_data import copied

AskScope = Callable[[Collection[Kind]], Iterable[Kind]]  # custom kinds -> those that are cluster-scoped
_FILLED_IN = ("labels", "annotations", "namespace")  # of metadata
_SET_NAME = re.compile(r"^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$")


class Source(NamedTuple):
    """A text with documents; ``name`` is what errors call it (a file's name)."""

    name: str
    text: str


class Found(NamedTuple):
    """An object and where it was read: ``where`` is ``pools.yaml, document 2``."""

    where: str
    obj: dict[str, Any]


def parse(sources: Iterable[Source]) -> list[Found]:
    """Return every object of the texts, in the order they stand, Lists taken apart, empty documents left out.

    Raises Invalid with every problem: the text's name, the number of the document (from 1), what is wrong.
    """
    found: list[Found] = []
    problems: list[str] = []
    for source in sources:
        try:
            for number, document in documents.read(source.text):
                _collect(document, f"{source.name}, document {number}", found, problems)
        except documents.Problem as err:
            problems.append(f"{source.name}, document {err.number}: {err.text}")
    if problems:
        raise Invalid("\n".join(problems))
    return found


def from_objects(objects: Iterable[Any], name: str = "objects") -> list[Found]:
    """Return objects that are data already, checked as parse() checks; ``name`` is what errors call them."""
    found: list[Found] = []
    problems: list[str] = []
    for number, obj in enumerate(objects, 1):
        where = f"{name}, item {number}"
        if obj is None:  # an empty document of a file means nothing, an empty item of a list is a mistake
            problems.append(f"{where}: not an object but null")
            continue
        try:
            _collect(copied(obj), where, found, problems)
        except ValueError as err:
            problems.append(f"{where}: {err}")
    if problems:
        raise Invalid("\n".join(problems))
    return found


def _collect(document: Any, where: str, found: list[Found], problems: list[str]) -> None:
    if document is None:
        return
    if not isinstance(document, Mapping):
        problems.append(f"{where}: not an object but {type(document).__name__}")
    elif str(document.get("kind", "")).endswith("List") and "items" in document:
        for number, item in enumerate(document["items"] or [], 1):
            _collect(item, f"{where}, item {number}", found, problems)
    else:
        wrong = _problems(document)
        problems += [f"{where}: {text}" for text in wrong]
        if not wrong:
            found.append(Found(where, dict(document)))


def _problems(obj: Mapping[str, Any]) -> list[str]:
    wrong = [
        f"{field} is missing or not a string" for field in ("apiVersion", "kind") if not _is_string(obj.get(field))
    ]
    meta = obj.get("metadata")
    if not isinstance(meta, Mapping):
        return [*wrong, "metadata is missing"]
    if not _is_string(meta.get("name")):
        wrong.append("metadata.name is missing or not a string (generateName would create a new object in each run)")
    if meta.get("namespace") is not None and not _is_string(meta["namespace"]):
        wrong.append("metadata.namespace is not a string")
    for field in ("labels", "annotations"):
        values = meta.get(field)
        if values is not None and not isinstance(values, Mapping):
            wrong.append(f"metadata.{field} is not a map")
        else:
            wrong += [
                f"metadata.{field}.{key} is not a string: quote it"
                for key, value in (values or {}).items()
                if not isinstance(value, str)
            ]
    if "stringData" in obj and version_and_kind(obj) == "v1 Secret":
        wrong += _string_data_problems(obj["stringData"])
    return wrong


def _string_data_problems(values: Any) -> list[str]:
    if not isinstance(values, Mapping):
        return ["stringData is not a map"]
    return [
        f"stringData.{key} is not a string: quote it" for key, value in values.items() if not isinstance(value, str)
    ]


def version_and_kind(obj: Mapping[str, Any]) -> str:
    """Return ``apiVersion kind`` of a document that may not be a whole object."""
    return f"{obj.get('apiVersion')} {obj.get('kind')}"


def _is_string(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def normalised(obj: Mapping[str, Any]) -> dict[str, Any]:
    """Return the object as it is sent: without status and what only the API server sets, ``stringData`` as ``data``.

    ``stringData`` is folded in because the API server never returns it: as ``data`` it can be compared, and a key
    that is no longer declared is removed. A null stays: the API server knows what it means. Only labels, annotations
    and namespace that are null count as not given.
    """
    result: dict[str, Any] = _copy({name: value for name, value in obj.items() if name != "status"})
    meta = result["metadata"]
    result["metadata"] = {
        name: value
        for name, value in meta.items()
        if name not in SERVER_METADATA and not (value is None and name in _FILLED_IN)
    }
    if is_aggregated(result):
        result.pop("rules", None)
    if version_and_kind(result) == "v1 Secret":
        texts = result.pop("stringData", None) or {}
        if texts:
            result["data"] = (result.get("data") or {}) | {
                key: base64.b64encode(text.encode()).decode() for key, text in texts.items()
            }
    return result


def _copy(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copy(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_copy(item) for item in value]
    return value


def declare(
    found: Iterable[Found], set_name: str, namespace: str, cluster_scoped: AskScope
) -> dict[Key, dict[str, Any]]:
    """Return the set's objects by key: normalised, with the set's label, their own title and their namespace.

    found: what parse() returned; set_name: the label's value; namespace: for objects that name none;
    cluster_scoped: function that returns which of some custom kinds are cluster-scoped; it is called only when the set
    itself does not tell.
    Raises Invalid with every problem: a name that cannot be a label, an object given twice, one of another set.
    """
    if not _SET_NAME.match(set_name or ""):
        raise Invalid(
            f"the set's name {set_name!r} is not a valid label: lower-case letters, digits, '-', '.', 63 at most"
        )
    found = list(found)
    in_namespace = _scopes([item.obj for item in found], cluster_scoped)
    declared: dict[Key, dict[str, Any]] = {}
    seen: dict[Key, str] = {}
    problems = []
    for where, raw in found:
        obj = normalised(raw)
        meta = obj["metadata"]
        if not in_namespace[kind_of(obj)]:
            meta.pop("namespace", None)
        elif not meta.get("namespace"):
            meta["namespace"] = namespace
        labels = meta.setdefault("labels", {})
        key = key_of(obj)
        if labels.setdefault(SET_LABEL, set_name) != set_name:
            problems.append(f"{where}: {key.title} is labelled as part of the set {labels[SET_LABEL]!r}")
        if key in seen:
            problems.append(f"{where}: {key.title} is declared already in {seen[key]}")
        seen.setdefault(key, where)
        meta["annotations"] = {**meta.get("annotations", {}), OBJECT_ANNOTATION: key.title}
        declared[key] = obj
    if problems:
        raise Invalid("\n".join(problems))
    return declared


def _scopes(objects: list[dict[str, Any]], cluster_scoped: AskScope) -> dict[Kind, bool | None]:
    defined = defined_kinds(objects)
    scopes = {kind: is_namespaced(kind, defined) for kind in {kind_of(obj) for obj in objects}}
    named = {kind_of(obj) for obj in objects if obj["metadata"].get("namespace")}
    # a kind with an object that names its namespace is is_namespaced
    scopes |= {kind: True for kind, known in scopes.items() if known is None and kind in named}
    unknown = sorted(kind for kind, known in scopes.items() if known is None)
    if unknown:
        outside = set(cluster_scoped(unknown))
        scopes |= {kind: kind not in outside for kind in unknown}
    return scopes
