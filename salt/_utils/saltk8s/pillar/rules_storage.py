"""Storage classes come from several services; these rules check all of them together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from saltk8s.base import redact
from saltk8s.pillar.vocabulary.types import Path, Report

SOURCES = (("vsphere", "storage_classes"), ("nfs", "exports"))


def classes(model: dict[str, Any]) -> Iterator[tuple[Path, str, dict[str, Any]]]:
    """Return the storage classes of the enabled services: pillar path, name, its part of the pillar."""
    for service, key in SOURCES:
        content = (model["services"] or {}).get(service)
        if content and content["enabled"]:
            for name, spec in (content[key] or {}).items():
                yield ("k8s", "services", service, key, name), name, spec


def one_default(model: dict[str, Any], report: Report) -> None:
    """With two default classes Kubernetes takes the newer one."""
    first = None
    for path, _, spec in classes(model):
        if spec["default"] and first:
            report.add(
                (*path, "default"), f"only one default storage class: {':'.join(first)} is the default already", "true"
            )
        elif spec["default"]:
            first = path


def one_class_a_name(model: dict[str, Any], report: Report) -> None:
    """The names of storage classes are unique in the cluster."""
    seen: dict[str, Path] = {}
    for path, name, _ in classes(model):
        other = seen.setdefault(name, path)
        if other != path:
            report.add(path, f"a unique name: {':'.join(other)} is a storage class too", redact.show(name))
