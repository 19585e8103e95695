"""Trees of fields as an object's managedFields have them (the API's ``fieldsV1``).

Steps of a tree: ``f:name`` a field, ``k:{...}`` an item of a list by its keys, ``v:...`` an item of a set, ``.`` the
value itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from saltk8s.kubectl.manifests.identity import MANAGER

Node = Mapping[str, Any]  # a tree of fields, from some field on downwards
Steps = tuple[str, ...]  # of a tree, from the top
Identity = tuple[Any, ...]  # values of an item's keys

ABSENT = object()  # no such field, where null is a value: a custom resource keeps one for a map that was emptied


def is_ours(entry: Mapping[str, Any]) -> bool:
    """Return whether an entry of an object's managedFields has what our field manager applied."""
    return entry.get("manager") == MANAGER and entry.get("operation") == "Apply" and not entry.get("subresource")


def owned_fields(live: Mapping[str, Any]) -> list[Node]:
    """Return the trees of fields (the API's ``fieldsV1``) that our field manager applied."""
    entries = live["metadata"].get("managedFields") or ()
    return [entry["fieldsV1"] for entry in entries if is_ours(entry) and "fieldsV1" in entry]


def is_applied_by_us(live: Mapping[str, Any]) -> bool:
    """Return whether our field manager applied fields of the object."""
    return bool(owned_fields(live))


def has_steps(node: Node | None) -> bool:
    """Return whether there is anything below a node."""
    return node is not None and len(node) > ("." in node)


def item_step(node: Node | None) -> str:
    """Return a step below a node, which tells how the items of a list are named; "" when there is none."""
    return next((step for step in node or () if step != "."), "")


def subtrees(nodes: Iterable[Node], step: str) -> list[Node]:
    """Return the trees below a step, of those that have it."""
    return [node[step] for node in nodes if step in node]


def node_at(node: Node, path: Steps) -> Node | None:
    """Return the tree below a path, None when it does not have it."""
    for step in path:
        if step not in node:
            return None
        node = node[step]
    return node


@lru_cache(maxsize=8192)
def keys_of(step: str) -> tuple[tuple[str, ...], Identity]:
    """Return (names, values) of ``k:{"name":"web"}``."""
    given = json.loads(step[2:])
    return tuple(given), tuple(given.values())


def step_of(names: tuple[str, ...], identity: Identity) -> str:
    """Return what keys_of() takes apart."""
    return "k:" + json.dumps(dict(zip(names, identity, strict=True)), separators=(",", ":"), ensure_ascii=False)


def positions(items: list, names: tuple[str, ...]) -> dict[Identity, int] | None:
    """Return the position of each item, None when the keys do not tell them apart."""
    found: dict[Identity, int] = {}
    for position, item in enumerate(items):
        if not isinstance(item, Mapping):
            return None
        identity = tuple([item.get(name) for name in names])
        if None in identity or identity in found:
            return None
        found[identity] = position
    return found


def value_at(live: Any, step: str) -> Any:
    """Return what is live at a step, ABSENT when there is nothing."""
    if step.startswith("f:"):
        return live.get(step[2:], ABSENT) if isinstance(live, Mapping) else ABSENT
    if not isinstance(live, list):
        return ABSENT
    if step.startswith("k:"):
        names, identity = keys_of(step)
        return next(
            (
                item
                for item in live
                if isinstance(item, Mapping) and tuple([item.get(name) for name in names]) == identity
            ),
            ABSENT,
        )
    value = json.loads(step[2:])
    return next((item for item in live if as_json(item) == as_json(value)), ABSENT)


def as_json(value: Any) -> str:
    """Return a value as text that tells 1 from true."""
    return json.dumps(value, sort_keys=True)
