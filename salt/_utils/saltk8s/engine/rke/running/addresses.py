"""The addresses of new nodes until the vSphere controller runs, which is after the cluster is healthy.

Kubelets leave their addresses to it. Those of Kubernetes 1.32 and later have that of their default route meanwhile
(``node-ip`` of cluster_yml); older ones have none, and then metrics-server reads no kubelet, and is never ready.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable, Mapping
from typing import Any

from saltk8s.engine import health
from saltk8s.kubectl.client.program import Kubectl

_INTERNAL = "InternalIP"


def lacking(config: Mapping[str, Any], nodes: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return ``{node: address}`` of nodes that have none, but one that is known. nodes: as kubectl returns them."""
    without = {node["metadata"]["name"] for node in nodes if _INTERNAL not in _types(node)}
    known = {entry["hostname_override"]: entry["address"] for entry in config["nodes"]}
    return {name: known[name] for name in sorted(without & known.keys()) if _is_address(known[name])}


def _types(node: Mapping[str, Any]) -> set[str]:
    return {one["type"] for one in node.get("status", {}).get("addresses") or ()}


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:  # a machine with DHCP is known by its name
        return False
    return True


def give(kubectl: Kubectl, config: Mapping[str, Any]) -> None:
    """Give nodes without an address the one of ``cluster.yml``; the controller writes what it finds over it.

    config: ``cluster.yml`` as data, which ``rke up`` just applied. Raises what kubectl raises.
    """
    if config.get("cloud_provider", {}).get("name") != "external":
        return
    for name, address in lacking(config, health.objects_of(kubectl, "nodes")).items():
        given = [{"type": _INTERNAL, "address": address}, {"type": "Hostname", "address": name}]
        patch = json.dumps({"status": {"addresses": given}})
        kubectl.run("patch", "node", name, "--subresource=status", "--type=merge", f"--patch={patch}", what=name)
