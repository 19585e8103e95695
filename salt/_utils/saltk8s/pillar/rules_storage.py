"""Storage classes come from several services; these rules look at all of them together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from saltk8s.base import redact
from saltk8s.pillar.vocabulary.types import Path, Report

SOURCES = (("vsphere", "storage_classes"), ("nfs", "exports"))


def classes(model: dict[str, Any]) -> Iterator[tuple[Path, str, dict[str, Any]]]:
    """Return the storage classes of the enabled services: pillar path, name, what the pillar says of it."""
    for service, key in SOURCES:
        content = (model["services"] or {}).get(service)
        if content and content["enabled"]:
            for name, spec in (content[key] or {}).items():
                yield ("k8s", "services", service, key, name), name, spec


def one_default(model: dict[str, Any], report: Report) -> None:
    """With two default classes Kubernetes takes the newer one, and nobody has chosen."""
    first = None
    for path, _, spec in classes(model):
        if spec["default"] and first:
            report.add((*path, "default"), f"one default storage class; {':'.join(first)} is one already", "true")
        elif spec["default"]:
            first = path


def one_class_a_name(model: dict[str, Any], report: Report) -> None:
    """A storage class has the name that it has in the pillar."""
    seen: dict[str, Path] = {}
    for path, name, _ in classes(model):
        other = seen.setdefault(name, path)
        if other != path:
            report.add(path, f"another name than {':'.join(other)}, for both are storage classes", redact.show(name))
