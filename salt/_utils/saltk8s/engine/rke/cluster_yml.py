"""``cluster.yml`` from the model: pure, and the same text for the same model."""

from __future__ import annotations

import hashlib
import ipaddress
import json
from collections.abc import Iterable, Mapping
from typing import Any

from saltk8s.base import redact, yaml_text
from saltk8s.engine.rke import aci, audit_policy, hardening
from saltk8s.engine.rke.takeover import extra
from saltk8s.kubectl.operations import drain
from saltk8s.pillar.vocabulary import free_form
from saltk8s.pillar.vocabulary.values import SECONDS, seconds

# rke's name of each component below `services`, by the pillar's name
SERVICES = {
    "kubelet": "kubelet",
    "kube_proxy": "kubeproxy",
    "kube_apiserver": "kube-api",
    "kube_controller": "kube-controller",
    "scheduler": "scheduler",
    "etcd": "etcd",
}
DNS_ADDRESS = 10  # the cluster's DNS service is the tenth address of the service network, as everywhere
HASH_ROUNDS = 200_000  # a tenth of a second: guessing a password by its hash has to be slow
ADDON_TIMEOUT_S = 300  # an add-on's job also waits for its image to be pulled
DRAIN_TIMEOUT_S = 300
MOST_WORKERS = 50  # rke itself takes no more at once
WIREGUARD_MTU = 1420  # of nodes with 1500: flannel's WireGuard takes 80
# rke mounts the nodes' /etc/kubernetes into the API server; the control plane nodes' formula writes the file
OIDC_CA = "/etc/kubernetes/saltk8s-oidc-ca.pem"
S3_SECRETS = ("access_key", "secret_key")


def build(model: dict[str, Any]) -> dict[str, Any]:
    """Return ``cluster.yml`` as data, secrets in it.

    model: what ``k8s_config.get`` returns; the registry's password may be absent.
    """
    cluster = model["cluster"]
    config: dict[str, Any] = {
        "cluster_name": cluster["name"],
        "kubernetes_version": cluster["version"],
        "ssh_key_path": model["paths"]["ssh_key"],
        # rke up overrides this with its flag, which it gets too; rke's other commands read it
        "ignore_docker_version": bool(cluster.get("accept_any_docker")),
        "addon_job_timeout": ADDON_TIMEOUT_S,
        "nodes": [_node(cluster["ssh"], node) for node in model["nodes"].values()],
        "private_registries": _registries(model.get("registry")),
        "services": _services(model),
        "network": _network(cluster["network"]),
        "authentication": {"strategy": "x509", "sans": list(cluster.get("api_names") or [])},
        "authorization": {"mode": "rbac"},
        "dns": {"provider": "coredns"},
        "ingress": {"provider": "none"},  # ingress is a service of its own, not rke's
        "monitoring": {"provider": "metrics-server" if cluster.get("metrics_server", True) else "none"},
        "upgrade_strategy": _upgrade(model),
    }
    if ((model.get("services") or {}).get("vsphere") or {}).get("enabled"):
        _wait_for_vsphere(config)
    config = config if config["private_registries"] else {k: v for k, v in config.items() if k != "private_registries"}
    return extra.laid_over(config, cluster.get("engine_config"))


def in_order(config: dict[str, Any], running: Iterable[str]) -> dict[str, Any]:
    """Return it with the nodes of the running cluster first, in their order: rke compares lists of addresses as texts.

    Another order in the pillar alone would drain every node.
    """
    places = {name: place for place, name in enumerate(running)}
    nodes = sorted(config["nodes"], key=lambda node: places.get(node["hostname_override"], len(places)))
    return {**config, "nodes": nodes}


def text(config: dict[str, Any]) -> str:
    """Return the data as the text of ``cluster.yml``."""
    # through JSON: what Salt wraps pillar values in is unknown to the dumper, and a masked value must not be formatted
    plain = json.loads(json.dumps(config))
    return f"# Written by Salt from the pillar; edit k8s: there, never this file.\n{yaml_text.dump(plain)}"


def redacted(config: dict[str, Any]) -> dict[str, Any]:
    """Return a copy without the secrets in it."""
    return free_form.mapped(config, lambda secret: redact.REDACTED)


def secrets(config: dict[str, Any]) -> list[str]:
    """Return the secrets that are in the data, to be taken out of any output."""
    return list(dict.fromkeys(text for _, text in free_form.secrets(config)))


def fingerprinted(config: dict[str, Any], salt: str) -> dict[str, Any]:
    """Return a copy in which each secret is a slow hash of it: enough to see that one changed, and no more.

    salt: text, the same for copies that are compared.
    """

    def slow(secret: Any) -> str:
        text = secret if isinstance(secret, str) else json.dumps(secret, sort_keys=True)
        return hashlib.pbkdf2_hmac("sha256", text.encode(), salt.encode(), HASH_ROUNDS).hex()

    return free_form.mapped(config, slow)


def duration(value: str) -> str:
    """Return a duration such as ``7d`` or ``90m`` as rke reads it: it knows hours and minutes only."""
    return value if value.endswith("m") else f"{seconds(value) // SECONDS['h']}h"


def dns_address(service_cidr: str) -> str:
    """Return the address of the cluster's DNS service in the service network."""
    return str(ipaddress.ip_network(service_cidr)[DNS_ADDRESS])


def taint(value: str) -> dict[str, str]:
    """Return ``key=value:Effect`` or ``key:Effect`` as rke's three fields."""
    pair, effect = value.rsplit(":", 1)
    key, _, content = pair.partition("=")
    return {"key": key, "value": content, "effect": effect}


def _node(ssh: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "address": node.get("ip") or node["name"],  # a DHCP machine is known by its name
        "hostname_override": node["name"],
        "user": ssh["user"],
        "port": str(ssh.get("port", 22)),
        "role": list(node["roles"]),
    }
    if node.get("internal_address"):
        entry["internal_address"] = str(node["internal_address"]).split("/")[0]
    if node.get("labels"):
        entry["labels"] = {key: _flag(value) for key, value in sorted(node["labels"].items())}
    if node.get("taints"):
        entry["taints"] = [taint(one) for one in node["taints"]]
    return entry


def _wait_for_vsphere(config: dict[str, Any]) -> None:
    """Make kubelets leave it to the vSphere controller what their node's id and addresses are."""
    config["cloud_provider"] = {"name": "external"}
    if any("internal_address" in node for node in config["nodes"]):
        return  # rke passes these addresses to the kubelets
    # until the controller runs, which is after the cluster is healthy, a node has the address of its default route;
    # without this flag it has none, and neither the network plugin nor metrics-server works
    kubelet = config["services"].setdefault("kubelet", {})
    kubelet["extra_args"] = {"node-ip": "0.0.0.0"} | kubelet.get("extra_args", {})


def _registries(registry: dict[str, Any] | None) -> list[dict[str, Any]]:
    if not registry or not registry.get("url"):
        return []
    entry: dict[str, Any] = {"url": registry["url"], "is_default": True}
    if registry.get("username"):
        entry |= {"user": registry["username"], "password": registry.get("password", "")}
    return [entry]


def _oidc(authentication: dict[str, Any] | None) -> dict[str, str]:
    """Return the API server's flags for the identity provider, none without one."""
    oidc = (authentication or {}).get("oidc")
    if not oidc:
        return {}
    flags = {
        "oidc-issuer-url": oidc["issuer"],
        "oidc-client-id": oidc["client_id"],
        "oidc-username-claim": oidc["username_claim"],
        "oidc-username-prefix": oidc["username_prefix"],
        "oidc-groups-claim": oidc["groups_claim"],
        "oidc-groups-prefix": oidc["groups_prefix"],
    }
    return {**flags, "oidc-ca-file": OIDC_CA} if oidc["ca"] else flags


def _snapshots(snapshots: dict[str, Any], locations: dict[str, Any] | None) -> dict[str, Any]:
    """rke has two forms: times, and, for S3, whole hours and a number of snapshots."""
    if not snapshots.get("s3"):
        return {"snapshot": True, "creation": duration(snapshots["every"]), "retention": duration(snapshots["keep"])}
    s3 = (locations or {})[snapshots["s3"]]["s3"]
    every, keep = seconds(snapshots["every"]), seconds(snapshots["keep"])
    place = {
        "endpoint": s3["endpoint"].removeprefix("https://"),  # rke puts it in front
        "bucket_name": s3["bucket"],
        "region": s3["region"],
        "folder": f"{s3['prefix']}/etcd" if s3.get("prefix") else "etcd",
        "custom_ca": s3.get("ca"),
        **{key: s3.get(key) for key in S3_SECRETS},
    }
    return {
        "backup_config": {
            "enabled": True,
            "interval_hours": every // SECONDS["h"],
            "retention": -(-keep // every),
            "s3backupconfig": {key: value for key, value in place.items() if value},
        }
    }


def _owner(uid: int | None) -> dict[str, int]:
    return {"uid": uid, "gid": uid} if uid else {}  # rke takes the user's number for the group's, too


def _services(model: dict[str, Any]) -> dict[str, Any]:
    cluster = model["cluster"]
    network, audit = cluster["network"], cluster["audit_log"]
    services: dict[str, Any] = {
        "etcd": _snapshots(cluster["etcd"]["snapshots"], model.get("locations")) | _owner(cluster["etcd"].get("uid")),
        "kube-api": {
            "service_cluster_ip_range": network["service_cidr"],
            "secrets_encryption_config": {"enabled": bool(cluster.get("encrypt_secrets"))},
            "audit_log": audit_policy.log(audit["enabled"], audit["keep_days"]),
            **hardening.admission(cluster["admission"]),
        },
        "kube-controller": {
            "cluster_cidr": network["pod_cidr"],
            "service_cluster_ip_range": network["service_cidr"],
        },
        "kubelet": {
            "cluster_domain": cluster["dns_domain"],
            "cluster_dns_server": dns_address(network["service_cidr"]),
            # the API server reaches a kubelet by its address, which the certificate of a DHCP node does not have
            "generate_serving_certificate": cluster["kubelet"]["serving_certificates"]
            and all(node["ip"] for node in model["nodes"].values()),
        },
        "kubeproxy": {},
        "scheduler": {},
    }
    given = cluster.get("extra_args") or {}
    follows = hardening.flags(cluster)
    follows["kube_apiserver"] |= _oidc(model.get("authentication"))
    for name, service in SERVICES.items():
        # a flag of the operator's own wins over one that follows from another key
        flags = {**follows.get(name, {}), **(given.get(name) or {})}
        if flags:
            services[service]["extra_args"] = {flag: _flag(value) for flag, value in sorted(flags.items())}
    if services["kube-api"]["extra_args"][hardening.ISSUER] == follows["kube_apiserver"][hardening.ISSUER]:
        services["kube-api"]["extra_args_array"] = {hardening.ISSUER: [hardening.RKE_ISSUER]}
    return {name: content for name, content in services.items() if content}


def _flag(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _network(network: dict[str, Any]) -> dict[str, Any]:
    if network["plugin"] == aci.NAME:
        return aci.network(network)
    encrypted = network.get("encryption") == "wireguard"
    # flannel's own WireGuard: Calico's needs routes and node addresses of Calico's, and in Canal they are flannel's
    options = {"canal_flannel_backend_type": "wireguard" if encrypted else network.get("backend", "vxlan")}
    if network.get("interface"):
        options["canal_iface"] = network["interface"]
    entry: dict[str, Any] = {"plugin": network["plugin"], "options": options}
    mtu = network.get("mtu") or (WIREGUARD_MTU if encrypted else None)  # rke's own default is that of VXLAN
    if mtu:
        entry["mtu"] = mtu
    return entry


def deletes_pods(model: dict[str, Any]) -> bool:
    """Return whether drains delete pods that nothing would start again, rather than stop at them.

    With tenants, any of them could stop all upgrades with one.
    """
    return bool(((model.get("services") or {}).get("tenants") or {}).get("enabled") and model.get("tenants"))


def together(config: Mapping[str, Any]) -> int:
    """Return how many nodes with the role worker alone rke drains at the same time."""
    wanted = str((config.get("upgrade_strategy") or {}).get("max_unavailable_worker") or "10%")
    workers = sum("worker" in node["role"] for node in config["nodes"])
    number = workers * int(wanted[:-1]) // 100 if wanted.endswith("%") else int(wanted)
    return max(1, min(number, MOST_WORKERS))


def drain_options(model: dict[str, Any]) -> drain.Options:
    """Return how a node that leaves is drained: as rke drains those that stay."""
    return drain.Options(DRAIN_TIMEOUT_S, delete_emptydir_data=True, force=deletes_pods(model))


def _upgrade(model: dict[str, Any]) -> dict[str, Any]:
    return {
        "max_unavailable_worker": (model["cluster"].get("upgrade") or {}).get("workers") or "10%",
        "max_unavailable_controlplane": "1",
        "drain": True,
        "node_drain_input": {  # all five, because rke loses the others when one is missing
            "force": deletes_pods(model),
            "ignore_daemonsets": True,
            "delete_local_data": True,
            "grace_period": -1,
            "timeout": DRAIN_TIMEOUT_S,
        },
    }
