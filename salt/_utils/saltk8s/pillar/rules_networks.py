"""Which addresses and networks must not overlap: nodes, pods, Services, MetalLB's pools."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Any

from saltk8s.base import redact
from saltk8s.pillar.vocabulary.addresses import first_and_last
from saltk8s.pillar.vocabulary.types import Path, Report

VXLAN_MTUS = (1450, 8950)  # the MTU for VXLAN on nodes with the usual 1500 or 9000

Range = tuple[Path, str, int, int]  # pillar path, how it is called, first and last address


def addresses(model: dict[str, Any], report: Report) -> None:
    """Addresses are unique, and none is a network or broadcast address."""
    taken: dict[str, tuple[str, str]] = dict(_infrastructure(model))
    for name, node in (model["nodes"] or {}).items():
        for key in ("address", "internal_address"):
            text = node[key]
            if not text or text == "dhcp" or (key == "internal_address" and text == _bare(node["address"] or "")):
                continue
            path = ("k8s", "nodes", name, key)
            interface = ipaddress.IPv4Interface(text)
            address, network = str(interface.ip), interface.network
            if address in taken:
                kind, owner = taken[address]
                if kind == "node" or key == "internal_address":
                    report.add(path, f"a unique address: {owner} has it already", redact.show(text))
            else:
                taken[address] = ("node", f"k8s:nodes:{redact.name(name)}")
            if network.prefixlen < 31 and interface.ip in (network.network_address, network.broadcast_address):
                report.add(path, "a host address, not the network or broadcast address", redact.show(text))


def overlaps(model: dict[str, Any], report: Report) -> None:
    """The networks of pods, Services, nodes and pools do not overlap; pools contain no machine's address."""
    networks = _cluster_networks(model)
    for index, (path, _, first, last) in enumerate(networks):
        for _, other, start, end in networks[:index]:
            if first <= end and start <= last:
                _add_overlap(report, path, other, _text(model, path))
    for first, last, text in _node_networks(model):
        for path, _, start, end in networks:
            if first <= end and start <= last:
                _add_overlap(report, path, f"the nodes' network {text}", _text(model, path))
    singles = _machines(model)
    pools = _pools(model)
    for index, (path, text, first, last) in enumerate(pools):
        for _, other, start, end in networks:
            if first <= end and start <= last:
                _add_overlap(report, path, other, redact.show(text))
        for other_path, _, start, end in pools[:index]:
            if first <= end and start <= last:
                _add_overlap(report, path, ":".join(map(str, other_path)), redact.show(text))
        for number, owner in singles:
            if first <= number <= last:
                report.add(
                    path, f"unused addresses: {ipaddress.IPv4Address(number)} belongs to {owner}", redact.show(text)
                )


def room(model: dict[str, Any], report: Report) -> None:
    """Each node gets a /24 of the pod network."""
    text = _get(model, "cluster", "network", "pod_cidr")
    count = len(model["nodes"] or {})
    if text and 2 ** (24 - ipaddress.IPv4Network(text).prefixlen) < count:
        path = ("k8s", "cluster", "network", "pod_cidr")
        report.add(path, f"a network with a /24 for each of {count} nodes", redact.show(text))


def encryption(model: dict[str, Any], report: Report) -> None:
    """WireGuard replaces the backend, and its overhead is larger than VXLAN's."""
    network = model["cluster"]["network"] or {}
    if network.get("encryption") != "wireguard":
        return
    path = ("k8s", "cluster", "network")
    if network["backend"] == "host-gw":
        report.add((*path, "backend"), "vxlan: host-gw cannot be combined with encryption", "'host-gw'")
    mtu = network["mtu"]
    if mtu in VXLAN_MTUS:
        expected = f"{mtu - 30} or less: the nodes' own less 80, because of encryption: wireguard"
        report.add((*path, "mtu"), expected, redact.show(mtu))


def _add_overlap(report: Report, path: Path, other: str, value: str) -> None:
    report.add(path, f"addresses that do not overlap {other}", value)


def _cluster_networks(model: dict[str, Any]) -> list[Range]:
    path = ("k8s", "cluster", "network")
    given = {key: _get(model, *path[1:], key) for key in ("pod_cidr", "service_cidr")}
    return _ranges(((*path, key), f"{key} {text}", text) for key, text in given.items() if text)


def _node_networks(model: dict[str, Any]) -> list[tuple[int, int, str]]:
    """Return the networks that nodes are in (a node without prefix: its address alone), each once."""
    found = {}
    for node in (model["nodes"] or {}).values():
        for text in (node["address"], node["internal_address"]):
            if text and text != "dhcp":
                network = ipaddress.IPv4Interface(text).network
                found[network] = (int(network.network_address), int(network.broadcast_address), str(network))
    return list(found.values())


def _pools(model: dict[str, Any]) -> list[Range]:
    metallb = _get(model, "services", "metallb") or {}
    if not metallb.get("enabled"):
        return []
    return _ranges(
        (("k8s", "services", "metallb", "pools", name, "addresses", index), text, text)
        for name, pool in (metallb["pools"] or {}).items()
        for index, text in enumerate(pool["addresses"] or ())
    )


def _ranges(found: Iterable[tuple[Path, str, str]]) -> list[Range]:
    """Return ranges with their first and last address. found: (pillar path, how it is called, the range)."""
    return [(path, called, *ends) for path, called, text in found if (ends := first_and_last(text))]


def _machines(model: dict[str, Any]) -> list[tuple[int, str]]:
    """Return the single addresses in use, and what uses them."""
    found = {address: owner for address, (_, owner) in _infrastructure(model)}
    for name, node in (model["nodes"] or {}).items():
        for text in (node["address"], node["internal_address"]):
            if text and text != "dhcp":
                found[_bare(text)] = f"k8s:nodes:{redact.name(name)}"
    return [(int(ipaddress.IPv4Address(address)), owner) for address, owner in found.items()]


def _infrastructure(model: dict[str, Any]) -> list[tuple[str, tuple[str, str]]]:
    """Return gateways and name servers: (address, (kind, where it is declared))."""
    cloud = model["cloud"] or {}
    sections = [("k8s:cloud:defaults", cloud.get("defaults") or {})]
    sections += [(f"k8s:cloud:shapes:{redact.name(n)}", shape) for n, shape in (cloud.get("shapes") or {}).items()]
    found = []
    for where, section in sections:
        if section.get("gateway"):
            found.append((section["gateway"], ("gateway", f"{where}:gateway")))
        found += [(address, ("dns", f"{where}:dns")) for address in section.get("dns") or ()]
    return found


def _text(model: dict[str, Any], path: Path) -> str:
    return redact.show(_get(model, *path[1:]))


def _get(tree: Any, *path: Any) -> Any:
    for key in path:
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree


def _bare(text: str) -> str:
    """Return an address without its prefix."""
    return text.partition("/")[0]
