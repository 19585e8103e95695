"""The jobs of the minion's own schedule: what applies by itself, and what looks for drift."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltk8s.pillar.vocabulary.values import seconds

NAMES = ("saltk8s-apply", "saltk8s-drift")
MOST_SPLAY_S = 300


def wanted(gitops: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the jobs that ``k8s:gitops`` of the model asks for, as ``schedule.add`` takes them."""
    if not gitops["enabled"]:
        return {}
    every_s = seconds(gitops["drift"]["every"])
    return {
        "saltk8s-apply": _job("k8s_gitops.apply", gitops["every_s"], gitops["every_s"] // 3),
        "saltk8s-drift": _job("k8s_gitops.drift", every_s, min(every_s // 4, MOST_SPLAY_S)),
    }


def _job(function: str, every_s: int, splay_s: int) -> dict[str, Any]:
    """maxrunning: one at a time; return_job: the master gets an event when something was done, not each time."""
    return {
        "function": function,
        "seconds": every_s,
        "splay": splay_s,
        "maxrunning": 1,
        "return_job": False,
    }


def differs(job: Mapping[str, Any], found: Mapping[str, Any] | None) -> bool:
    """Return whether a job of the minion's schedule is not as it is wanted, or disabled."""
    if found is None or found.get("enabled") is False:
        return True
    return any(found.get(key) != value for key, value in job.items())
