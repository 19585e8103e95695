"""Is all that is declared in the live object? Answered locally, without a request.

The answer errs to one side only: "looks different" sends the object to a server-side dry run, which decides. So what is
not known here costs a request and never a false change.

The API server itself says how it merges: an object's managedFields name the items of a list by their keys, and end
where a value is replaced as one. They also remember what was applied and is not to be seen: a field that we own and
that is not live was empty, and vanished. What they do not tell is in ``saltk8s.kubectl.compare.server_defaults``.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from saltk8s.base import quantity
from saltk8s.kubectl.compare import server_defaults
from saltk8s.kubectl.manifests.identity import MANAGER, kind_of

Node = Mapping[str, Any]  # a tree of fields, the API's ``fieldsV1``, from some field on downwards
Identity = tuple[Any, ...]

_ABSENT = object()  # no such field, where null is a value: a custom resource keeps one for a map that was emptied
_KEY_DEFAULTS = {"protocol": "TCP"}  # of the keys of Kubernetes' own lists; the others are "" when they are not given
_ROUNDED = {server_defaults.QUANTITY: quantity.NANO, server_defaults.RESOURCE: quantity.MILLI}


def looks_equal(declared: Mapping[str, Any], live: Mapping[str, Any]) -> bool:
    """Return whether a run has certainly nothing to write for an object.

    declared: as manifest.declare() gives it; live: as ``kubectl get --show-managed-fields`` gives it.
    True when every declared field is live with its value, and no field of ours that is no longer declared would go.
    """
    version = declared["apiVersion"]
    if live.get("apiVersion") != version:
        return False
    mine: Node = {}
    others: list[Node] = []
    for entry in live["metadata"].get("managedFields") or ():
        is_mine = entry.get("manager") == MANAGER and entry.get("operation") == "Apply" and not entry.get("subresource")
        if entry.get("apiVersion") == version:
            if is_mine:
                mine = entry.get("fieldsV1") or {}
            else:
                others.append(entry.get("fieldsV1") or {})
        elif is_mine:
            return False  # the fields of another version have other names
    kind = kind_of(declared)
    shape = server_defaults.of(kind.group, kind.kind)
    rest = {name: value for name, value in declared.items() if name not in ("apiVersion", "kind", "metadata")}
    below = _below(others, "f:metadata")
    own = mine.get("f:metadata", {})
    meta = {name: value for name, value in declared["metadata"].items() if name not in ("name", "namespace")}
    return _fields(meta, live["metadata"], own, below, shape.of("metadata")) and _fields(
        rest, live, {step: node for step, node in mine.items() if step != "f:metadata"}, others, shape
    )


def owned_fields(live: Mapping[str, Any]) -> list[Node]:
    """Return the trees of fields (the API's ``fieldsV1``) that our field manager applied."""
    entries = live["metadata"].get("managedFields") or []
    return [
        entry["fieldsV1"]
        for entry in entries
        if entry.get("manager") == MANAGER and entry.get("operation") == "Apply" and "fieldsV1" in entry
    ]


def ours(live: Mapping[str, Any]) -> bool:
    """Return whether this engine wrote the object: our field manager is among its managers."""
    return bool(owned_fields(live))


# -- values that are merged: what is declared has to be there, what others added may stay


def _merged(declared: Any, live: Any, mine: Node | None, others: Sequence[Node], shape: server_defaults.Shape) -> bool:
    """Return whether an apply leaves a value as it is.

    mine: the tree of what we own from here on downwards, None when we do not own this; others: those of the others.
    """
    if isinstance(declared, Mapping):
        if isinstance(live, Mapping) and (shape.merged or _has_steps(mine) or any(map(_has_steps, others))):
            return _fields(declared, live, mine or {}, others, shape)
    elif isinstance(declared, list) and isinstance(live, list):
        step = _step_of_items(mine) or next(filter(None, map(_step_of_items, others)), "")
        if step.startswith("k:"):
            return _items(declared, live, mine or {}, others, shape, _keys(step)[0])
        if step.startswith("v:"):
            return _values(declared, live, mine or {}, others)
        if shape.merged and not declared:
            return True
    elif live is None and mine is not None and not declared:
        return True  # applied as "", 0 or false, and vanished
    return _same(declared, live, shape)


def _fields(declared: Mapping, live: Mapping, mine: Node, others: Sequence[Node], shape: server_defaults.Shape) -> bool:
    claimed = 0
    given = shape.fill(declared, live) if shape.fill else declared
    for key, value in given.items():
        name = key if type(key) is str else _name(key)
        step = f"f:{name}"
        node = mine.get(step)
        if node is not None:
            claimed += 1
        below = _below(others, step) if others else ()
        there = live.get(name)
        if not _merged(value, there, node, below, shape.of(name)) and not _as_none(value, there, name, shape):
            return False
    if claimed == len(mine) - ("." in mine):
        return True
    names = {f"f:{_name(key)}" for key in declared}
    return all(
        _stays(node, live.get(step[2:], _ABSENT), _below(others, step), shape.defaults.get(step[2:]))
        for step, node in mine.items()
        if step != "." and step not in names
    )


def _items(
    declared: list, live: list, mine: Node, others: Sequence[Node], shape: server_defaults.Shape, names: tuple[str, ...]
) -> bool:
    """Return whether the items of a list with keys stay as they are, in their order.

    names: the keys' names.
    """
    places = _by_identity(live, names)
    owned = {_keys(step)[1]: (step, node) for step, node in mine.items() if step.startswith("k:")}
    if places is None or any(_keys(step)[0] != names for step, _ in owned.values()):
        return False
    seen, last = set(), -1
    for item in declared:
        identity = _identity(item, names, owned, shape)
        place = places.get(identity, -1) if identity else -1
        if place <= last:  # it is missing, or the order is another
            return False
        last = place
        seen.add(identity)
        step, node = owned.get(identity, (_step(names, identity), None))
        if not _merged(item, live[place], node, _below(others, step), shape):
            return False
    return all(
        _stays(node, live[places[identity]] if identity in places else _ABSENT, _below(others, step), None)
        for identity, (step, node) in owned.items()
        if identity not in seen
    )


def _values(declared: list, live: list, mine: Node, others: Sequence[Node]) -> bool:
    """Return whether the items of a list that is a set stay as they are, in their order."""
    wanted, found = [_text(item) for item in declared], [_text(item) for item in live]
    if len(set(found)) != len(found) or len(set(wanted)) != len(wanted):
        return False
    known = set(wanted)
    if [item for item in found if item in known] != wanted:
        return False
    for step in mine:
        value = _text(json.loads(step[2:])) if step.startswith("v:") else None
        if value is not None and value not in known and value in found and not _below(others, step):
            return False
    return True


def _stays(node: Node, live: Any, others: Sequence[Node], default: Any) -> bool:
    """Return whether a value that we own and no longer declare stays as it is when our claim ends.

    live: _ABSENT when it is not there; default: what the field gets when nobody gives it.
    """
    if live is _ABSENT or _is_default(live, default):
        return True
    steps = [step for step in node if step != "."]
    if "." in node or not steps:
        kept = (other for other in others if ("." in other or not other) and bool(other) == bool(node))
        if next(kept, None) is None:
            return False
    return all(_stays(node[step], _at(live, step), _below(others, step), None) for step in steps)


# -- values that are replaced as one: what is not declared has to be a default


def _same(declared: Any, live: Any, shape: server_defaults.Shape) -> bool:
    """Return whether the API server makes the live value of the declared one, which gives all there is to it."""
    if isinstance(declared, Mapping):
        if isinstance(live, Mapping):
            return _same_fields(declared, live, shape)
        return not declared and live is None and shape.is_map
    if isinstance(declared, list):
        if isinstance(live, list):
            return len(declared) == len(live) and all(
                _same(one, other, shape) for one, other in zip(declared, live, strict=True)
            )
        return not declared and live is None and not shape.raw
    return _same_scalar(declared, live, shape.form)


def _same_fields(declared: Mapping, live: Mapping, shape: server_defaults.Shape) -> bool:
    given = shape.fill(declared, live) if shape.fill else declared
    names = set()
    for key, value in given.items():
        name = key if type(key) is str else _name(key)
        names.add(name)
        if not (_same(value, live.get(name), shape.of(name)) or _as_none(value, live.get(name), name, shape)):
            return False
    return all(
        value is None or name in names or _is_default(value, shape.defaults.get(name)) for name, value in live.items()
    )


def _is_default(live: Any, default: Any) -> bool:
    return default is not None and _text(live) == _text(default)


def _as_none(value: Any, live: Any, name: str, shape: server_defaults.Shape) -> bool:
    """Return whether the value counts as not given, and live is what a field gets that is not given."""
    if value or isinstance(value, Mapping) or not (name in shape.zero or isinstance(value, list)):
        return False
    default = shape.defaults.get(name)
    return live is None and name in shape.zero if default is None else _is_default(live, default)


def _same_scalar(declared: Any, live: Any, form: str) -> bool:
    if isinstance(declared, bool) or isinstance(live, bool):
        return declared is live
    if declared == live:
        return True
    if form == server_defaults.PLAIN or live is None:
        return False
    if form == server_defaults.BASE64:
        return _bytes(declared) == _bytes(live) is not None
    return quantity.equal(declared, live, _ROUNDED[form])


def _bytes(value: Any) -> bytes | None:
    try:
        return base64.b64decode(value.replace("\n", "").replace("\r", ""), validate=True)
    except (AttributeError, ValueError, binascii.Error):
        return None


# -- steps of the trees: ``f:name`` a field, ``k:{...}`` an item by its keys, ``v:...`` an item of a set, ``.`` itself


def _has_steps(node: Node | None) -> bool:
    return bool(node) and (len(node) > 1 or "." not in node)


def _step_of_items(node: Node | None) -> str:
    return next((step for step in node or () if step != "."), "")


def _below(nodes: Iterable[Node], step: str) -> Sequence[Node]:
    return [node[step] for node in nodes if step in node]


@lru_cache(maxsize=8192)
def _keys(step: str) -> tuple[tuple[str, ...], Identity]:
    """Return (names, values) of ``k:{"name":"web"}``."""
    given = json.loads(step[2:])
    return tuple(given), tuple(given.values())


def _step(names: tuple[str, ...], identity: Identity) -> str:
    return "k:" + json.dumps(dict(zip(names, identity, strict=True)), separators=(",", ":"), ensure_ascii=False)


def _by_identity(items: list, names: tuple[str, ...]) -> dict[Identity, int] | None:
    """Return the place of each item, None when the keys do not tell them apart."""
    places: dict[Identity, int] = {}
    for place, item in enumerate(items):
        if not isinstance(item, Mapping):
            return None
        identity = tuple([item.get(name) for name in names])
        if None in identity or identity in places:
            return None
        places[identity] = place
    return places


def _identity(
    item: Any, names: tuple[str, ...], owned: Mapping[Identity, tuple[str, Node]], shape: server_defaults.Shape
) -> Identity | None:
    """Return the keys' values of a declared item, with their defaults, or None when they are not known."""
    if not isinstance(item, Mapping):
        return None
    identity = tuple([item.get(name) for name in names])
    if None not in identity:
        return identity
    if not shape.raw:
        return tuple([item.get(name, _KEY_DEFAULTS.get(name, "")) for name in names])
    # the default of a custom resource's key: that of the item which we applied with the same keys left out
    same = [
        known
        for known, (_, node) in owned.items()
        if all(
            (f"f:{name}" in node) == (value is not None) and value in (None, one)
            for name, value, one in zip(names, identity, known, strict=True)
        )
    ]
    return same[0] if len(same) == 1 else None


def _at(live: Any, step: str) -> Any:
    """Return what is live at a step, _ABSENT when there is nothing."""
    if step.startswith("f:"):
        return live.get(step[2:], _ABSENT) if isinstance(live, Mapping) else _ABSENT
    if not isinstance(live, list):
        return _ABSENT
    if step.startswith("k:"):
        names, identity = _keys(step)
        return next(
            (
                item
                for item in live
                if isinstance(item, Mapping) and tuple([item.get(name) for name in names]) == identity
            ),
            _ABSENT,
        )
    value = json.loads(step[2:])
    return next((item for item in live if _text(item) == _text(value)), _ABSENT)


def _name(key: Any) -> str:
    """Return a key as it is sent: JSON has only texts, YAML also numbers."""
    return key if isinstance(key, str) else next(iter(json.loads(json.dumps({key: 0}))))


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
