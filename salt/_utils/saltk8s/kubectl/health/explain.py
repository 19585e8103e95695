"""Explain why an object is not healthy, with its conditions, events, pods, containers and their last log lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltk8s.base import errors
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.health import assessment, events
from saltk8s.kubectl.health.fields import mapping, maps, number, text
from saltk8s.kubectl.manifests import selectors
from saltk8s.kubectl.manifests.identity import Key, key_of

EVENTS, LOG_LINES, PODS = 5, 10, 3  # how many of each are included
REQUEST_S = 20  # timeout of one request while explaining
STORAGE_CLASS = "StorageClass.v1.storage.k8s.io"


def explain(kubectl: Kubectl, obj: Mapping[str, Any]) -> dict[str, Any]:
    """Return why a live object is not healthy, or that it is.

    ``object`` (its title), ``ready``, ``reason``, ``conditions`` (texts), ``events`` (see events.py), ``pods``: those
    of a workload that are not healthy, each with ``pod``, ``node``, ``phase``, ``events`` and ``containers`` that are
    not ready: ``name``, ``reason``, ``restarts``, ``exit_code``, ``log`` (lines).
    """
    key = key_of(obj)
    is_claim = (key.group, key.kind) == ("", "PersistentVolumeClaim")
    health = assessment.assess(obj, _wait_for_consumer(kubectl) if is_claim else ())
    return {
        "object": key.title,
        "ready": health.ready,
        "reason": health.reason,
        "conditions": assessment.conditions(obj),
        "events": _last_events(kubectl, key),
        "pods": [_pod(kubectl, pod, key) for pod in _unhealthy_pods(kubectl, key, obj)],
    }


def lines(explanation: Mapping[str, Any]) -> list[str]:
    """Return what explain() returned as lines of text."""
    found = [f"condition {text}" for text in explanation["conditions"]]
    found += [_event_line(event) for event in explanation["events"]]
    for pod in explanation["pods"]:
        found.append(f"Pod {pod['pod']} on {pod['node'] or 'no node'}: {pod['phase']}")
        found += [_event_line(event) for event in pod["events"]]
        for container in pod["containers"]:
            found.append(
                f"container {container['name']}: {container['reason'] or 'not ready'}, {container['restarts']} restarts"
            )
            found += [f"log {line}" for line in container["log"]]
    return found


def wait_for_consumer_classes(kubectl: Kubectl) -> set[str]:
    """Return the names of the storage classes whose claims are bound only when a pod uses them."""
    classes = kubectl.objects("get", STORAGE_CLASS)
    return {obj["metadata"]["name"] for obj in classes if obj.get("volumeBindingMode") == "WaitForFirstConsumer"}


def _wait_for_consumer(kubectl: Kubectl) -> set[str]:
    try:
        return wait_for_consumer_classes(kubectl)
    except errors.SaltK8sError:  # here and below: a failure while explaining must not hide the one that is explained
        return set()


def _event_line(event: Mapping[str, Any]) -> str:
    return f"event {event['type']} {event['reason']}: {event['message']}"


def _last_events(kubectl: Kubectl, key: Key) -> list[dict[str, Any]]:
    try:
        return events.list_events(kubectl, key.namespace or "default", key.kind, key.name, timeout_s=REQUEST_S)[
            -EVENTS:
        ]
    except errors.SaltK8sError:
        return []


def _unhealthy_pods(kubectl: Kubectl, key: Key, obj: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the first PODS pods of a workload that are not healthy."""
    if (key.group, key.kind) == ("", "Pod"):
        return [dict(obj)]
    if key.group not in ("apps", "batch"):
        return []
    try:
        pods = pods_of(kubectl, obj, timeout_s=REQUEST_S)
    except errors.SaltK8sError:
        return []
    return [pod for pod in pods if not assessment.assess(pod).ready][:PODS]


def pods_of(kubectl: Kubectl, obj: Mapping[str, Any], **options: Any) -> list[dict[str, Any]]:
    """Return all pods of a workload, by its selector; none when it has none."""
    selector = selectors.text(mapping(mapping(obj.get("spec")).get("selector")))
    if not selector:
        return []
    arguments = ["--namespace", obj["metadata"].get("namespace") or "default", "--selector", selector]
    return kubectl.objects("get", "Pod.v1.", *arguments, **options)


def _pod(kubectl: Kubectl, pod: Mapping[str, Any], about: Key) -> dict[str, Any]:
    key, status = key_of(pod), mapping(pod.get("status"))
    containers = maps(status.get("initContainerStatuses")) + maps(status.get("containerStatuses"))
    return {
        "pod": f"{key.namespace}/{key.name}",
        "node": text(mapping(pod.get("spec")).get("nodeName")),
        "phase": text(status.get("phase")) or "unknown",
        "events": [] if key == about else _last_events(kubectl, key),  # the pod itself is explained: they are above
        "containers": [_container(kubectl, key, one) for one in containers if not _is_ok(one)],
    }


def _is_ok(container: Mapping[str, Any]) -> bool:
    terminated = mapping(mapping(container.get("state")).get("terminated"))
    return bool(container.get("ready")) or terminated.get("exitCode") == 0


def _container(kubectl: Kubectl, pod: Key, container: Mapping[str, Any]) -> dict[str, Any]:
    state, last = mapping(container.get("state")), mapping(container.get("lastState"))
    now = mapping(state.get("waiting") or state.get("terminated"))
    terminated = mapping(state.get("terminated") or last.get("terminated"))
    name, restarts = text(container.get("name")), number(container.get("restartCount"))
    previous = bool(restarts) and "waiting" in state  # the next run has not started: it has no log yet
    return {
        "name": name,
        "reason": ": ".join(str(now[part]) for part in ("reason", "message") if now.get(part)),
        "restarts": restarts,
        "exit_code": terminated.get("exitCode"),
        "log": _log(kubectl, pod, name, previous),
    }


def _log(kubectl: Kubectl, pod: Key, container: str, previous: bool) -> list[str]:
    arguments = ["logs", pod.name, "--namespace", pod.namespace, "--container", container, f"--tail={LOG_LINES}"]
    arguments += ["--previous"] if previous else []
    try:
        return kubectl.run(*arguments, timeout_s=REQUEST_S).splitlines()
    except errors.SaltK8sError:
        return []
