"""The set's record: a ConfigMap with the kinds that the set ever had.

An object of a kind that is no longer declared at all can only be found by asking for that kind. The record is an
object of the set like any other: it comes with the LIST of ConfigMaps, its changes are shown, and it is written before
anything else, so an interrupted run leaves nothing behind that a later run would not find.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from saltk8s.kubectl.manifests.identity import OBJECT_ANNOTATION, SET_LABEL, Key, Kind, kind_from, version_order

NAMESPACE = "kube-system"
KIND = Kind("", "ConfigMap", "v1")


def key(set_name: str) -> Key:
    """Return the record's key."""
    return Key("", "ConfigMap", NAMESPACE, f"saltk8s-set-{set_name}")


def build(set_name: str, kinds: Iterable[Kind]) -> dict[str, Any]:
    """Return the record of a set that has these kinds, each at its newest version.

    The same kinds always give the same object.
    """
    newest: dict[tuple[str, str], Kind] = {}
    for kind in sorted(kinds, key=lambda kind: version_order(kind.version)):
        newest.setdefault(kind.gk, kind)
    text = "".join(f"{newest[gk].argument}\n" for gk in sorted(newest))
    where = key(set_name)
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": where.name,
            "namespace": where.namespace,
            "labels": {SET_LABEL: set_name},
            "annotations": {OBJECT_ANNOTATION: where.title},
        },
        "data": {"kinds": text},
    }


def kinds(obj: Mapping[str, Any] | None) -> set[Kind]:
    """Return the kinds that a live record names; none when there is no record."""
    text = ((obj or {}).get("data") or {}).get("kinds") or ""
    return {kind_from(line) for line in text.split() if line.count(".") >= 2}
