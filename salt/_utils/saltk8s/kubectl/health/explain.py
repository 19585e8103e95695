"""Why is an object not healthy? What an operator would look up: conditions, events, pods, containers, last logs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltk8s.base import errors
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.health import judge
from saltk8s.kubectl.manifests import selectors
from saltk8s.kubectl.manifests.identity import Key, key_of

EVENTS, LOG_LINES, PODS = 5, 10, 3  # how much is told of each
TELL_S = 20  # for one question while explaining
STORAGE_CLASS = "StorageClass.v1.storage.k8s.io"


def of(kubectl: Kubectl, obj: Mapping[str, Any]) -> dict[str, Any]:
    """Return what there is to know about a live object.

    ``object`` (its title), ``ready``, ``reason``, ``conditions`` (texts), ``events`` (see events()), ``pods``: those of
    a workload that are not well, each with ``pod``, ``node``, ``phase``, ``events`` and ``containers`` that are not
    well: ``name``, ``reason``, ``restarts``, ``exit_code``, ``log`` (lines).
    """
    key = key_of(obj)
    state = judge.of(obj, _late(kubectl) if (key.group, key.kind) == ("", "PersistentVolumeClaim") else ())
    return {
        "object": key.title,
        "ready": state.ready,
        "reason": state.reason,
        "conditions": judge.conditions(obj),
        "events": _last_events(kubectl, key),
        "pods": [_pod(kubectl, pod, key) for pod in _pods(kubectl, key, obj)],
    }


def lines(told: Mapping[str, Any]) -> list[str]:
    """Return what of() returned for people, one line each."""
    shown = [f"condition {text}" for text in told["conditions"]]
    shown += [_event_line(event) for event in told["events"]]
    for pod in told["pods"]:
        shown.append(f"Pod {pod['pod']} on {pod['node'] or 'no node'}: {pod['phase']}")
        shown += [_event_line(event) for event in pod["events"]]
        for box in pod["containers"]:
            shown.append(f"container {box['name']}: {box['reason'] or 'not ready'}, {box['restarts']} restarts")
            shown += [f"log {line}" for line in box["log"]]
    return shown


def events(
    kubectl: Kubectl,
    namespace: str | None = None,
    kind: str | None = None,
    name: str | None = None,
    sort: str | None = None,
    **options: Any,
) -> list[dict[str, Any]]:
    """Return events, the oldest first.

    namespace: None for all; kind, name: of the objects that they are about; sort: ``Warning`` or ``Normal``.
    Each is a dict: ``time`` (UTC, ISO 8601), ``type``, ``reason``, ``object`` (its title), ``message``, ``count``.
    """
    chosen = {"involvedObject.kind": kind, "involvedObject.name": name, "type": sort}
    fields = ",".join(f"{field}={value}" for field, value in chosen.items() if value)
    words = ["get", "Event.v1.", *(["--namespace", namespace] if namespace else ["--all-namespaces"])]
    words += ["--field-selector", fields] if fields else []
    return sorted((_event(item) for item in kubectl.objects(*words, **options)), key=_when)


def late_binding(kubectl: Kubectl) -> set[str]:
    """Return the names of the storage classes whose claims are bound only when a pod uses them."""
    classes = kubectl.objects("get", STORAGE_CLASS)
    return {obj["metadata"]["name"] for obj in classes if obj.get("volumeBindingMode") == "WaitForFirstConsumer"}


def _late(kubectl: Kubectl) -> set[str]:
    try:
        return late_binding(kubectl)
    except errors.SaltK8sError:  # here and below: what fails while explaining must not hide what is explained
        return set()


def _event(item: Mapping[str, Any]) -> dict[str, Any]:
    about, series = item.get("involvedObject") or {}, item.get("series") or {}
    group = str(about.get("apiVersion") or "").rpartition("/")[0]
    key = Key(group, str(about.get("kind") or ""), str(about.get("namespace") or ""), str(about.get("name") or ""))
    times = (
        series.get("lastObservedTime"),
        item.get("lastTimestamp"),
        item.get("eventTime"),
        item["metadata"].get("creationTimestamp"),
    )
    return {
        "time": next((time for time in times if time), ""),
        "type": item.get("type"),
        "reason": item.get("reason"),
        "object": key.title,
        "message": item.get("message"),
        "count": series.get("count") or item.get("count") or 1,
    }


def _when(event: Mapping[str, Any]) -> str:
    # some times have fractions of a second: without the Z, the texts sort as the times do
    return event["time"].rstrip("Z")


def _event_line(event: Mapping[str, Any]) -> str:
    return f"event {event['type']} {event['reason']}: {event['message']}"


def _last_events(kubectl: Kubectl, key: Key) -> list[dict[str, Any]]:
    try:
        return events(kubectl, key.namespace or "default", key.kind, key.name, timeout_s=TELL_S)[-EVENTS:]
    except errors.SaltK8sError:
        return []


def _pods(kubectl: Kubectl, key: Key, obj: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the pods of a workload that are not well, the first few."""
    if (key.group, key.kind) == ("", "Pod"):
        return [dict(obj)]
    if key.group not in ("apps", "batch"):
        return []
    try:
        pods = pods_of(kubectl, obj, timeout_s=TELL_S)
    except errors.SaltK8sError:
        return []
    return [pod for pod in pods if not judge.of(pod).ready][:PODS]


def pods_of(kubectl: Kubectl, obj: Mapping[str, Any], **options: Any) -> list[dict[str, Any]]:
    """Return all pods of a workload, by its selector; none when it has none."""
    chosen = (obj.get("spec") or {}).get("selector")
    selector = selectors.text(chosen) if isinstance(chosen, Mapping) else None
    if not selector:
        return []
    words = ["--namespace", obj["metadata"].get("namespace") or "default", "--selector", selector]
    return kubectl.objects("get", "Pod.v1.", *words, **options)


def _pod(kubectl: Kubectl, pod: Mapping[str, Any], about: Key) -> dict[str, Any]:
    key, status = key_of(pod), pod.get("status") or {}
    boxes = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    return {
        "pod": f"{key.namespace}/{key.name}",
        "node": (pod.get("spec") or {}).get("nodeName") or "",
        "phase": status.get("phase", "unknown"),
        "events": [] if key == about else _last_events(kubectl, key),  # told already
        "containers": [_container(kubectl, key, box) for box in boxes if not _well(box)],
    }


def _well(box: Mapping[str, Any]) -> bool:
    ended = (box.get("state") or {}).get("terminated") or {}
    return bool(box.get("ready")) or ended.get("exitCode") == 0


def _container(kubectl: Kubectl, pod: Key, box: Mapping[str, Any]) -> dict[str, Any]:
    state, last = box.get("state") or {}, box.get("lastState") or {}
    said = state.get("waiting") or state.get("terminated") or {}
    ended = state.get("terminated") or last.get("terminated") or {}
    restarts = box.get("restartCount", 0)
    previous = bool(restarts) and "waiting" in state  # the one that runs next has said nothing yet
    return {
        "name": box["name"],
        "reason": ": ".join(str(said[part]) for part in ("reason", "message") if said.get(part)),
        "restarts": restarts,
        "exit_code": ended.get("exitCode"),
        "log": _log(kubectl, pod, box["name"], previous),
    }


def _log(kubectl: Kubectl, pod: Key, container: str, previous: bool) -> list[str]:
    words = ["logs", pod.name, "--namespace", pod.namespace, "--container", container, f"--tail={LOG_LINES}"]
    words += ["--previous"] if previous else []
    try:
        return kubectl.run(*words, timeout_s=TELL_S).splitlines()
    except errors.SaltK8sError:
        return []
