"""Poll the API server until objects are healthy, at most for a timeout; then explain which are not, and why."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from saltk8s.base import errors
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.health import assessment, explain
from saltk8s.kubectl.manifests.identity import Key, Kind, key_of

FIRST_POLL_S, LAST_POLL_S = 0.2, 3.0
EXPLAINED = 5  # objects that are explained in full


def until_set_healthy(
    kubectl: Kubectl, set_name: str, kinds: Iterable[Kind], keys: Collection[Key], timeout_s: float
) -> None:
    """Wait until the objects ``keys`` of a set are healthy; one LIST a kind each time. Raises NotReady."""
    kinds = sorted(set(kinds))
    wanted = {key for key in keys if (key.group, key.kind) in {kind.gk for kind in kinds}}
    if wanted:
        _poll(kubectl, lambda: kubectl.set_objects(set_name, kinds).objects, wanted, timeout_s)


def until_healthy(kubectl: Kubectl, stubs: Sequence[Mapping[str, Any]], timeout_s: float) -> None:
    """Wait until objects (apiVersion, kind, metadata are enough) exist and are healthy. Raises NotReady."""
    if stubs:
        _poll(kubectl, lambda: kubectl.existing(stubs), {key_of(stub) for stub in stubs}, timeout_s)


def until_served(kubectl: Kubectl, set_name: str, kinds: Iterable[Kind], timeout_s: float) -> None:
    """Wait until the API server serves the kinds of new CustomResourceDefinitions. Raises NotReady."""
    missing, end = set(kinds), time.monotonic() + timeout_s
    while missing:
        found = kubectl.set_objects(set_name, missing)
        missing = found.unknown | found.not_served.keys()
        if missing and time.monotonic() > end:
            names = ", ".join(kind.title for kind in sorted(missing))
            raise errors.NotReady(f"the API server does not serve these kinds after {timeout_s:g} s: {names}")
        if missing:
            time.sleep(FIRST_POLL_S)


def _poll(
    kubectl: Kubectl, read: Callable[[], list[dict[str, Any]]], wanted: Collection[Key], timeout_s: float
) -> None:
    end, pause = time.monotonic() + timeout_s, FIRST_POLL_S
    classes: Collection[str] | None = None
    while True:
        found = {key_of(obj): obj for obj in read()}
        if classes is None and any(_pending_claim(found.get(key)) for key in wanted):
            classes = explain.wait_for_consumer_classes(kubectl)
        states = {key: _assess(found.get(key), classes or ()) for key in sorted(wanted)}
        unhealthy = {key: state for key, state in states.items() if not state.ready}
        if not unhealthy:
            return
        if time.monotonic() >= end or any(state.final for state in unhealthy.values()):
            raise errors.NotReady(_report(kubectl, found, unhealthy, timeout_s))
        time.sleep(min(pause, max(0.0, end - time.monotonic())))
        pause = min(LAST_POLL_S, pause * 1.5)


def _assess(obj: Mapping[str, Any] | None, classes: Collection[str]) -> assessment.Health:
    return assessment.assess(obj, classes) if obj else assessment.Health(False, "does not exist")


def _pending_claim(obj: Mapping[str, Any] | None) -> bool:
    if not obj or obj["kind"] != "PersistentVolumeClaim":
        return False
    return (obj.get("status") or {}).get("phase") == "Pending"


def _report(
    kubectl: Kubectl, found: Mapping[Key, Any], unhealthy: Mapping[Key, assessment.Health], timeout_s: float
) -> str:
    final = any(state.final for state in unhealthy.values())
    count = f"{len(unhealthy)} object{'s are' if len(unhealthy) != 1 else ' is'} not healthy"
    lines = [f"{count}{'' if final else f' after {timeout_s:g} s'}:"]
    for number, (key, state) in enumerate(unhealthy.items()):
        lines.append(f"{key.title} {state.reason}")
        if key in found and number < EXPLAINED:
            lines += [f"  {line}" for line in explain.lines(explain.explain(kubectl, found[key]))]
    return "\n".join(lines)
