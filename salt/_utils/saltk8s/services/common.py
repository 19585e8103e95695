"""Keys that services have in common."""

from __future__ import annotations

from typing import Any

from saltk8s.pillar.vocabulary import values
from saltk8s.pillar.vocabulary.types import Bool, Key, Section

ENABLED = Key(Bool(), "Whether the service is deployed.")


def images(*names: str) -> Key:
    """Return the key of a service's images; ``{version}`` in one stands for the service's version."""
    return Key(
        Section({name: Key(values.Image, f"Image of the {name}.") for name in names}),
        "Images; `{version}` is the service's version. They are pulled through `k8s:registry` when that is set.",
    )


def resources() -> Key:
    """Return the key of what a service's container asks for, and of the memory that it may not pass."""
    requests = Section({"cpu": Key(values.Cpu, "Cores."), "memory": Key(values.Memory, "Memory.")})
    limits = Section(
        {
            "cpu": Key(values.Cpu, "Cores that it may not pass; it may use all that are free when this is not set."),
            "memory": Key(values.Memory, "Memory that it may not pass."),
        }
    )
    return Key(
        Section(
            {
                "requests": Key(requests, "What is kept free for it."),
                "limits": Key(limits, "What it may not pass."),
            }
        ),
        "Processor and memory of each container.",
    )


def enabled(model: dict[str, Any], name: str) -> dict[str, Any] | None:
    """Return a service's part of the model when the service is enabled, else None."""
    service = (model["services"] or {}).get(name)
    return service if service and service["enabled"] else None
