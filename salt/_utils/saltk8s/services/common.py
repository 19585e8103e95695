"""Keys that services have in common."""

from __future__ import annotations

from typing import Any

from saltk8s.pillar.vocabulary import values
from saltk8s.pillar.vocabulary.types import Bool, Key, Section

OK, WARN, BAD = "ok", "warn", "bad"  # states of the status table
ENABLED = Key(Bool(), "Whether the service is deployed.")


def images(*names: str, versions: tuple[str, ...] = ("version",)) -> Key:
    """Return the key of a service's images. versions: keys of the service that a tag may hold, as ``{version}``."""
    image = values.image(*versions)
    inserted = ", ".join(f"`{{{key}}}` is the service's `{key}`" for key in versions)
    return Key(
        Section({name: Key(image, f"Image of the {name}.") for name in names}),
        f"Images{f'; {inserted}' if inserted else ''}. They are pulled through `k8s:registry` when that is set.",
    )


def resources() -> Key:
    """Return the key of a container's resource requests and limits."""
    requests = Section({"cpu": Key(values.Cpu, "CPU request."), "memory": Key(values.Memory, "Memory request.")})
    limits = Section(
        {
            "cpu": Key(values.Cpu, "CPU limit; none when not set."),
            "memory": Key(values.Memory, "Memory limit."),
        }
    )
    return Key(
        Section(
            {
                "requests": Key(requests, "Requests."),
                "limits": Key(limits, "Limits."),
            }
        ),
        "CPU and memory of each container.",
    )


def enabled(model: dict[str, Any], name: str) -> dict[str, Any] | None:
    """Return a service's part of the model when the service is enabled, else None."""
    service = (model["services"] or {}).get(name)
    return service if service and service["enabled"] else None


def namespaces(name: str, tenant: dict[str, Any]) -> list[str]:
    """Return a tenant's namespaces, before the model is complete too: one with its name when the pillar has none."""
    return tenant["namespaces"] or [name]


def joined_alike(one: str, other: str) -> bool:
    """Whether one namespace is the other's beginning before a dash: Traefik, which joins namespace and name with one,
    calls the service ``web-app`` of ``ist`` and the service ``app`` of ``ist-web`` the same."""
    return one.startswith(f"{other}-") or other.startswith(f"{one}-")


def apart_from(other: str, whose: str) -> str:
    """Return what is expected of a namespace that is joined_alike() with ``whose`` namespace ``other``."""
    return (
        f"a namespace apart from {other} of {whose}: neither may be the other's beginning before a dash, because "
        "Traefik joins namespace and name with one"
    )
