"""Wait for health, on conditions and bounded; and when it does not come, say what an operator would look up next."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from saltk8s import errors
from saltk8s.objects import health
from saltk8s.objects.client import Kubectl
from saltk8s.objects.identity import Key, Kind, key_of

FIRST_POLL_S, LAST_POLL_S = 0.2, 3.0
EVENTS, LOG_LINES, PODS, EXPLAINED = 5, 10, 3, 5  # how much is told of each
TELL_S = 20  # for one question while explaining


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
            late = _late_binding(kubectl)
        states = {key: _state(found.get(key), late or ()) for key in sorted(wanted)}
        bad = {key: state for key, state in states.items() if not state.ready}
        if not bad:
            return
        if time.monotonic() >= end or any(state.hopeless for state in bad.values()):
            raise errors.NotReady(_report(kubectl, found, bad, timeout_s))
        time.sleep(min(pause, max(0.0, end - time.monotonic())))
        pause = min(LAST_POLL_S, pause * 1.5)


def _state(obj: Mapping[str, Any] | None, late: Collection[str]) -> health.Health:
    return health.of(obj, late) if obj else health.Health(False, "is not there")


def _pending_claim(obj: Mapping[str, Any] | None) -> bool:
    return bool(obj) and obj["kind"] == "PersistentVolumeClaim" and (obj.get("status") or {}).get("phase") == "Pending"


def _late_binding(kubectl: Kubectl) -> set[str]:
    classes = kubectl.objects("get", "StorageClass.v1.storage.k8s.io")
    return {obj["metadata"]["name"] for obj in classes if obj.get("volumeBindingMode") == "WaitForFirstConsumer"}


def _report(kubectl: Kubectl, found: Mapping[Key, Any], bad: Mapping[Key, health.Health], timeout_s: float) -> str:
    hopeless = any(state.hopeless for state in bad.values())
    count = f"{len(bad)} object{'s are' if len(bad) != 1 else ' is'} not healthy"
    lines = [f"{count}{'' if hopeless else f' after {timeout_s:g} s'}:"]
    for number, (key, state) in enumerate(bad.items()):
        lines.append(f"{key.title} {state.reason}")
        if key in found and number < EXPLAINED:
            lines += [f"  {line}" for line in explain(kubectl, key, found[key])]
    return "\n".join(lines)


def explain(kubectl: Kubectl, key: Key, obj: Mapping[str, Any]) -> list[str]:
    """Return what an operator would look up about an object: conditions, last events, last lines of containers."""
    lines = [f"condition {text}" for text in health.conditions(obj)]
    lines += _events(kubectl, key)
    for pod in _pods(kubectl, key, obj):
        lines += _explain_pod(kubectl, pod)
    return lines


def _asked(kubectl: Kubectl, *words: str) -> list[dict[str, Any]]:
    """Ask for more while explaining: an error must not hide the one that is explained."""
    try:
        return kubectl.objects(*words, timeout_s=TELL_S)
    except errors.SaltK8sError:
        return []


def _events(kubectl: Kubectl, key: Key) -> list[str]:
    chosen = f"involvedObject.kind={key.kind},involvedObject.name={key.name}"
    words = ["--namespace", key.namespace or "default", "--field-selector", chosen]
    events = _asked(kubectl, "get", "Event.v1.", *words)
    events.sort(key=_time)
    return [f"event {event.get('type')} {event.get('reason')}: {event.get('message')}" for event in events[-EVENTS:]]


def _time(event: Mapping[str, Any]) -> str:
    return event.get("lastTimestamp") or event.get("eventTime") or event["metadata"].get("creationTimestamp") or ""


def _pods(kubectl: Kubectl, key: Key, obj: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the pods of a workload that are not well, the first few."""
    if (key.group, key.kind) == ("", "Pod"):
        return [dict(obj)]
    spec = obj.get("spec") or {}
    labels = (spec.get("selector") or {}).get("matchLabels") if isinstance(spec.get("selector"), Mapping) else None
    if not labels or key.group not in ("apps", "batch"):
        return []
    selector = ",".join(f"{name}={value}" for name, value in labels.items())
    pods = _asked(kubectl, "get", "Pod.v1.", "--namespace", key.namespace, "--selector", selector)
    return [pod for pod in pods if not health.of(pod).ready][:PODS]


def _explain_pod(kubectl: Kubectl, pod: Mapping[str, Any]) -> list[str]:
    key = key_of(pod)
    status = pod.get("status") or {}
    lines = [f"{key.title} on {(pod.get('spec') or {}).get('nodeName', 'no node')}: {status.get('phase', 'unknown')}"]
    lines += _events(kubectl, key)
    containers = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    for container in containers:
        state = container.get("state") or {}
        if container.get("ready") or (state.get("terminated") or {}).get("exitCode") == 0:
            continue
        said = state.get("waiting") or state.get("terminated") or {}
        why = ": ".join(str(said[part]) for part in ("reason", "message") if said.get(part))
        restarts = container.get("restartCount", 0)
        lines.append(f"container {container['name']}: {why or 'not ready'}, {restarts} restarts")
        previous = bool(restarts) and "waiting" in state
        lines += [f"log {line}" for line in _log(kubectl, key, container["name"], previous)]
    return lines


def _log(kubectl: Kubectl, pod: Key, container: str, previous: bool) -> list[str]:
    words = ["logs", pod.name, "--namespace", pod.namespace, "--container", container, f"--tail={LOG_LINES}"]
    words += ["--previous"] if previous else []
    try:
        return kubectl.run(*words, timeout_s=TELL_S).splitlines()
    except errors.SaltK8sError:
        return []
