"""A state file of rke, the keys in it and the containers on nodes, in the real shapes.

The stand-in for rke imports this each time it starts: what it imports itself is little.
"""

from __future__ import annotations

import base64
import functools
import re
from typing import Any

import yaml
from cryptography.hazmat.primitives.asymmetric import ec
from saltk8s.engine.rke import node as node_facts
from tests.support.certificates import certificate_of


def spelled(tree: Any, names: bool = True) -> Any:
    """What cluster.yml says, in the spelling of the state file; names of flags and options stay."""
    if not isinstance(tree, dict):
        return tree
    spell = _spelling if names else str
    return {spell(key): spelled(value, key not in ("extra_args", "options")) for key, value in tree.items()}


def _spelling(key: str) -> str:
    """As the engine's ``fixed.spelling``, whose module imports too much for the stand-in."""
    return re.sub("[-_](.)", lambda found: found[1].upper(), key)


@functools.cache
def authority(name: str = "osug") -> str:
    """The certificate of a cluster's CA, in PEM."""
    return certificate_of(ec.generate_private_key(ec.SECP256R1()), name, 3650)


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
    admin = certificate_of(ec.generate_private_key(ec.SECP256R1()), "kube-admin", days)
    bundle = {"kube-ca": ca or authority(), "kube-admin": admin}
    keys = {name: {"certificatePEM": pem, "keyPEM": "CANARY-KEY"} for name, pem in bundle.items()}
    whole = {"rkeConfig": current, "certificatesBundle": keys, "encryptionConfig": encryption}
    return {"desiredState": whole, "currentState": whole if running else {}}


def containers(node: dict[str, Any], version: str) -> list[tuple[str, str]]:
    """The containers of rke's on a node of cluster.yml: (name, image)."""
    image = f"rancher/hyperkube:{version.rpartition('-')[0]}"
    others = {"etcd": "rancher/mirrored-coreos-etcd:v3.5.16", "nginx-proxy": "rancher/rke-tools:v0.1.114"}
    return [(name, others.get(name, image)) for name in node_facts.expected(node["role"])]
