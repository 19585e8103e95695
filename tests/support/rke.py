"""Models, states and kubectl answers for the tests of the cluster engine: small, and in the real shapes."""

from __future__ import annotations

import base64
import copy
import functools
from pathlib import Path
from typing import Any

import yaml
from cryptography.hazmat.primitives.asymmetric import ec
from labkit import versions
from saltk8s.engine import gate, health, ssh
from saltk8s.engine.rke import engine as rke
from saltk8s.engine.rke import node as node_facts
from saltk8s.engine.rke.planning import fixed
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


def spelled(tree: Any, names: bool = True) -> Any:
    """What cluster.yml says, in the spelling of the state file; names of flags and options stay."""
    if not isinstance(tree, dict):
        return tree
    spell = fixed.spelling if names else str
    return {spell(key): spelled(value, key not in ("extra_args", "options")) for key, value in tree.items()}


@functools.cache
def authority(name: str = "osug") -> str:
    """The certificate of a cluster's CA, in PEM."""
    return pillars.certificate_of(ec.generate_private_key(ec.SECP256R1()), name, 3650)


def encryption(*names: str) -> str:
    """rke's file with the keys for the Secrets in etcd, the active one first."""
    keys = [{"name": name, "secret": base64.b64encode(f"{name:0<32}".encode()).decode()} for name in names]
    providers: list[dict[str, Any]] = [{"aescbc": {"keys": keys}}, {"identity": {}}]
    return yaml.safe_dump({"resources": [{"resources": ["secrets"], "providers": providers}]})


def rkestate(
    config: dict[str, Any], running: bool = True, ca: str | None = None, days: int = 3650, encryption: str = "key: one"
) -> dict[str, Any]:
    """A state file's content after a successful run of a configuration; the keys in it are canaries.

    ca: the CA's certificate; days: until the administrator's certificate expires, more for a newer state; encryption:
    the file for the control planes.
    """
    current = {
        "kubernetesVersion": config["kubernetes_version"],
        "clusterName": config["cluster_name"],
        "nodes": [
            {
                "address": node["address"],
                "port": node["port"],
                "internalAddress": node.get("internal_address", node["address"]),
                "role": list(node["role"]),
                "hostnameOverride": node["hostname_override"],
                "user": node["user"],
                "labels": dict(node.get("labels") or {}),
                "taints": list(node.get("taints") or []),
            }
            for node in config["nodes"]
        ],
        "services": spelled(config["services"]),
        "network": spelled(config["network"]),
        "privateRegistries": [
            {"url": one["url"], "user": one.get("user"), "password": one.get("password")}
            for one in config.get("private_registries", [])
        ],
    }
    admin = pillars.certificate_of(ec.generate_private_key(ec.SECP256R1()), "kube-admin", days)
    bundle = {"kube-ca": ca or authority(), "kube-admin": admin}
    keys = {name: {"certificatePEM": pem, "keyPEM": "CANARY-KEY"} for name, pem in bundle.items()}
    whole = {"rkeConfig": current, "certificatesBundle": keys, "encryptionConfig": encryption}
    return {"desiredState": whole, "currentState": whole if running else {}}


def containers(node: dict[str, Any], version: str) -> list[tuple[str, str]]:
    """The containers of rke's on a node of cluster.yml: (name, image)."""
    image = f"rancher/hyperkube:{version.rpartition('-')[0]}"
    others = {"etcd": "rancher/mirrored-coreos-etcd:v3.5.16", "nginx-proxy": "rancher/rke-tools:v0.1.114"}
    return [(name, others.get(name, image)) for name in node_facts.expected(node["role"])]


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
