"""Objects as a few fields, for operators and for other modules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from saltk8s.kubectl.health import assessment
from saltk8s.kubectl.manifests.identity import Kind, key_of

_ROLE = "node-role.kubernetes.io/"


def of_objects(objects: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return ``kind``, ``namespace``, ``name``, ``ready`` and ``reason`` (why not) of each object, sorted."""
    rows = []
    for obj in sorted(objects, key=key_of):
        key, health = key_of(obj), assessment.assess(obj)
        rows.append(
            {
                "kind": Kind(key.group, key.kind, "").title,
                "namespace": key.namespace,
                "name": key.name,
                "ready": health.ready,
                "reason": health.reason,
            }
        )
    return rows


def of_node(node: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``ready``, ``reason``, ``schedulable``, ``roles``, ``version``, ``address``, ``taints`` of a Node."""
    meta, spec, status = node["metadata"], node.get("spec") or {}, node.get("status") or {}
    condition = assessment.condition(status, "Ready")
    ready = condition.get("status") == "True"
    addresses = {item["type"]: item["address"] for item in status.get("addresses") or []}
    return {
        "ready": ready,
        "reason": "" if ready else condition.get("message") or "has not reported a Ready condition yet",
        "schedulable": not spec.get("unschedulable", False),
        "roles": sorted(name.removeprefix(_ROLE) for name in meta.get("labels") or {} if name.startswith(_ROLE)),
        "version": (status.get("nodeInfo") or {}).get("kubeletVersion"),
        "address": addresses.get("InternalIP"),
        "taints": [f"{taint['key']}={taint.get('value', '')}:{taint['effect']}" for taint in spec.get("taints") or []],
    }
