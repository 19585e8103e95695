"""Cordon and uncordon nodes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.manifests.identity import key_of
from saltk8s.kubectl.operations import changes, target


def cordon(kubectl: Kubectl, name: str, wanted: bool, test: bool) -> bool:
    """Cordon a node, or (``wanted`` False) uncordon it; return whether that changes it."""
    node = target.get_object(kubectl, target.NODE, name)
    if is_cordoned(node) == wanted:
        return False
    verb = "cordon" if wanted else "uncordon"
    kubectl.run(verb, key_of(node).name, *changes.dry_run(test), what=f"{verb} {name}")
    return True


def is_cordoned(node: Mapping[str, Any]) -> bool:
    """Return whether a node is unschedulable."""
    return bool((node.get("spec") or {}).get("unschedulable"))
