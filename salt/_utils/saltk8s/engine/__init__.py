"""What builds the cluster, behind one small interface, so that a second engine can come beside ``rke``.

An engine renders its configuration from the model, plans what a run would do, does it, and tells the state.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from saltk8s.base import errors
from saltk8s.engine.base import Engine, Hooks, Outcome
from saltk8s.engine.rke.engine import Rke

__all__ = ["ENGINES", "Engine", "Hooks", "Outcome", "load"]

ENGINES: dict[str, Callable[[dict[str, Any], Hooks], Engine]] = {"rke": Rke}


def load(model: dict[str, Any], hooks: Hooks | None = None) -> Engine:
    """Return the engine that ``k8s:cluster:engine`` names.

    model: what ``k8s_config.get`` returns; hooks: log and events. Raises ConfigError for an unknown engine.
    """
    name = model["cluster"]["engine"]
    if name not in ENGINES:
        expected = f"one of {', '.join(sorted(ENGINES))}"
        raise errors.ConfigError([errors.Problem("k8s:cluster:engine", repr(name), expected)])
    return ENGINES[name](model, hooks or Hooks())
