"""Nodes that an operator cordoned stay cordoned, although a program uncordons every node that it is done with.

Whose cordon it is, the API server knows: the field manager of ``spec.unschedulable``. One that an interrupted run left
is the program's own: its next run ends it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from saltk8s.base import errors
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.operations.cordon import is_cordoned

TIMEOUTS: dict[str, Any] = {"timeout_s": 45, "request_timeout_s": 15}


def of_operators(nodes: Iterable[Mapping[str, Any]], program: str) -> list[str]:
    """Return the names of nodes that are cordoned, but not by a program; with their managed fields."""
    return sorted(node["metadata"]["name"] for node in nodes if is_cordoned(node) and not _is_of(node, program))


def _is_of(node: Mapping[str, Any], program: str) -> bool:
    return any(
        entry.get("manager") == program and "f:unschedulable" in (entry.get("fieldsV1") or {}).get("f:spec", {})
        for entry in node["metadata"].get("managedFields") or []
    )


class Cordons:
    """Remembers whose nodes are cordoned before a run, and cordons them again. Never raises: it does not end a run."""

    def __init__(self, kubectl: Kubectl, program: str, log: Callable[[int, str], None]):
        """program: which uncordons nodes, and is its field manager; log: called with a level and a line."""
        self._kubectl, self._program, self._log = kubectl, program, log

    def read(self) -> list[str]:
        """Return the nodes that operators cordoned; none while the API server does not answer."""
        return of_operators(self._nodes() or [], self._program)

    def restore(self, names: Iterable[str]) -> list[str]:
        """Cordon nodes again that are not cordoned now; return those that could not be."""
        names = sorted(names)
        nodes = self._nodes() if names else []
        if nodes is None:
            return names
        left = []
        for node in nodes:
            name = node["metadata"]["name"]
            if name in names and not is_cordoned(node):
                try:
                    self._kubectl.run("cordon", name, what=f"cordon {name}", timeout_s=TIMEOUTS["timeout_s"])
                except errors.SaltK8sError as err:
                    self._log(logging.WARNING, f"{name} was cordoned before this run, and cannot be again: {err}")
                    left.append(name)
        return left

    def _nodes(self) -> list[dict[str, Any]] | None:
        if not self._kubectl.cluster_exists:
            return []
        try:
            return self._kubectl.objects("get", "nodes", "--show-managed-fields", **TIMEOUTS)
        except errors.SaltK8sError as err:
            self._log(logging.WARNING, f"which nodes are cordoned cannot be read: {err}")
            return None
