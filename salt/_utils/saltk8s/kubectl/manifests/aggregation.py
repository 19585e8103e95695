"""Aggregated ClusterRoles: the control plane fills in their rules, from the roles that they select."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltk8s.kubectl.manifests.identity import MANAGER, kind_of

CONTROLLER = "clusterrole-aggregation-controller"  # its field manager
RULES = ("f:rules",)  # in managedFields

_ROLE = ("rbac.authorization.k8s.io", "ClusterRole")


def is_aggregated(obj: Mapping[str, Any]) -> bool:
    """Return whether an object is a ClusterRole with rules of the control plane's."""
    return kind_of(obj).gk == _ROLE and obj.get("aggregationRule") is not None


def ends(declared: Mapping[str, Any], live: Mapping[str, Any]) -> bool:
    """Return whether the control plane leaves a role's rules once it is written: no aggregation rule remains."""
    if kind_of(declared).gk != _ROLE or is_aggregated(declared):
        return False
    fields = [
        entry.get("fieldsV1") or {}
        for entry in live["metadata"].get("managedFields") or ()
        if entry.get("manager") != MANAGER
    ]
    return not any("f:aggregationRule" in tree for tree in fields)
