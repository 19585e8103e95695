"""PodDisruptionBudgets by the API server's rules for evictions: what they cover, and whether they let it go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from saltk8s.kubectl.health import assessment
from saltk8s.kubectl.manifests import selectors


def name(obj: Mapping[str, Any]) -> str:
    """Return ``namespace/name``."""
    return f"{obj['metadata']['namespace']}/{obj['metadata']['name']}"


def uncountable(budget: Mapping[str, Any]) -> str:
    """Return why the controller cannot count a budget's pods, empty when it can; until then no eviction is allowed.

    Such as pods of a Job, or of another owner without replicas.
    """
    told = assessment.condition(budget.get("status") or {}, "DisruptionAllowed")
    return told.get("message") or "unknown" if told.get("reason") == "SyncFailed" else ""


def covers(budget: Mapping[str, Any], pod: Mapping[str, Any]) -> bool:
    same = budget["metadata"]["namespace"] == pod["metadata"]["namespace"]
    return same and selectors.selects(budget["spec"].get("selector"), pod["metadata"].get("labels"))


def state(budget: Mapping[str, Any], covered: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return whether a budget allows to evict its pods.

    ``name``, ``disruptions_allowed``, ``pods`` (that it covers), ``blocks`` (none may be evicted now), ``reason``.
    """
    status = budget.get("status") or {}
    current = status.get("observedGeneration", 0) >= budget["metadata"].get("generation", 0)
    allowed = status.get("disruptionsAllowed", 0) if current else 0
    waiting = [pod for pod in covered if is_protected(pod) and not _is_evictable_unready(budget, pod)]
    healthy = f"{status.get('currentHealthy', 0)} pods are healthy, {status.get('desiredHealthy', 0)} are required"
    why = healthy if current else "its controller has not observed the change yet"
    blocks = bool(waiting) and allowed <= 0
    return {
        "name": name(budget),
        "disruptions_allowed": allowed,
        "pods": [name(pod) for pod in covered],
        "blocks": blocks,
        "reason": why if blocks else "",
    }


def is_protected(pod: Mapping[str, Any]) -> bool:
    """Return whether budgets apply to a pod: not when it is pending, finished or being deleted."""
    phase = (pod.get("status") or {}).get("phase")
    return phase not in ("Pending", "Succeeded", "Failed") and not pod["metadata"].get("deletionTimestamp")


def _is_evictable_unready(budget: Mapping[str, Any], pod: Mapping[str, Any]) -> bool:
    """Return whether a pod may be evicted although its budget allows no disruption, because it is not Ready."""
    status = budget.get("status") or {}
    if assessment.condition(pod.get("status") or {}, "Ready").get("status") == "True":
        return False
    if budget["spec"].get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    return status.get("currentHealthy", 0) >= status.get("desiredHealthy", 0) > 0
