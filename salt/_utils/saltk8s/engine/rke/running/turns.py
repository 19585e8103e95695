"""The gate between the nodes of a run: rke goes from one to the next without asking how the cluster is.

What rke prints says which node is done and which one begins. There it stands still while the cluster's health is asked;
when that does not come back in time, the run ends, and the next one goes on. It asks only after something was changed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

DONE = re.compile(r"Successfully (?:started|updated) \[([^]]+)\] container on host \[([^]]+)\]")
_CONTROL_PLANE = re.compile(r"Processing controlplane host (\S+)")
_WORKER = re.compile(r"\[workerplane\] Processing host (\S+)")
SHOWN = 5


class Turns:
    """Knows when the health has to be asked. ``closed``: why the run was ended, "" while it was not."""

    def __init__(self, together: int, wait: Callable[[], list[Any]]):
        """together: how many workers go at once; wait: waits for a healthy cluster; returns what is still wrong."""
        self._together, self._wait = together, wait
        self._changed, self._workers, self._next = False, 0, ""
        self.closed = ""

    @property
    def due(self) -> bool:
        """Whether the health is to be asked before rke goes on."""
        return bool(self._next)

    def take(self, message: str) -> None:
        """Take the next line's message."""
        if found := DONE.search(message):
            self._changed = True
            if found[1] == "etcd":  # the next member is replaced at once, and rke waits for none
                self._next = "the next member of etcd"
        elif found := _CONTROL_PLANE.search(message):
            self._begin(found[1])
        elif found := _WORKER.search(message):
            if self._workers % self._together == 0:
                self._begin(found[1])
            self._workers += 1

    def _begin(self, node: str) -> None:
        if self._changed:
            self._next = node

    def is_closed(self) -> bool:
        """Ask now; return whether the run has to end here."""
        before, self._next, self._changed = self._next, "", False
        found = self._wait()
        if found:
            more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
            reasons = "; ".join(str(one) for one in found[:SHOWN])
            self.closed = (
                f"rke up was ended before {before}, because the cluster is not healthy after what was done: "
                f"{reasons}{more}. Mend that, and apply again: it goes on there"
            )
        return bool(found)
