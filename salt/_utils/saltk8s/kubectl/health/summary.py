"""Objects told in a few words, for people and for other modules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from saltk8s.kubectl.health import judge
from saltk8s.kubectl.manifests.identity import Kind, key_of

_ROLE = "node-role.kubernetes.io/"


def of_objects(objects: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return ``kind``, ``namespace``, ``name``, ``ready`` and ``reason`` (why not) of each object, sorted."""
    told = []
    for obj in sorted(objects, key=key_of):
        key, state = key_of(obj), judge.of(obj)
        title = Kind(key.group, key.kind, "").title
        told.append({"kind": title, "namespace": key.namespace, "name": key.name} | _state(state))
    return told


def of_node(node: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``ready``, ``reason``, ``schedulable``, ``roles``, ``version``, ``address``, ``taints`` of a Node."""
    meta, spec, status = node["metadata"], node.get("spec") or {}, node.get("status") or {}
    state = judge.condition(status, "Ready")
    ready = state.get("status") == "True"
    addresses = {item["type"]: item["address"] for item in status.get("addresses") or []}
    return {
        "ready": ready,
        "reason": "" if ready else state.get("message") or "no condition Ready",
        "schedulable": not spec.get("unschedulable", False),
        "roles": sorted(name.removeprefix(_ROLE) for name in meta.get("labels") or {} if name.startswith(_ROLE)),
        "version": (status.get("nodeInfo") or {}).get("kubeletVersion"),
        "address": addresses.get("InternalIP"),
        "taints": [f"{taint['key']}={taint.get('value', '')}:{taint['effect']}" for taint in spec.get("taints") or []],
    }


def _state(state: judge.Health) -> dict[str, Any]:
    return {"ready": state.ready, "reason": state.reason}
