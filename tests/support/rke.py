"""Models, states and kubectl answers for the tests of the cluster engine: small, and in the real shapes."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import yaml
from labkit import versions
from saltk8s.engine import gate, health, ssh
from saltk8s.engine.rke import engine as rke
from saltk8s.pillar import model as models
from tests.support import pillars

CASES = Path(__file__).resolve().parents[1] / "cases" / "engine" / "rke"
GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "engine" / "rke"

_BASE: dict[str, Any] = {
    "cluster": {
        "name": "osug",
        "engine": "rke",
        "version": versions.CLUSTER,
        "admin": "k8s-admin",
        "api_names": ["k8s.osug.example"],
        "network": {
            "plugin": "canal",
            "pod_cidr": "10.42.0.0/16",
            "service_cidr": "10.43.0.0/16",
            "backend": "vxlan",
        },
        "dns_domain": "cluster.local",
        "etcd": {"snapshots": {"every": "6h", "keep": "7d"}},
        "audit_log": {"enabled": True, "keep_days": 30},
        "encrypt_secrets": True,
        "ssh": {"user": "rke", "port": 22, "public_key": "ssh-ed25519 AAAA k8s"},
        "kubelet": {
            "pod_max_pids": 4096,
            "seccomp_default": True,
            "protect_kernel_defaults": True,
            "serving_certificates": True,
        },
        "admission": {"pod_security": "baseline", "event_rate_limit": True, "always_pull_images": False},
        "extra_args": {},
        "timeouts": {"nodes_s": 600, "up_s": 1800, "up_node_s": 450, "ready_s": 600},
        "accept_any_docker": False,
        "allow_removal": [],
        "metrics_server": True,
    },
    "nodes": {},
}


def model(over: dict[str, Any] | None = None, state_dir: str = "/var/lib/saltk8s/osug") -> dict[str, Any]:
    """A model as ``k8s_config.get`` returns it. over: what differs; nodes are ``{name: {roles, ip, ...}}``."""
    built = pillars.merge(copy.deepcopy(_BASE), over or {})
    for number, (name, node) in enumerate(built["nodes"].items(), 1):
        ip = node.get("ip", f"10.20.0.{number}")
        built["nodes"][name] = {"labels": {}, "taints": [], **node, "name": name, "ip": ip, "prefix": 24}
    built["paths"] = models.paths(state_dir, "rke")
    return built


def case(name: str) -> dict[str, Any]:
    """A case file, ``tests/cases/engine/rke/<name>.yaml``."""
    return yaml.safe_load((CASES / f"{name}.yaml").read_text())


def three_nodes() -> dict[str, Any]:
    """One control plane with etcd, two workers."""
    return {
        "cp1": {"roles": ["controlplane", "etcd"]},
        "w1": {"roles": ["worker"]},
        "w2": {"roles": ["worker"]},
    }


def many_nodes(count: int) -> dict[str, Any]:
    """Three control planes with etcd, the rest workers."""
    nodes = {f"cp{n}": {"roles": ["controlplane", "etcd"], "ip": f"10.20.0.{n}"} for n in (1, 2, 3)}
    for number in range(count - 3):
        nodes[f"w{number}"] = {
            "roles": ["worker"],
            "ip": f"10.21.{number // 250}.{number % 250 + 1}",
            "labels": {"zone": str(number % 3)},
        }
    return nodes


def hand_written_nodes(config: dict[str, Any]) -> list[dict[str, Any]]:
    """The nodes of a ``cluster.yml`` that was written by hand, with the names and ports that rke fills in."""
    return [
        {
            **node,
            "hostname_override": str(node.get("hostname_override") or node["address"]).lower(),
            "port": str(node.get("port") or 22),
        }
        for node in config["nodes"]
    ]


def healthy_objects(nodes: list[str]) -> list[dict[str, Any]]:
    """What kubectl answers for a cluster without faults."""
    objects: list[dict[str, Any]] = [
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": name},
            "spec": {},
            "status": {"conditions": [{"type": "Ready", "status": "True"}]},
        }
        for name in nodes
    ]
    full = {"desiredNumberScheduled": len(nodes), "updatedNumberScheduled": len(nodes), "numberAvailable": len(nodes)}
    objects.append(
        {
            "apiVersion": "apps/v1",
            "kind": "DaemonSet",
            "metadata": {"name": "canal", "uid": "canal", "generation": 1},
            "status": {"observedGeneration": 1, **full},
        }
    )
    for name in ("coredns", "coredns-autoscaler", "metrics-server", "calico-kube-controllers"):
        objects.append(
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": name, "generation": 2},
                "spec": {"replicas": 1},
                "status": {"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1},
            }
        )
    objects.append(
        {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": "v1beta1.metrics.k8s.io"},
            "status": {"conditions": [{"type": "Available", "status": "True"}]},
        }
    )
    return objects


def short_waits(monkeypatch) -> None:
    """Let the engine check again at once, and wait for nothing that may recover by itself."""
    monkeypatch.setattr(ssh, "POLL_S", 0.05)
    monkeypatch.setattr(ssh, "MEMBER_GRACE_S", 0)
    monkeypatch.setattr(health, "POLL_S", 0.05)
    monkeypatch.setattr(rke, "GRACE_S", 0)
    monkeypatch.setattr(gate, "WAIT_S", 0)
