"""The interface of an engine, what it is given and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from saltk8s.engine.plan import Plan


class Hooks(NamedTuple):
    """How an engine speaks to whoever runs it.

    log: called with a line for the minion's log; event: called with a phase
    (``etcd``, ``wait`` ...) and a dict of data.
    """

    log: Callable[[str], None] = lambda line: None
    event: Callable[[str, dict], None] = lambda phase, data: None


class Outcome(NamedTuple):
    """What a run did, or would do.

    changes: shown by Salt, empty when there was nothing to do, never a secret in it; lines: the same for a human;
    ran: whether the engine's program ran.
    """

    changes: dict[str, Any]
    lines: list[str]
    ran: bool


class Engine(Protocol):
    """What every engine can do. All of it works on the model that the engine was made with."""

    def render(self, redacted: bool = True) -> dict[str, Any]:
        """The configuration that the engine's program gets."""

    def plan(self) -> Plan:
        """What a run would do. Reads only."""

    def up(self, test: bool = False) -> Outcome:
        """Make the cluster what the model says; with ``test``, say what that would do and write nothing."""

    def prepare(self, test: bool = False) -> dict[str, Any]:
        """Make the files that it needs before the first run, keys among them; return the changes without secrets."""

    def state(self) -> dict[str, Any]:
        """What is known of the cluster: nodes, version, health, last run, backups."""
