"""How long a run takes, from what earlier ones took: pure. The record of the last run keeps two figures."""

from __future__ import annotations

import math
from collections.abc import Mapping

from saltk8s.engine.plan import Plan

# before anything has been measured
RUN_S = 60.0  # of a run that drains nothing, until the cluster is healthy
TURN_S = 90.0  # of each node that is drained, or of each that are drained together


def estimate(plan: Plan, measured: Mapping[str, float] | None) -> str:
    """Return how long a run takes, in words; "" for a new cluster: that depends on the images to pull.

    measured: what measure() returned for the runs before, None without any.
    """
    if plan.create:
        return ""
    known = measured or {}
    needed = ["run_s", *(["turn_s"] if plan.turns else [])]
    seconds = known.get("run_s", RUN_S) + plan.turns * known.get("turn_s", TURN_S)
    source = "as measured in earlier runs" if all(key in known for key in needed) else "assumed, not measured here yet"
    turns = f", {plan.turns} drain{'s' if plan.turns > 1 else ''} one after the other" if plan.turns else ""
    return f"takes about {_words(seconds)}{turns} ({source}); pods that stop slowly make it longer"


def measure(measured: Mapping[str, float] | None, plan: Plan, seconds: float) -> dict[str, float]:
    """Return the figures after a run. seconds: how long it took, from the engine's start to a healthy cluster."""
    known = dict(measured or {})
    if plan.create:
        return known
    if not plan.turns:
        return {**known, "run_s": round(seconds, 1)}
    without = min(known.get("run_s", RUN_S), seconds / 2)
    return {**known, "turn_s": round((seconds - without) / plan.turns, 1)}


def _words(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{math.ceil(seconds / 60)} min"
