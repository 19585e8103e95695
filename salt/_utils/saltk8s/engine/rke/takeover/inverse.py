"""The keys of the pillar that a ``cluster.yml`` follows from, as far as the pillar has keys for it: pure.

What it proposes need not be complete: what is left is found by building a ``cluster.yml`` from it (see pillar_of).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from saltk8s.engine.rke import aci, cluster_yml
from saltk8s.engine.rke.takeover import canonical
from saltk8s.pillar.vocabulary import addresses, locations, values
from saltk8s.pillar.vocabulary.types import Flag, Scalar

LOCATION = "etcd-snapshots"
_TRUE = {"true": True, "false": False}
_OIDC = {
    "issuer": "oidc-issuer-url",
    "client_id": "oidc-client-id",
    "username_claim": "oidc-username-claim",
    "username_prefix": "oidc-username-prefix",
    "groups_claim": "oidc-groups-claim",
    "groups_prefix": "oidc-groups-prefix",
}
_DIGITS = re.compile(r"[1-9]\d{0,8}")


def pillar(config: Mapping[str, Any], version: str) -> dict[str, Any]:
    """Return the tree below ``k8s``, secrets in it, without flags of the components and programs of the admin.

    config: their ``cluster.yml``; version: of Kubernetes, when it names none.
    """
    found: dict[str, Any] = {"cluster": _cluster(config, version)}
    if registry := _registry(config):
        found["registry"] = registry
    found["nodes"] = {name: _node(name, node) for name, node in canonical.nodes(config).items()}
    if place := _location(config):
        found["locations"] = {LOCATION: {"s3": place}}
    if oidc := _oidc(_at(config, "services", "kube-api", "extra_args") or {}):
        found["authentication"] = {"oidc": oidc}
    return found


def with_flags(tree: dict[str, Any], config: Mapping[str, Any], built: Mapping[str, Any]) -> None:
    """Add the components' flags that do not follow from another key. built: the ``cluster.yml`` without them."""
    found = {}
    for name, service in cluster_yml.SERVICES.items():
        flags, follows = (_at(one, "services", service, "extra_args") or {} for one in (config, built))
        own = {
            flag: value
            for flag, value in flags.items()
            if follows.get(flag) != value and _fits(values.FlagName, flag) and _fits(Flag(), value)
        }
        if own:
            found[name] = own
    if found:
        tree["cluster"]["extra_args"] = found


def user_and_port(config: Mapping[str, Any]) -> tuple[str, int]:
    """Return how most of the nodes are reached."""
    users = Counter(str(node.get("user") or "root") for node in config["nodes"])
    ports = Counter(str(node.get("port") or canonical.PORT) for node in config["nodes"])
    port = ports.most_common(1)[0][0]
    return users.most_common(1)[0][0], int(port) if port.isdigit() else int(canonical.PORT)


def _cluster(config: Mapping[str, Any], version: str) -> dict[str, Any]:
    user, port = user_and_port(config)
    api, kubelet = (_at(config, "services", name) or {} for name in ("kube-api", "kubelet"))
    audit = api.get("audit_log") or {}
    name = str(config.get("cluster_name") or canonical.NAME)
    found: dict[str, Any] = {
        "name": name if _fits(values.ClusterName, name) else re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40],
        "version": str(config.get("kubernetes_version") or version),
        "api_names": [str(one) for one in _at(config, "authentication", "sans") or ()],
        "network": _network(config),
        "dns_domain": kubelet.get("cluster_domain") or canonical.DNS_DOMAIN,
        "etcd": _etcd(config),
        "audit_log": _known(
            enabled=audit.get("enabled", not audit), keep_days=_at(audit, "configuration", "max_age") or None
        ),
        "encrypt_secrets": bool(_at(api, "secrets_encryption_config", "enabled")),
        "ssh": {"user": user, "port": port},
        "kubelet": _kubelet(kubelet),
        "admission": {
            "pod_security": _pod_security(api),
            "event_rate_limit": bool(_at(api, "event_rate_limit", "enabled")),
            "always_pull_images": bool(api.get("always_pull_images")),
        },
        "accept_any_docker": bool(config.get("ignore_docker_version")),
        "metrics_server": (_at(config, "monitoring", "provider") or "metrics-server") != "none",
    }
    return found


def _network(config: Mapping[str, Any]) -> dict[str, Any]:
    network = config.get("network") or {}
    options = network.get("options") or {}
    networks = {
        "pod_cidr": _at(config, "services", "kube-controller", "cluster_cidr") or canonical.POD_CIDR,
        "service_cidr": _at(config, "services", "kube-api", "service_cluster_ip_range") or canonical.SERVICE_CIDR,
    }
    if network.get("plugin") == aci.NAME:
        provider = network.get("aci_network_provider") or {}
        return {"plugin": aci.NAME, **networks, "aci": aci.pillar(provider, options)}
    backend = options.get("canal_flannel_backend_type") or "vxlan"
    encrypted = backend == "wireguard"
    return _known(
        plugin=network.get("plugin") or "canal",
        interface=options.get("canal_iface") or _at(network, "canal_network_provider", "iface"),
        **networks,
        mtu=network.get("mtu") or None,
        backend="vxlan" if encrypted or backend not in ("vxlan", "host-gw") else backend,
        encryption="wireguard" if encrypted else "none",
    )


def _etcd(config: Mapping[str, Any]) -> dict[str, Any]:
    etcd = _at(config, "services", "etcd") or {}
    backup = etcd.get("backup_config") or {}
    if _location(config) and backup.get("interval_hours"):
        hours = int(backup["interval_hours"])
        snapshots = {"every": f"{hours}h", "keep": f"{hours * int(backup.get('retention') or 1)}h", "s3": LOCATION}
    else:
        snapshots = {
            "every": _duration(etcd.get("creation"), canonical.EVERY),
            "keep": _duration(etcd.get("retention"), canonical.KEEP),
        }
    uid = etcd.get("uid")
    return {"snapshots": snapshots, **({"uid": uid} if uid and uid == etcd.get("gid") else {})}


def _location(config: Mapping[str, Any]) -> dict[str, Any] | None:
    s3 = _at(config, "services", "etcd", "backup_config", "s3backupconfig") or {}
    endpoint, folder = f"https://{s3.get('endpoint')}", str(s3.get("folder") or "")
    if not _fits(locations.Endpoint, endpoint) or not _fits(locations.Bucket, s3.get("bucket_name")):
        return None
    if not all(s3.get(key) for key in cluster_yml.S3_SECRETS):
        return None
    return _known(
        endpoint=endpoint,
        bucket=s3["bucket_name"],
        region=s3.get("region") or None,
        prefix=folder.removesuffix("/etcd") if _fits(locations.Folder, folder) and folder.endswith("/etcd") else None,
        ca=s3.get("custom_ca") if _fits(values.Certificate, s3.get("custom_ca")) else None,
        **{key: s3[key] for key in cluster_yml.S3_SECRETS},
    )


def _kubelet(kubelet: Mapping[str, Any]) -> dict[str, Any]:
    flags = kubelet.get("extra_args") or {}
    pids = str(flags.get("pod-max-pids", ""))
    return _known(
        pod_max_pids=int(pids) if _DIGITS.fullmatch(pids) and int(pids) >= 64 else None,
        seccomp_default=_TRUE.get(flags.get("seccomp-default", "")),
        protect_kernel_defaults=_TRUE.get(flags.get("protect-kernel-defaults", "")),
        serving_certificates=bool(kubelet.get("generate_serving_certificate")),
    )


def _pod_security(api: Mapping[str, Any]) -> str:
    plugins = _at(api, "admission_configuration", "plugins") or ()
    for plugin in plugins:
        level = _at(plugin, "configuration", "defaults", "enforce")
        if _at(plugin, "name") == "PodSecurity" and level in ("privileged", "baseline", "restricted"):
            return level
    return "restricted" if api.get("pod_security_configuration") == "restricted" else "privileged"


def _registry(config: Mapping[str, Any]) -> dict[str, Any] | None:
    """The pillar has one registry, through which every image comes."""
    registries = config.get("private_registries") or []
    if len(registries) != 1 or not registries[0].get("is_default") or registries[0].keys() - _REGISTRY:
        return None
    one = registries[0]
    if not _fits(values.RegistryUrl, one.get("url")) or bool(one.get("user")) != bool(one.get("password")):
        return None
    return _known(url=one["url"], username=one.get("user") or None, password=one.get("password") or None)


_REGISTRY = {"url", "user", "password", "is_default"}


def _oidc(flags: Mapping[str, str]) -> dict[str, Any] | None:
    if not all(flags.get(flag) for flag in _OIDC.values()) or flags.get("oidc-ca-file"):
        return None  # the CA's certificate is a file on the nodes
    return {key: flags[flag] for key, flag in _OIDC.items()}


def _node(name: str, node: Mapping[str, Any]) -> dict[str, Any]:
    address = str(node["address"])
    internal = str(node.get("internal_address") or address)
    given = address if _fits(addresses.Address(), address) else internal
    taints = [cluster_text(taint) for taint in node.get("taints") or ()]
    labels = {key: "" if value is None else str(value) for key, value in (node.get("labels") or {}).items()}
    return _known(
        roles=[str(role) for role in node.get("role") or ()],
        address=given if _fits(addresses.Address(), given) else None,
        internal_address=internal if internal != given and _fits(addresses.Address(), internal) else None,
        labels={k: v for k, v in labels.items() if _fits(values.LabelKey, k) and _fits(values.LabelValue, v)} or None,
        taints=[taint for taint in taints if _fits(values.Taint, taint)] or None,
    )


def cluster_text(taint: Mapping[str, Any]) -> str:
    """Return a taint as the pillar has it."""
    value = f"={taint['value']}" if taint.get("value") else ""
    return f"{taint.get('key')}{value}:{taint.get('effect')}"


def _duration(value: Any, default: str) -> str:
    """Return a duration as the pillar has it: one number."""
    total = canonical.seconds(str(value or default))
    if not total or total % 60:
        return default
    return f"{total // 3600}h" if total % 3600 == 0 else f"{total // 60}m"


def _known(**given: Any) -> dict[str, Any]:
    return {key: value for key, value in given.items() if value is not None}


def _at(tree: Any, *path: str) -> Any:
    for part in path:
        tree = tree.get(part) if isinstance(tree, Mapping) else None
    return tree


def _fits(kind: Scalar, value: Any) -> bool:
    return kind.accept(value) is not None
