"""What ``rke`` deploys for a ``cluster.yml``, and what goes into each container, certificate and add-on: pure.

What goes in is compared, before and after: where it is equal, rke leaves the thing alone. rke has no dry run; a test
holds this against rke's own code (``tests/functional/engine/rke/test_planned.py``).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any, NamedTuple

from saltk8s.pillar.vocabulary.roles import CONTROL_PLANE, ETCD, WORKER

# of `rke config --system-images`, without registry, folder and tag
_KUBERNETES, _TOOLS, _ETCD, _PAUSE = "hyperkube", "rke-tools", "mirrored-coreos-etcd", "mirrored-pause"
_DNS = ("mirrored-coredns-coredns", "mirrored-cluster-proportional-autoscaler")
_METRICS = ("mirrored-metrics-server",)
_NETWORK = ("mirrored-flannel-flannel", "mirrored-calico-node", "calico-cni", "mirrored-calico-kube-controllers")
_OF_SNAPSHOTS = ("snapshot", "creation", "retention", "backup_config")
SCHEDULE = tuple(f"services.etcd.{key}" for key in _OF_SNAPSHOTS)  # changes nothing but the periodic snapshots
# of services.etcd: of another container; the owner of the data, which rke does not compare
_NOT_ETCDS = (*_OF_SNAPSHOTS, "uid", "gid")
# containers of each role that rke deletes when a node loses it, before it makes those of the roles that are left
_ON_EVERY_NODE = ("kubelet", "kube-proxy", "service-sidekick")
_OF_CONTROL_PLANE = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")


class Certificate(NamedTuple):
    """The names and addresses in a certificate; rke keeps their order, and compares it for the API server's only."""

    names: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()


class Deployed:
    """What rke deploys for one configuration.

    config: ``cluster.yml`` as data; images: ``{name: tag}`` of its Kubernetes version, empty when they are not known:
    then each image is another one with each version; state: ``existing`` when members were added to etcd in the run
    that deployed it, else ``new``.
    """

    def __init__(self, config: Mapping[str, Any], images: Mapping[str, str], state: str = "new"):
        self._config, self._images, self._state = config, images, state
        self._services = config.get("services") or {}
        self._cloud = (config.get("cloud_provider") or {}).get("name")
        self._pods = (self._services.get("kube-controller") or {}).get("cluster_cidr")
        self.nodes = {node["hostname_override"]: node for node in config["nodes"]}

    def containers(self, name: str) -> dict[str, Any]:
        """Return what goes into each container of a node, ``{container: data}``."""
        node = self.nodes[name]
        kubernetes, tools = self._image(_KUBERNETES), self._image(_TOOLS)
        found = {
            "service-sidekick": tools,
            "kubelet": [kubernetes, self._image(_PAUSE), self._kubelet(node)],
            "kube-proxy": [kubernetes, self._service("kubeproxy"), self._pods, name, self._cloud and _internal(node)],
        }
        if ETCD in node["role"]:
            found["etcd"] = [self._image(_ETCD), self._etcd(node)]
        if CONTROL_PLANE not in node["role"]:
            return found | {"nginx-proxy": [tools, self._addresses(CONTROL_PLANE)]}
        cloud = self._cloud
        return found | {
            "kube-apiserver": [kubernetes, self._api_server(node), cloud],
            "kube-controller-manager": [kubernetes, self._service("kube-controller"), cloud],
            "kube-scheduler": [kubernetes, self._service("scheduler")],
        }

    def certificates(self) -> dict[str, Certificate]:
        """Return what goes into each certificate that depends on the configuration, ``{name: data}``."""
        sans = (self._config.get("authentication") or {}).get("sans") or []
        members = self._certificate(ETCD, [])
        sets = Certificate(tuple(sorted(members.names)), tuple(sorted(members.addresses)))
        found = {"kube-apiserver": self._certificate(CONTROL_PLANE, sans)}
        found |= {f"kube-etcd-{_dashed(node)}": sets for node in self._with_role(ETCD)}
        if self._service("kubelet").get("generate_serving_certificate"):
            found |= {f"kube-kubelet-{_dashed(node)}": Certificate() for node in self.nodes.values()}
        return found

    def addons(self) -> dict[str, list[Any]]:
        """Return what goes into each add-on: ``{add-on: [images of its pods, its configuration]}``."""
        network, kubelet = self._config.get("network") or {}, self._service("kubelet")
        found = {
            "network": [[self._image(name) for name in _NETWORK], [network, self._pods]],
            "DNS": [
                [self._image(name) for name in _DNS],
                [kubelet.get("cluster_domain"), kubelet.get("cluster_dns_server")],
            ],
        }
        if (self._config.get("monitoring") or {}).get("provider") != "none":
            found["metrics-server"] = [[self._image(name) for name in _METRICS], []]
        return found

    def _service(self, name: str) -> dict[str, Any]:
        return self._services.get(name) or {}

    def _image(self, name: str) -> list[Any]:
        registries = self._config.get("private_registries") or []
        tag = self._images.get(name, self._config["kubernetes_version"])
        return [[one["url"] for one in registries if one.get("is_default")], tag]

    def _with_role(self, role: str) -> list[Mapping[str, Any]]:
        return [node for node in self.nodes.values() if role in node["role"]]

    def _addresses(self, role: str) -> list[str]:
        return [_internal(node) for node in self._with_role(role)]

    def _kubelet(self, node: Mapping[str, Any]) -> list[Any]:
        """Its flags; one to register a node on which no workloads run; the registries' logins."""
        options = self._service("kubelet")
        tainted = CONTROL_PLANE in node["role"] and WORKER not in node["role"]
        address = _internal(node) if _internal(node) != node["address"] else None
        registries = self._config.get("private_registries") or []
        certificate = options.get("generate_serving_certificate") and _dashed(node)
        return [options, node["hostname_override"], tainted, address, registries, certificate, self._cloud]

    def _api_server(self, node: Mapping[str, Any]) -> list[Any]:
        members, own = self._addresses(ETCD), _internal(node)
        if own in members:  # rke puts its own member first
            members = [own, *(one for one in members if one != own)]
        verifies = self._service("kubelet").get("generate_serving_certificate")
        return [self._service("kube-api"), own, members, verifies]

    def _etcd(self, node: Mapping[str, Any]) -> list[Any]:
        options = {key: value for key, value in self._service("etcd").items() if key not in _NOT_ETCDS}
        members = [[one["hostname_override"], _internal(one)] for one in self._with_role(ETCD)]
        return [options, _internal(node), _internal(node) == node["address"], members, self._state]

    def _certificate(self, role: str, more: list[str]) -> Certificate:
        hosts = []
        for node in self._with_role(role):
            internal = [_internal(node)] if _internal(node) != node["address"] else []
            named = [node["hostname_override"]] if node["hostname_override"] != node["address"] else []
            hosts += [node["address"], *internal, *named]
        names = [host for host in [*hosts, *more] if not _is_address(host)]
        addresses = [host for host in [*hosts, *more] if _is_address(host)]
        kubernetes = self._service("kube-api").get("service_cluster_ip_range")
        domain = self._service("kubelet").get("cluster_domain")
        return Certificate((*names, str(domain)), (*addresses, str(kubernetes)))


def kept(old: Mapping[str, Any], before: list[str], after: list[str]) -> dict[str, Any]:
    """Return the containers that are left of a node's when it has lost roles, as rke deletes them.

    old: its containers; before, after: its roles.
    """
    gone: set[str] = set()
    lost, left = set(before) - set(after), set(after)
    if ETCD in lost:
        gone |= {"etcd", *(() if {WORKER, CONTROL_PLANE} <= left else (*_ON_EVERY_NODE, "nginx-proxy"))}
    if WORKER in lost and CONTROL_PLANE not in left:
        gone |= {*_ON_EVERY_NODE, "nginx-proxy"}
    if CONTROL_PLANE in lost:
        gone |= {*_OF_CONTROL_PLANE, *(() if {WORKER, ETCD} <= left else _ON_EVERY_NODE)}
    return {container: data for container, data in old.items() if container not in gone}


def _internal(node: Mapping[str, Any]) -> str:
    return str(node.get("internal_address") or node["address"])


def _dashed(node: Mapping[str, Any]) -> str:
    return _internal(node).replace(".", "-").lower()


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
