"""The schema of ``k8s:services``: one entry a service, as in defaults.yaml and under ``salt/k8s/``."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from saltk8s.schema_types import Key, Section
from saltk8s.services import backup, metallb

MODULES: dict[str, ModuleType] = {"metallb": metallb, "backup": backup}

SERVICES = Section({name: Key(module.SCHEMA, module.MEANING) for name, module in MODULES.items()}, in_order=True)
RULES = tuple(rule for module in MODULES.values() for rule in module.RULES)


def complete(services: dict[str, dict[str, Any]]) -> None:
    """Add to the services' part of a valid model what follows from it; a service's module may have a ``complete``."""
    for name, service in services.items():
        service["images"] = {key: image for key, image in (service.get("images") or {}).items() if image}
        if hasattr(MODULES[name], "complete"):
            MODULES[name].complete(service)
