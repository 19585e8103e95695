"""Objects as a few fields, for operators and for other modules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from saltk8s.kubectl.health import assessment
from saltk8s.kubectl.health.dead_nodes import DeadNodes
from saltk8s.kubectl.health.fields import mapping, maps, text
from saltk8s.kubectl.manifests.identity import Kind, key_of

_ROLE = "node-role.kubernetes.io/"


def of_objects(objects: Iterable[Mapping[str, Any]], dead: DeadNodes | None = None) -> list[dict[str, Any]]:
    """Return ``kind``, ``namespace``, ``name``, ``ready`` and ``reason`` (why not) of each object, sorted.

    dead: DaemonSets are judged without their pods on these nodes; ``reason`` then says so of one that is ready.
    """
    rows, live = [], sorted(objects, key=key_of)
    states = {key_of(obj): assessment.assess(obj) for obj in live}
    for key, health in (dead.discount(live, states) if dead else states).items():
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
    meta, spec, status = node["metadata"], mapping(node.get("spec")), mapping(node.get("status"))
    condition = assessment.condition(status, "Ready")
    ready = condition.get("status") == "True"
    addresses = {text(item.get("type")): item.get("address") for item in maps(status.get("addresses"))}
    return {
        "ready": ready,
        "reason": "" if ready else condition.get("message") or "has not reported a Ready condition yet",
        "schedulable": not spec.get("unschedulable", False),
        "roles": sorted(name.removeprefix(_ROLE) for name in mapping(meta.get("labels")) if name.startswith(_ROLE)),
        "version": mapping(status.get("nodeInfo")).get("kubeletVersion"),
        "address": addresses.get("InternalIP"),
        "taints": [
            f"{taint.get('key')}={taint.get('value', '')}:{taint.get('effect')}" for taint in maps(spec.get("taints"))
        ],
    }
