"""Wait for health, on conditions and bounded; and when it does not come, say what an operator would look up next."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from saltk8s.base import errors
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.health import explain, judge
from saltk8s.kubectl.manifests.identity import Key, Kind, key_of

FIRST_POLL_S, LAST_POLL_S = 0.2, 3.0
EXPLAINED = 5  # objects of which everything is told


def for_set(kubectl: Kubectl, set_name: str, kinds: Iterable[Kind], keys: Collection[Key], timeout_s: float) -> None:
    """Wait until the objects ``keys`` of a set are healthy; one LIST a kind each time. Raises NotReady."""
    kinds = sorted(set(kinds))
    wanted = {key for key in keys if (key.group, key.kind) in {kind.gk for kind in kinds}}
    if wanted:
        _poll(kubectl, lambda: kubectl.set_objects(set_name, kinds)[0], wanted, timeout_s)


def for_objects(kubectl: Kubectl, stubs: Sequence[Mapping[str, Any]], timeout_s: float) -> None:
    """Wait until objects (apiVersion, kind, metadata are enough) are there and healthy. Raises NotReady."""
    if stubs:
        _poll(kubectl, lambda: kubectl.existing(stubs), {key_of(stub) for stub in stubs}, timeout_s)


def for_kinds(kubectl: Kubectl, set_name: str, kinds: Iterable[Kind], timeout_s: float) -> None:
    """Wait until the API server serves kinds whose definitions are new. Raises NotReady."""
    missing, end = set(kinds), time.monotonic() + timeout_s
    while missing:
        _, missing = kubectl.set_objects(set_name, missing)
        if missing and time.monotonic() > end:
            names = ", ".join(kind.title for kind in sorted(missing))
            raise errors.NotReady(f"not served within {timeout_s:g} s of their definitions: {names}")
        if missing:
            time.sleep(FIRST_POLL_S)


def _poll(kubectl: Kubectl, ask: Callable[[], list[dict[str, Any]]], wanted: Collection[Key], timeout_s: float) -> None:
    end, pause, late = time.monotonic() + timeout_s, FIRST_POLL_S, None
    while True:
        found = {key_of(obj): obj for obj in ask()}
        if late is None and any(_pending_claim(found.get(key)) for key in wanted):
            late = explain.late_binding(kubectl)
        states = {key: _state(found.get(key), late or ()) for key in sorted(wanted)}
        bad = {key: state for key, state in states.items() if not state.ready}
        if not bad:
            return
        if time.monotonic() >= end or any(state.hopeless for state in bad.values()):
            raise errors.NotReady(_report(kubectl, found, bad, timeout_s))
        time.sleep(min(pause, max(0.0, end - time.monotonic())))
        pause = min(LAST_POLL_S, pause * 1.5)


def _state(obj: Mapping[str, Any] | None, late: Collection[str]) -> judge.Health:
    return judge.of(obj, late) if obj else judge.Health(False, "is not there")


def _pending_claim(obj: Mapping[str, Any] | None) -> bool:
    return bool(obj) and obj["kind"] == "PersistentVolumeClaim" and (obj.get("status") or {}).get("phase") == "Pending"


def _report(kubectl: Kubectl, found: Mapping[Key, Any], bad: Mapping[Key, judge.Health], timeout_s: float) -> str:
    hopeless = any(state.hopeless for state in bad.values())
    count = f"{len(bad)} object{'s are' if len(bad) != 1 else ' is'} not healthy"
    lines = [f"{count}{'' if hopeless else f' after {timeout_s:g} s'}:"]
    for number, (key, state) in enumerate(bad.items()):
        lines.append(f"{key.title} {state.reason}")
        if key in found and number < EXPLAINED:
            lines += [f"  {line}" for line in explain.lines(explain.of(kubectl, found[key]))]
    return "\n".join(lines)
