"""Does the live object equal the declared one? Decided locally, without a request.

It errs to one side only: "looks different" sends the object to a server-side dry run, which decides. So a rule that is
missing here costs a request and never a false change.

The API server itself tells how it merges: an object's managedFields name the items of a list by their keys, and end
where a value is replaced as one. They also remember applied values that were dropped: a field that we own and that is
not live was empty or null. What they do not tell is in ``saltk8s.kubectl.compare.server_defaults``.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from typing import Any

from saltk8s.base import quantity
from saltk8s.kubectl.compare.managed_fields import (
    ABSENT,
    Identity,
    Node,
    as_json,
    has_steps,
    is_ours,
    item_step,
    keys_of,
    positions,
    step_of,
    subtrees,
    value_at,
)
from saltk8s.kubectl.compare.server_defaults.kinds import shape_of
from saltk8s.kubectl.compare.server_defaults.shape import BASE64, PLAIN, QUANTITY, RESOURCE, Shape
from saltk8s.kubectl.manifests.identity import kind_of

_KEY_DEFAULTS = {"protocol": "TCP"}  # of the keys of Kubernetes' own lists; the others are "" when they are not given
_ROUNDED = {QUANTITY: quantity.NANO, RESOURCE: quantity.MILLI}


def looks_equal(declared: Mapping[str, Any], live: Mapping[str, Any]) -> bool:
    """Return whether a run certainly has nothing to write for an object.

    declared: as manifest.declare() gives it; live: as ``kubectl get --show-managed-fields`` gives it.
    True when every declared field is live with its value, and no field that we own and no longer declare would go.
    """
    version = declared["apiVersion"]
    if live.get("apiVersion") != version:
        return False
    mine: Node = {}
    others: list[Node] = []
    for entry in live["metadata"].get("managedFields") or ():
        is_mine = is_ours(entry)
        if entry.get("apiVersion") == version:
            if is_mine:
                mine = entry.get("fieldsV1") or {}
            else:
                others.append(entry.get("fieldsV1") or {})
        elif is_mine:
            return False  # the fields of another version have other names
    kind = kind_of(declared)
    shape = shape_of(kind.group, kind.kind)
    rest = {name: value for name, value in declared.items() if name not in ("apiVersion", "kind", "metadata")}
    others_meta = subtrees(others, "f:metadata")
    own = mine.get("f:metadata", {})
    meta = {name: value for name, value in declared["metadata"].items() if name not in ("name", "namespace")}
    return _fields(meta, live["metadata"], own, others_meta, shape.of("metadata")) and _fields(
        rest, live, {step: node for step, node in mine.items() if step != "f:metadata"}, others, shape
    )


# -- values that are merged: what is declared has to be live, what others added is kept


def _merged(declared: Any, live: Any, mine: Node | None, others: Sequence[Node], shape: Shape) -> bool:
    """Return whether an apply leaves a value as it is.

    mine: the tree of fields that we own from here on downwards, None when we do not own this value; others: those of
    other managers.
    """
    if isinstance(declared, Mapping):
        if isinstance(live, Mapping) and (shape.merged or has_steps(mine) or any(map(has_steps, others))):
            return _fields(declared, live, mine or {}, others, shape)
    elif isinstance(declared, list) and isinstance(live, list):
        step = item_step(mine) or next(filter(None, map(item_step, others)), "")
        if step.startswith("k:"):
            return _items(declared, live, mine or {}, others, shape, keys_of(step)[0])
        if step.startswith("v:"):
            return _values(declared, live, mine or {}, others)
        if shape.merged and not declared:
            return True
    elif (live is None or live is ABSENT) and mine is not None and _is_dropped(declared, shape):
        return True
    if declared is None and shape.merged and not has_steps(mine):
        return True  # null for what is merged adds nothing, and takes away only what we applied before
    return _same(declared, live, shape)


def _is_dropped(declared: Any, shape: Shape) -> bool:
    """Return whether the API server drops a value that is applied: null, and of its own kinds "", 0 and false, too."""
    return declared is None if shape.raw else not declared


def _fields(declared: Mapping, live: Mapping, mine: Node, others: Sequence[Node], shape: Shape) -> bool:
    claimed = 0
    missing = ABSENT if shape.raw else None
    given = shape.fill(declared, live) if shape.fill else declared
    for key, value in given.items():
        name = key if type(key) is str else _name(key)
        step = f"f:{name}"
        node = mine.get(step)
        if node is not None:
            claimed += 1
        others_below = subtrees(others, step) if others else ()
        current = live.get(name, missing)
        if not _merged(value, current, node, others_below, shape.of(name)) and not _is_unset(
            value, current, name, shape
        ):
            return False
    if claimed == len(mine) - ("." in mine):
        return True
    names = {f"f:{_name(key)}" for key in declared}
    return all(
        _is_kept(node, live.get(step[2:], ABSENT), subtrees(others, step), shape.defaults.get(step[2:]))
        for step, node in mine.items()
        if step != "." and step not in names
    )


def _items(
    declared: list, live: list, mine: Node, others: Sequence[Node], shape: Shape, names: tuple[str, ...]
) -> bool:
    """Return whether the items of a list with keys stay as they are, in their order.

    names: the keys' names.
    """
    position_of = positions(live, names)
    owned = {keys_of(step)[1]: (step, node) for step, node in mine.items() if step.startswith("k:")}
    if position_of is None or any(keys_of(step)[0] != names for step, _ in owned.values()):
        return False
    seen, last = set(), -1
    for item in declared:
        identity = _identity(item, names, owned, shape)
        if identity is None:
            return False
        position = position_of.get(identity, -1)
        if position <= last:  # it is missing, or the order is another
            return False
        last = position
        seen.add(identity)
        step, node = owned.get(identity, (step_of(names, identity), None))
        if not _merged(item, live[position], node, subtrees(others, step), shape):
            return False
    return all(
        _is_kept(node, live[position_of[identity]] if identity in position_of else ABSENT, subtrees(others, step), None)
        for identity, (step, node) in owned.items()
        if identity not in seen
    )


def _values(declared: list, live: list, mine: Node, others: Sequence[Node]) -> bool:
    """Return whether the items of a list that is a set stay as they are, in their order."""
    wanted, found = [as_json(item) for item in declared], [as_json(item) for item in live]
    if len(set(found)) != len(found) or len(set(wanted)) != len(wanted):
        return False
    known = set(wanted)
    if [item for item in found if item in known] != wanted:
        return False
    for step in mine:
        value = as_json(json.loads(step[2:])) if step.startswith("v:") else None
        if value is not None and value not in known and value in found and not subtrees(others, step):
            return False
    return True


def _is_kept(node: Node, live: Any, others: Sequence[Node], default: Any) -> bool:
    """Return whether a value that we own and no longer declare stays as it is when we give it up.

    live: ABSENT when it does not exist; default: the field's default.
    """
    if live is ABSENT or _is_default(live, default):
        return True
    steps = [step for step in node if step != "."]
    if "." in node or not steps:
        kept = (other for other in others if ("." in other or not other) and bool(other) == bool(node))
        if next(kept, None) is None:
            return False
    return all(_is_kept(node[step], value_at(live, step), subtrees(others, step), None) for step in steps)


# -- values that are replaced as one: what is not declared has to be a default


def _same(declared: Any, live: Any, shape: Shape) -> bool:
    """Return whether the API server stores the declared value, given as a whole, as the live one."""
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


def _same_fields(declared: Mapping, live: Mapping, shape: Shape) -> bool:
    given = shape.fill(declared, live) if shape.fill else declared
    missing = ABSENT if shape.raw else None
    names = set()
    for key, value in given.items():
        name = key if type(key) is str else _name(key)
        names.add(name)
        current = live.get(name, missing)
        if not (_same(value, current, shape.of(name)) or _is_unset(value, current, name, shape)):
            return False
    return all(
        name in names or value is missing or _is_default(value, shape.defaults.get(name))
        for name, value in live.items()
    )


def _is_default(live: Any, default: Any) -> bool:
    return default is not None and as_json(live) == as_json(default)


def _is_unset(value: Any, live: Any, name: str, shape: Shape) -> bool:
    """Return whether the declared value counts as not given, and the live one is the field's default."""
    if value is None:
        return _is_default(live, shape.defaults.get(name)) or (shape.is_map and live == "")
    if value or isinstance(value, Mapping) or not (name in shape.zero or isinstance(value, list)):
        return False
    default = shape.defaults.get(name)
    return live is None and name in shape.zero if default is None else _is_default(live, default)


def _same_scalar(declared: Any, live: Any, form: str) -> bool:
    if isinstance(declared, bool) or isinstance(live, bool):
        return declared is live
    if declared == live:
        return True
    if form == PLAIN or live is None:
        return False
    if form == BASE64:
        return _bytes(declared) == _bytes(live) is not None
    return quantity.equal(declared, live, _ROUNDED[form])


def _bytes(value: Any) -> bytes | None:
    try:
        return base64.b64decode(value.replace("\n", "").replace("\r", ""), validate=True)
    except (AttributeError, ValueError, binascii.Error):
        return None


def _identity(
    item: Any, names: tuple[str, ...], owned: Mapping[Identity, tuple[str, Node]], shape: Shape
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


def _name(key: Any) -> str:
    """Return a key as it is sent: JSON has only texts, YAML also numbers."""
    return key if isinstance(key, str) else next(iter(json.loads(json.dumps({key: 0}))))
