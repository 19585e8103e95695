"""Which field identifies the items of a list: the merge keys of built-in types.

A list that is not here is compared item by item, in its order.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# name of the list's field -> alternatives of ((key, default), ...); the first whose keys all items have is taken
_KEYS: dict[str, tuple[tuple[tuple[str, Any], ...], ...]] = {
    "containers": ((("name", None),),),
    "initContainers": ((("name", None),),),
    "ephemeralContainers": ((("name", None),),),
    "env": ((("name", None),),),
    "volumes": ((("name", None),),),
    "volumeMounts": ((("mountPath", None),),),
    "volumeDevices": ((("devicePath", None),),),
    "imagePullSecrets": ((("name", None),),),
    "hostAliases": ((("ip", None),),),
    "resourceClaims": ((("name", None),),),
    "topologySpreadConstraints": ((("topologyKey", None), ("whenUnsatisfiable", None)),),
    "ports": (
        (("containerPort", None), ("protocol", "TCP")),
        (("port", None), ("protocol", "TCP")),
    ),
    "conditions": ((("type", None),),),
    "ownerReferences": ((("uid", None),),),
    "webhooks": ((("name", None),),),
    "secrets": ((("name", None),),),
    "matchConditions": ((("name", None),),),
}
Identity = tuple[tuple[str, Any], ...]


def keyed(field: str, *lists: Any) -> list[dict[Identity, Any]] | None:
    """Return each list as ``{identity: item}`` in its order, or None when the items cannot be told apart by keys.

    field: name of the field that holds the lists.
    """
    for keys in _KEYS.get(field, ()):
        found = [part for part in (_by_key(keys, items) for items in lists) if part is not None]
        if len(found) == len(lists):
            return found
    return None


def label(identity: Identity) -> str:
    """Return how a path names an item: ``name=controller``; defaults are left out."""
    shown = [f"{key}={value}" for key, value in identity if (key, value) != ("protocol", "TCP")]
    return ",".join(shown)


def _by_key(keys: tuple[tuple[str, Any], ...], items: Any) -> dict[Identity, Any] | None:
    if not isinstance(items, list):
        return None
    found: dict[Identity, Any] = {}
    for item in items:
        if not isinstance(item, Mapping):
            return None
        identity = tuple((key, item.get(key, default)) for key, default in keys)
        if any(value is None or isinstance(value, (list, dict)) for _, value in identity) or identity in found:
            return None
        found[identity] = item
    return found
