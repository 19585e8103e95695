"""The schema of ``k8s:services``: one entry a service, as in defaults.yaml and under ``salt/k8s/``."""

from __future__ import annotations

from types import ModuleType

from saltk8s.schema_types import Key, Section
from saltk8s.services import metallb, nfs, vsphere

MODULES: dict[str, ModuleType] = {"metallb": metallb, "vsphere": vsphere, "nfs": nfs}

SERVICES = Section({name: Key(module.SCHEMA, module.MEANING) for name, module in MODULES.items()}, in_order=True)
RULES = tuple(rule for module in MODULES.values() for rule in module.RULES)
