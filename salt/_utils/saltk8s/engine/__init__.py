"""What builds the cluster, behind one small interface, so that a second engine can come beside ``rke``.

An engine renders its configuration from the model, plans what a run would do, does it, and tells the state.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from saltk8s import errors
from saltk8s.engine.plan import Plan


class Hooks(NamedTuple):
    """How an engine speaks to whoever runs it.

    log: called with a line for the minion's log; event: called with a phase (``etcd``, ``wait`` ...) and a dict of data.
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

    def state(self) -> dict[str, Any]:
        """What is known of the cluster: nodes, version, health, last run, backups."""


def load(model: dict[str, Any], hooks: Hooks | None = None) -> Engine:
    """Return the engine that ``k8s:cluster:engine`` names.

    model: what ``k8s_config.get`` returns; hooks: log and events. Raises ConfigError for an unknown engine.
    """
    from saltk8s.engine.rke import Rke  # here, so that the engines may import what is above

    engines: dict[str, Callable[..., Engine]] = {"rke": Rke}
    name = model["cluster"]["engine"]
    if name not in engines:
        expected = f"one of {', '.join(sorted(engines))}"
        raise errors.ConfigError([errors.Problem("k8s:cluster:engine", repr(name), expected)])
    return engines[name](model, hooks or Hooks())
