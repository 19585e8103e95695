"""The checks that involve more than one key of the pillar.

They run even when single values are invalid, so that everything is listed at once: an invalid value is None here, and a
rule that needs it reports nothing.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from typing import Any

from saltk8s.base import redact
from saltk8s.pillar import rules_networks, rules_storage, schema_engines, schema_services
from saltk8s.pillar.vocabulary import locations, roles, values
from saltk8s.pillar.vocabulary.types import Report, suggestion

Model = dict[str, Any]
# what a kubelet with protect-kernel-defaults insists on; the formula k8s.os sets the same
KERNEL_DEFAULTS = {
    "vm.overcommit_memory": "1",
    "vm.panic_on_oom": "0",
    "kernel.panic": "10",
    "kernel.panic_on_oops": "1",
    "kernel.keys.root_maxkeys": "1000000",
    "kernel.keys.root_maxbytes": "25000000",
}
PROXIES_SINCE = 23  # of Docker
PLACEMENT_NEEDED = ("datacenter", "template", "network")


def check(model: Model, report: Report) -> None:
    """Add the problems between the keys of a model to the report; its single values were checked already."""
    for rule in RULES:
        rule(model, report)


def _nodes(model: Model) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return the nodes, by name."""
    yield from (model.get("nodes") or {}).items()


def _members(model: Model, report: Report) -> None:
    """Every role needs a node, and etcd an odd number of members, except while one leaves."""
    nodes = model["nodes"] or {}
    if any(_hides_roles(problem.path) for problem in report.problems):
        return
    if not nodes:
        report.add(("k8s", "nodes"), "at least one node", "no node")
        return
    for role in (roles.CONTROL_PLANE, roles.WORKER):
        if not any(role in (node["roles"] or ()) for node in nodes.values()):
            report.add(("k8s", "nodes"), f"a node with the role {role}", "none")
    members = sum(roles.ETCD in (node["roles"] or ()) for node in nodes.values())
    if not members:
        report.add(("k8s", "nodes"), "a node with the role etcd", "none")
    elif roles.tolerated(members) == roles.tolerated(members - 1) and not model["cluster"]["allow_removal"]:
        # members leave one by one, so an even number may lie on the way
        expected = "an odd number of nodes with the role etcd, or the one that leaves in k8s:cluster:allow_removal"
        report.add(("k8s", "nodes"), expected, f"{members} nodes with the role etcd")


def _hides_roles(path: str) -> bool:
    """Return whether a problem at this path leaves nodes or their roles unknown."""
    parts = path.split(":")
    return parts[:2] == ["k8s", "nodes"] and (len(parts) <= 3 or parts[3] == "roles")


def _removal(model: Model, report: Report) -> None:
    """A node that is declared again must not stay on the list of those that may be removed."""
    names = dict(_nodes(model))
    for index, name in enumerate(model["cluster"]["allow_removal"] or ()):
        if name in names:
            report.add(
                ("k8s", "cluster", "allow_removal", index), "a node that is no longer in k8s:nodes", redact.show(name)
            )


def _machines(model: Model, report: Report) -> None:
    """A node's shape has to exist, and its address has to match it."""
    cloud = model["cloud"]
    shapes = (cloud or {}).get("shapes") or {}
    for name, node in _nodes(model):
        path = ("k8s", "nodes", name)
        if node["shape"] is None:
            if node["address"] == "dhcp" and not report.has_problem_at(*path, "shape"):
                report.add((*path, "address"), "an IPv4 address, because the node has no shape", "'dhcp'")
            continue
        if cloud is None:
            if not report.has_problem_at("k8s", "cloud"):
                report.add((*path, "shape"), "k8s:cloud, where VMs are created", redact.show(node["shape"]))
            continue
        if node["shape"] not in shapes and not report.has_problem_at("k8s", "cloud", "shapes"):
            expected = f"a shape of k8s:cloud:shapes{suggestion(node['shape'], shapes)}"
            report.add((*path, "shape"), expected, redact.show(node["shape"]))
        if node["address"] and node["address"] != "dhcp" and "/" not in node["address"]:
            expected = "an address with prefix such as 10.20.0.11/24, because the node has a shape"
            report.add((*path, "address"), expected, redact.show(node["address"]))


def _placement(model: Model, report: Report) -> None:
    """A VM needs its placement; reported once for each shape that a node uses."""
    cloud = model["cloud"]
    if not cloud:
        return
    common = cloud["defaults"] or {}
    used = {node["shape"] for _, node in _nodes(model)}
    for name, shape in (cloud["shapes"] or {}).items():
        if name not in used:
            continue
        path = ("k8s", "cloud", "shapes", name)

        def lacks(key: str, shape: dict = shape, path: tuple = path) -> bool:
            wrong = report.has_problem_at(*path, key) or report.has_problem_at("k8s", "cloud", "defaults", key)
            return not (shape.get(key) or common.get(key) or wrong)

        for key in PLACEMENT_NEEDED:
            if lacks(key):
                report.add((*path, key), f"a {key}, here or in k8s:cloud:defaults", "nothing")
        if lacks("cluster") and lacks("resourcepool"):
            report.add((*path, "cluster"), "a cluster or a resourcepool, here or in k8s:cloud:defaults", "nothing")


def _gateways(model: Model, report: Report) -> None:
    """A VM with a static address can reach its gateway, and does not have the gateway's address."""
    cloud = model["cloud"]
    if not cloud:
        return
    common, shapes = cloud["defaults"] or {}, cloud["shapes"] or {}
    for name, node in _nodes(model):
        shape = shapes.get(node["shape"])
        if shape is None or not node["address"] or "/" not in node["address"]:
            continue
        path = ("k8s", "nodes", name, "address")
        interface = ipaddress.IPv4Interface(node["address"])
        gateway = shape["gateway"] or common.get("gateway")
        if gateway is None:
            where = ("k8s", "cloud", "shapes", node["shape"], "gateway")
            if not report.has_problem_at(*where) and not report.has_problem_at("k8s", "cloud", "defaults", "gateway"):
                report.add(
                    where,
                    "a gateway, here or in k8s:cloud:defaults, because nodes of it have a static address",
                    "nothing",
                )
        elif gateway == str(interface.ip):
            report.add(path, "an address other than the gateway's", redact.show(node["address"]))
        elif ipaddress.IPv4Address(gateway) not in interface.network:
            report.add(path, f"an address in the network of the gateway {gateway}", redact.show(node["address"]))


def _registry(model: Model, report: Report) -> None:
    """A user name and a password go together, on the minion that holds secrets."""
    registry = model["registry"]
    if not registry:
        return
    path = ("k8s", "registry")
    if registry["password"] and not registry["username"] and not report.has_problem_at(*path, "username"):
        report.add((*path, "username"), "the user name of k8s:registry:password", "nothing")
    wanted = registry["username"] and "admin" in report.secrets_of
    if wanted and not registry["password"] and not report.has_problem_at(*path, "password"):
        report.add((*path, "password"), "the password of k8s:registry:username", "nothing")


def _versions(model: Model, report: Report) -> None:
    """kubectl supports servers within one minor version."""
    cluster, kubectl = model["cluster"]["version"] or "", model["binaries"]["kubectl"]["version"] or ""
    number = values.version(cluster)
    if not number or not values.version(kubectl):
        return
    steps = values.minor_steps(cluster, kubectl)
    if steps is None or abs(steps) > 1:
        expected = f"a version at most one minor away from the cluster's, v{number[0]}.{number[1]}"
        report.add(("k8s", "binaries", "kubectl", "version"), expected, redact.show(kubectl))


def _ssh_key(model: Model, report: Report) -> None:
    """The deploy user's public and private key match; compared where the format allows it."""
    ssh = model["cluster"]["ssh"]
    if not ssh or not ssh["public_key"] or not ssh["private_key"]:
        return
    inside = values.private_blob(ssh["private_key"])
    if inside and inside != values.public_blob(ssh["public_key"]):
        report.add(
            ("k8s", "cluster", "ssh", "public_key"),
            "the public half of k8s:cluster:ssh:private_key",
            "another key",
        )


def _snapshots(model: Model, report: Report) -> None:
    """A snapshot is kept at least until the next one."""
    times = ((model["cluster"]["etcd"] or {}).get("snapshots")) or {}
    every, keep = times.get("every"), times.get("keep")
    if every and keep and values.seconds(keep) < values.seconds(every):
        report.add(
            ("k8s", "cluster", "etcd", "snapshots", "keep"), f"at least as long as every, {every}", redact.show(keep)
        )


def _kernel(model: Model, report: Report) -> None:
    """A kubelet that protects the kernel's settings does not start with others."""
    if not (model["cluster"]["kubelet"] or {}).get("protect_kernel_defaults"):
        return
    for name, value in ((model["os"] or {}).get("sysctls") or {}).items():
        expected = KERNEL_DEFAULTS.get(name)
        if expected and str(value) != expected:
            text = f"{expected}, or k8s:cluster:kubelet:protect_kernel_defaults: false: no kubelet would start"
            report.add(("k8s", "os", "sysctls", name), text, redact.show(value))


def _firewall(model: Model, report: Report) -> None:
    """The packet filter knows the cluster's machines by their addresses."""
    if (model["os"] or {}).get("firewall") != "managed":
        return
    for name, node in _nodes(model):
        if node["address"] == "dhcp":
            expected = "a static address, because of k8s:os:firewall: managed"
            report.add(("k8s", "nodes", name, "address"), expected, "'dhcp'")


def _proxy(model: Model, report: Report) -> None:
    """One of the two, and a Docker that reads it in its daemon.json."""
    proxy = model["proxy"]
    if proxy is None:
        return
    if not proxy["http"] and not proxy["https"] and not report.has_problem_at("k8s", "proxy"):
        report.add(("k8s", "proxy"), "http or https, a proxy", "neither")
    version = (model["docker"]["version"] or "").rpartition(":")[2].partition(".")[0]
    if version.isdigit() and int(version) < PROXIES_SINCE:
        expected = f"{PROXIES_SINCE}.0 or newer, because of k8s:proxy: older ones have no proxies in daemon.json"
        report.add(("k8s", "docker", "version"), expected, redact.show(model["docker"]["version"]))


RULES: tuple[Callable[[Model, Report], None], ...] = (
    _members,
    _removal,
    _machines,
    _placement,
    _gateways,
    _registry,
    _versions,
    _ssh_key,
    _snapshots,
    _kernel,
    _firewall,
    _proxy,
    *locations.RULES,
    schema_engines.of_the_engine,
    *schema_services.RULES,
    rules_networks.addresses,
    rules_networks.overlaps,
    rules_networks.room,
    rules_networks.encryption,
    rules_storage.one_default,
    rules_storage.one_class_a_name,
)
