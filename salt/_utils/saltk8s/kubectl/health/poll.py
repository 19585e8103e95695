"""Poll the API server until objects are healthy, at most for a timeout; then explain which are not, and why."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from saltk8s.base import errors
from saltk8s.kubectl.client import api_errors
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.health import assessment, dead_nodes, ending, explain
from saltk8s.kubectl.health.fields import mapping
from saltk8s.kubectl.manifests.identity import Key, Kind, key_of, kind_of, names_itself

FIRST_POLL_S, LAST_POLL_S = 0.2, 3.0
EXPLAINED = 5  # objects that are explained in full

Answer = TypeVar("Answer")


def until_set_healthy(
    kubectl: Kubectl,
    set_name: str,
    kinds: Iterable[Kind],
    keys: Collection[Key],
    timeout_s: float,
    ends: Collection[Key] = (),
    leaving: bool = False,
) -> list[str]:
    """Wait until the objects ``keys`` of a set exist and are healthy; one LIST a kind each time.

    ends: those which may be gone when they are done; leaving: wait for whatever is being deleted, too. Returns what is
    to be said of objects that are gone, or that lack pods on dead nodes. Raises NotReady, or the error of an API server
    that does not answer at the timeout.
    """
    kinds = sorted(set(kinds))
    if not keys and not leaving:
        return []

    def read() -> list[dict[str, Any]]:
        return [obj for obj in kubectl.set_objects(set_name, kinds).objects if names_itself(obj)]

    return _poll(kubectl, read, keys, timeout_s, ends, leaving)


def until_healthy(kubectl: Kubectl, stubs: Sequence[Mapping[str, Any]], timeout_s: float) -> None:
    """Wait until objects (apiVersion, kind, metadata are enough) exist and are healthy. Raises as above."""
    if stubs:
        ends = {key_of(stub) for stub in stubs if assessment.ends(stub)}
        _poll(kubectl, lambda: kubectl.existing(stubs), {key_of(stub) for stub in stubs}, timeout_s, ends)


def until_served(kubectl: Kubectl, set_name: str, kinds: Iterable[Kind], timeout_s: float) -> None:
    """Wait until the API server serves the kinds of new CustomResourceDefinitions. Raises as above."""
    missing, end = set(kinds), time.monotonic() + timeout_s

    def ask() -> set[Kind]:
        found = kubectl.set_objects(set_name, missing)
        return found.unknown | found.not_served.keys()

    while missing:
        missing = answered(kubectl, ask, end)
        if missing and time.monotonic() > end:
            names = ", ".join(kind.title for kind in sorted(missing))
            raise errors.NotReady(f"the API server does not serve these kinds after {round(timeout_s, 1):g} s: {names}")
        if missing:
            time.sleep(FIRST_POLL_S)


def answered(kubectl: Kubectl, ask: Callable[[], Answer], end: float) -> Answer:
    """Return an answer of the API server, which may be away for a moment: it is asked again until ``end``."""
    pause = FIRST_POLL_S
    while True:
        try:
            return ask()
        except api_errors.TRANSIENT:
            if time.monotonic() + pause >= end or not kubectl.cluster_exists:
                raise
        time.sleep(pause)
        pause = min(LAST_POLL_S, pause * 1.5)


def unhealthy(
    kubectl: Kubectl, objects: Collection[Mapping[str, Any]], whole: bool = False
) -> dict[Key, assessment.Health]:
    """Return which of some live objects are not healthy. Asks for storage classes when claims are pending.

    whole: count DaemonSets that lack nothing but pods on dead nodes among them.
    """
    found = {key_of(obj): state for obj in objects if not (state := assessment.assess(obj)).ready}
    pending = [obj for obj in objects if key_of(obj) in found and _pending_claim(obj)]
    classes = explain.wait_for_consumer_classes(kubectl) if pending else ()
    for obj in pending:
        found[key_of(obj)] = assessment.assess(obj, classes)
    if not whole:
        found = dead_nodes.DeadNodes(kubectl).discount(objects, found)
    return {key: state for key, state in found.items() if not state.ready}


def _poll(
    kubectl: Kubectl,
    read: Callable[[], list[dict[str, Any]]],
    wanted: Collection[Key],
    timeout_s: float,
    ends: Collection[Key],
    leaving: bool = False,
) -> list[str]:
    end, pause = time.monotonic() + timeout_s, FIRST_POLL_S
    classes: Collection[str] | None = None
    gone, dead = ending.Ending(kubectl, ends), dead_nodes.DeadNodes(kubectl)
    while True:
        try:
            found = {key_of(obj): obj for obj in answered(kubectl, read, end)}
            if classes is None and any(_pending_claim(found.get(key)) for key in wanted):
                classes = answered(kubectl, lambda: explain.wait_for_consumer_classes(kubectl), end)
        except api_errors.TRANSIENT as err:
            err.args = (f"not known whether it is healthy after {round(timeout_s, 1):g} s: {err}",)
            raise
        gone.see(found)
        judged = {*wanted, *(key for key, obj in found.items() if leaving and obj["metadata"].get("deletionTimestamp"))}
        states = {
            key: assessment.assess(found[key], classes or ()) if key in found else gone.health(key)
            for key in sorted(judged)
        }
        states = dead.discount(found.values(), states)
        waiting = {key: state for key, state in states.items() if not state.ready}
        if not waiting:
            return gone.notes() + dead_nodes.notes(states)
        if time.monotonic() >= end or any(state.final for state in waiting.values()):
            raise errors.NotReady(_report(kubectl, found, waiting, timeout_s))
        time.sleep(min(pause, max(0.0, end - time.monotonic())))
        pause = min(LAST_POLL_S, pause * 1.5)


def _pending_claim(obj: Mapping[str, Any] | None) -> bool:
    if obj is None or kind_of(obj).gk != ("", "PersistentVolumeClaim"):
        return False
    return mapping(obj.get("status")).get("phase") == "Pending"


def _report(
    kubectl: Kubectl, found: Mapping[Key, Any], waiting: Mapping[Key, assessment.Health], timeout_s: float
) -> str:
    final = any(state.final for state in waiting.values())
    count = f"{len(waiting)} object{'s are' if len(waiting) != 1 else ' is'} not healthy"
    lines = [f"{count}{'' if final else f' after {round(timeout_s, 1):g} s'}:"]
    for number, (key, state) in enumerate(waiting.items()):
        lines.append(f"{key.title} {state.reason}")
        if key in found and number < EXPLAINED:
            lines += [f"  {line}" for line in explain.lines(explain.explain(kubectl, found[key]))]
    return "\n".join(lines)
