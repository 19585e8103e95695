"""Nodes that cannot be used now: what is said of them. What needs them waits; the rest of the platform goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from saltk8s.base import errors
from saltk8s.engine.plan import Plan

SHOWN = 10  # lines of the plan that waits


class NodesUnusable(errors.Unreachable):
    """Nodes do not answer, or cannot run containers: whatever the engine would do waits for them.

    nodes: their names; about: a line on each; waited_s: how long they were waited for. Its details have the names, by
    which a state knows that nothing but these nodes is wrong.
    """

    def __init__(self, about: Mapping[str, str], waited_s: float = 0, waiting: Iterable[str] = ()):
        """waiting: what is not done because of them, a line each."""
        self.about, self.waited_s, self.nodes = dict(about), waited_s, list(about)
        names = f"node{'s' if len(self.about) > 1 else ''} {', '.join(self.about)}"
        after = f" after {waited_s:.0f} s" if waited_s >= 1 else ""
        lines = [f"{names} cannot be used{after}; nothing was run and nothing removed:", *self.about.values()]
        waiting = list(waiting)
        lines += ["what waits until then:", *(f"  {line}" for line in waiting[:SHOWN])] if waiting else []
        lines += [f"  and {len(waiting) - SHOWN} more"] if len(waiting) > SHOWN else []
        super().__init__("\n".join(lines))

    def details(self) -> dict[str, Any]:
        """Return the code and the nodes' names."""
        return super().details() | {"nodes": self.nodes}


@contextmanager
def told(plan: Plan, event: Callable[[str, dict[str, Any]], None] = lambda phase, data: None) -> Iterator[None]:
    """Complete a NodesUnusable with the plan that waits for the nodes, and send an event."""
    try:
        yield
    except NodesUnusable as err:
        waiting = [] if plan.empty else plan.lines()
        event("unusable", {"nodes": err.nodes, "waiting": waiting[:SHOWN], "seconds": round(err.waited_s)})
        raise NodesUnusable(err.about, err.waited_s, waiting) from err
