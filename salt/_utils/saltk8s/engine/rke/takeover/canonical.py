"""What two ``cluster.yml`` have to have in common to be the same for rke: pure.

rke fills in what is missing (``cluster/defaults.go`` of 1.8.5); where a value is the one that it would fill in, it is
taken out here, in both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from saltk8s.engine.rke.takeover import extra

Path = tuple[str, ...]

PORT = "22"
POD_CIDR, SERVICE_CIDR, DNS_DOMAIN = "10.42.0.0/16", "10.43.0.0/16", "cluster.local"
EVERY, KEEP = "12h", "72h"
NAME = "local"
# what rke fills in; false where it does not tell false from nothing
DEFAULTS: dict[str, Any] = {
    "cluster_name": NAME,
    "prefix_path": "/",
    "enable_cri_dockerd": True,
    "ignore_docker_version": False,
    "rotate_encryption_key": False,
    "authentication.strategy": "x509",
    "authorization.mode": "rbac",
    "dns.provider": "coredns",
    "bastion_host.ignore_proxy_env_vars": False,
    "ingress.provider": "nginx",
    "ingress.http_port": 0,
    "ingress.https_port": 0,
    "monitoring.provider": "metrics-server",
    "restore.restore": False,
    "network.plugin": "canal",
    "network.enable_br_netfilter": True,
    "network.options.canal_flannel_backend_type": "vxlan",
    "network.options.canal_flannel_backend_port": "8472",
    "network.options.canal_flannel_backend_vni": "1",
    "network.mtu": 0,
    "services.etcd.snapshot": True,
    "services.etcd.creation": EVERY,
    "services.etcd.retention": KEEP,
    "services.etcd.uid": 0,
    "services.etcd.gid": 0,
    "services.etcd.extra_args.election-timeout": "5000",
    "services.etcd.extra_args.heartbeat-interval": "500",
    "services.kube-api.service_cluster_ip_range": SERVICE_CIDR,
    "services.kube-api.service_node_port_range": "30000-32767",
    "services.kube-api.pod_security_configuration": "privileged",
    "services.kube-api.always_pull_images": False,
    "services.kube-api.audit_log": {"enabled": True},
    "services.kube-api.secrets_encryption_config.enabled": False,
    "services.kube-api.event_rate_limit.enabled": False,
    "services.kube-controller.cluster_cidr": POD_CIDR,
    "services.kube-controller.service_cluster_ip_range": SERVICE_CIDR,
    "services.kubelet.cluster_domain": DNS_DOMAIN,
    "services.kubelet.cluster_dns_server": "10.43.0.10",
    "services.kubelet.fail_swap_on": False,
    "services.kubelet.generate_serving_certificate": False,
}
# how rke works, and how it reaches the nodes; what it deploys does not follow from it, and the pack has its own way
CONDUCT = ("addon_job_timeout", "upgrade_strategy", "rotate_certificates", "restore")
ACCESS = ("ssh_key_path", "ssh_cert_path", "ssh_agent_auth")
NODE_ACCESS = ("ssh_key", "ssh_key_path", "ssh_cert", "ssh_cert_path", "ssh_agent_auth")
_DURATIONS = ("services.etcd.creation", "services.etcd.retention")
_UNITS = {"h": 3600, "m": 60, "s": 1}
# maps of texts to texts: whatever stands there is a text
TEXTS = ("labels", "extra_args", "options", "node_selector", "annotations", "matchLabels")
# values that rke ignores
_IGNORED = re.compile(r"services\.[a-z-]+\.(image|win_.*)")


def canonical(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return it without what makes no difference; nodes by name, every value that is no list or map a text."""
    rest = {key: value for key, value in config.items() if key not in ("nodes", *CONDUCT, *ACCESS)}
    found = _reduced(_interface(rest), ())
    return {**found, "nodes": {name: _node(node) for name, node in nodes(config).items()}}


def nodes(config: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the nodes by the name that they have in Kubernetes."""
    return {str(node.get("hostname_override") or node["address"]).lower(): node for node in config["nodes"]}


def seconds(text: str) -> int | None:
    """Return a duration of Go, such as ``6h0m0s``, in seconds; None when it is none, or has fractions."""
    if not re.fullmatch(r"(\d+[hms])+", text):
        return None
    return sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)([hms])", text))


def differences(left: Any, right: Any, path: Path = ()) -> Iterable[Path]:
    """Yield the paths at which two canonical configurations differ."""
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        for key in [*left, *(key for key in right if key not in left)]:
            yield from differences(left.get(key), right.get(key), (*path, key))
    elif left != right:
        yield path


def more(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the least that makes ours, with it laid over (see the module extra), the same as theirs for rke."""
    left, right = canonical(ours), canonical(theirs)
    given = nodes(theirs)
    found = _more({**left, "nodes": {}}, {**right, "nodes": {}}, _interface(theirs), ())
    named = {
        name: _more(left["nodes"].get(name, {}), node, _whole(name, given[name]), ("nodes", name))
        for name, node in right["nodes"].items()
    }
    named = {name: node for name, node in named.items() if node}
    return {**found, **({"nodes": named} if named else {})}


def _more(left: Mapping[str, Any], right: Mapping[str, Any], theirs: Mapping[str, Any], path: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key in [*left, *(key for key in right if key not in left)]:
        old, new = left.get(key), right.get(key)
        if old == new:
            continue
        given, here = theirs.get(key), (*path, key)
        sections = (
            isinstance(new or {}, Mapping) and isinstance(old or {}, Mapping) and isinstance(given or {}, Mapping)
        )
        if sections and (new is not None or _is_open(here)):
            found[key] = _more(old or {}, new or {}, given or {}, here)
        elif new is None:
            filled_in = DEFAULTS.get(".".join(here))
            found[key] = None if isinstance(filled_in, Mapping) else filled_in
        else:
            found[key] = new if given is None else given
    return found


def _is_open(path: Path) -> bool:
    """Return whether a section that is not there means the same as an empty one, so that each key can be named."""
    return len(path) == 1 or (path[0] == "services" and (len(path) == 2 or path[-1] in TEXTS))


def settled(ours: dict[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    """Return our ``cluster.yml`` as it would be for what runs: theirs where it makes a difference, ours elsewhere.

    For the record of what was reached: the next plan is the difference to it.
    """
    given = nodes(theirs)
    known = {node["hostname_override"] for node in ours["nodes"]}
    own = [node for node in ours["nodes"] if node["hostname_override"] in given]
    others = [_whole(name, node) for name, node in given.items() if name not in known]
    return extra.laid_over({**ours, "nodes": [*own, *others]}, more({**ours, "nodes": [*own, *others]}, theirs))


def _whole(name: str, node: Mapping[str, Any]) -> dict[str, Any]:
    return {**node, "hostname_override": name, "port": str(node.get("port") or PORT)}


def _interface(config: Mapping[str, Any]) -> dict[str, Any]:
    """rke takes Canal's interface from either of two places."""
    network = dict(config.get("network") or {})
    iface = (network.pop("canal_network_provider", None) or {}).get("iface")
    if iface:
        network["options"] = {"canal_iface": iface} | dict(network.get("options") or {})
    return {**config, "network": network}


def _node(node: Mapping[str, Any]) -> dict[str, Any]:
    address = str(node["address"])
    found = {key: value for key, value in node.items() if key not in NODE_ACCESS}
    found["hostname_override"] = str(node.get("hostname_override") or address).lower()
    found["port"] = str(node.get("port") or PORT)
    found["role"] = sorted({str(role) for role in node.get("role") or ()})
    if str(node.get("internal_address") or address) == address:
        found.pop("internal_address", None)
    if node.get("docker_socket") == "/var/run/docker.sock":
        found.pop("docker_socket")
    if node.get("taints"):
        found["taints"] = [
            {key: str(taint.get(key) or "") for key in ("key", "value", "effect")} for taint in node["taints"]
        ]
    return _reduced(found, ("nodes",))


def _reduced(value: Any, path: Path) -> Any:
    if isinstance(value, Mapping):
        texts = bool(path) and path[-1] in TEXTS  # "" is a value there, of a flag or a label
        found = {
            str(key): _reduced("" if texts and item is None else item, (*path, str(key))) for key, item in value.items()
        }
        return {key: item for key, item in found.items() if not _is_nothing(item, (*path, key))}
    if isinstance(value, (list, tuple)):
        return [_reduced(item, path) for item in value]
    return scalar(value, path)


def scalar(value: Any, path: Path) -> str | None:
    """Return a value that is no list or map as a text, the same for what means the same."""
    if ".".join(path) in _DURATIONS and isinstance(value, str) and (number := seconds(value)) is not None:
        return f"{number}s"
    return str(value).lower() if isinstance(value, bool) else None if value is None else str(value)


def _is_nothing(value: Any, path: Path) -> bool:
    if value in (None, {}, []) or (value == "" and path[-2:-1] not in [(one,) for one in TEXTS]):
        return True
    where = ".".join(path)
    return bool(_IGNORED.fullmatch(where)) or where in DEFAULTS and value == _DEFAULTS[where]


_DEFAULTS = {where: _reduced(value, tuple(where.split("."))) for where, value in DEFAULTS.items()}
