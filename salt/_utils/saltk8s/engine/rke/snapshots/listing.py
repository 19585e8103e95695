"""The snapshots on the etcd nodes: each node takes its own, under one name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

from saltk8s.base import errors

if TYPE_CHECKING:
    from saltk8s.engine.rke.upkeep.access import Access


class Row(NamedTuple):
    """An archive on a node. taken: Unix time; size: in bytes."""

    name: str
    node: str
    taken: int
    size: int


def read(access: Access, members: Mapping[str, str] | None = None) -> list[Row]:
    """Return the archives of all etcd nodes, newest first. Raises CommandError when a node cannot be asked.

    members: {name: address} of the nodes, those of the state by default.
    """
    members = access.members() if members is None else members
    with ThreadPoolExecutor(max_workers=len(members) or 1) as pool:
        found = pool.map(lambda name: (name, access.node(name, members[name]).archives()), members)
        rows = [Row(name, node, at, size) for node, archives in found for name, (size, at) in archives.items()]
    return sorted(rows, key=lambda row: (-row.taken, row.name, row.node))


def table(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Return the snapshots as people read them, newest first."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        found.setdefault(row.name, {"name": row.name, "taken": date(row.taken), "nodes": {}})["nodes"][row.node] = (
            row.size
        )
    return list(found.values())


def date(seconds: int) -> str:
    """Return a Unix time as people read it."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def choose(rows: list[Row], name: str | None, node: str | None) -> Row:
    """Return the newest archive, of a name and of a node if given. Raises Refused when there is none."""
    fit = [row for row in rows if name in (None, row.name) and node in (None, row.node)]
    if fit:
        return fit[0]
    what = f"snapshot {name}" if name else "snapshot"
    where = f"on {node}" if node else "on any etcd node"
    there = ", ".join(dict.fromkeys(row.name for row in rows)) or "none"
    raise errors.Refused(f"there is no {what} {where}; there is: {there}")
