"""The schema of ``k8s:services``: one entry a service, as in defaults.yaml and under ``salt/k8s/``.

A module of ``saltk8s.services`` that has a SCHEMA, or a folder with one in its ``schema`` module, is a service; nothing
else has to name it. Beside SCHEMA, MEANING and RULES such a module may have

- ``NAMESPACES``: the namespaces that the service creates, a tuple of names. No tenant may have one of them.
- ``namespaces(model)``: those of NAMESPACES that it creates with this pillar, where that depends on the pillar;
- ``SECTIONS``: further keys directly below ``k8s``, name -> Key;
- ``warnings(model)``: what is valid, and an operator should know: sentences;
- ``complete(model)``: adds to a valid model what follows from the service's pillar.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module
from types import ModuleType
from typing import Any

from saltk8s import services
from saltk8s.pillar.vocabulary.types import Key, Section


def _modules() -> dict[str, ModuleType]:
    entries = sorted(pkgutil.iter_modules(services.__path__), key=lambda entry: entry.name)
    names = {entry.name: f"{entry.name}.schema" if entry.ispkg else entry.name for entry in entries}
    found = {name: import_module(f"{services.__name__}.{module}") for name, module in names.items()}
    return {name: module for name, module in found.items() if hasattr(module, "SCHEMA")}


MODULES = _modules()
SERVICES = Section({name: Key(module.SCHEMA, module.MEANING) for name, module in MODULES.items()}, in_order=True)
SECTIONS = {name: key for module in MODULES.values() for name, key in getattr(module, "SECTIONS", {}).items()}
RULES = tuple(rule for module in MODULES.values() for rule in module.RULES)


NAMESPACES = frozenset(name for module in MODULES.values() for name in getattr(module, "NAMESPACES", ()))


def complete(model: dict[str, Any]) -> None:
    """Add to a valid model what follows from its services: their images, and what each service's module adds.

    Each service gets ``own_namespaces``, the namespaces that it creates.
    """
    for name, service in model["services"].items():
        service["own_namespaces"] = _namespaces(MODULES[name], model)
        service["images"] = {key: image for key, image in (service.get("images") or {}).items() if image}
        if hasattr(MODULES[name], "complete"):
            MODULES[name].complete(model)


def warnings(model: dict[str, Any]) -> list[str]:
    """Return what is valid in a model, and an operator should know: sentences."""
    return [text for module in MODULES.values() if hasattr(module, "warnings") for text in module.warnings(model)]


def _namespaces(module: ModuleType, model: dict[str, Any]) -> list[str]:
    chosen = getattr(module, "namespaces", None)
    return list(chosen(model) if chosen else getattr(module, "NAMESPACES", ()))
