"""Read the events of the cluster, of a namespace or of one object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.health.fields import mapping, number, text
from saltk8s.kubectl.manifests.identity import Key


def list_events(
    kubectl: Kubectl,
    namespace: str | None = None,
    kind: str | None = None,
    name: str | None = None,
    event_type: str | None = None,
    uid: str | None = None,
    **options: Any,
) -> list[dict[str, Any]]:
    """Return events, the oldest first.

    namespace: None for all; kind, name: of the objects that they involve; event_type: ``Warning`` or ``Normal``;
    uid: of the one object, of several that had the same name.
    Each is a dict: ``time`` (UTC, ISO 8601), ``type``, ``reason``, ``object`` (its title), ``message``, ``count``.
    """
    wanted = {"involvedObject.kind": kind, "involvedObject.name": name, "involvedObject.uid": uid, "type": event_type}
    fields = ",".join(f"{field}={value}" for field, value in wanted.items() if value)
    arguments = ["get", "Event.v1.", *(["--namespace", namespace] if namespace else ["--all-namespaces"])]
    arguments += ["--field-selector", fields] if fields else []
    return sorted((_event(item) for item in kubectl.objects(*arguments, **options)), key=_time)


def _event(item: Mapping[str, Any]) -> dict[str, Any]:
    involved, series = mapping(item.get("involvedObject")), mapping(item.get("series"))
    group = text(involved.get("apiVersion")).rpartition("/")[0]
    key = Key(group, *(text(involved.get(part)) for part in ("kind", "namespace", "name")))
    times = (
        series.get("lastObservedTime"),
        item.get("lastTimestamp"),
        item.get("eventTime"),
        mapping(item.get("metadata")).get("creationTimestamp"),
    )
    return {
        "time": next(filter(None, map(text, times)), ""),
        "type": item.get("type"),
        "reason": item.get("reason"),
        "object": key.title,
        "message": item.get("message"),
        "count": number(series.get("count")) or number(item.get("count")) or 1,
    }


def _time(event: Mapping[str, Any]) -> str:
    # some have fractions of a second: without the Z, they sort as text in the order of time
    return event["time"].rstrip("Z")
