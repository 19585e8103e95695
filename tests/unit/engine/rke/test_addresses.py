"""Which nodes get an address of the pack, until the vSphere controller has one for them."""

from __future__ import annotations

from saltk8s.engine.rke.running import addresses


def node(name: str, **found: str) -> dict:
    given = [{"type": kind, "address": address} for kind, address in found.items()]
    return {"kind": "Node", "metadata": {"name": name}, "status": {"addresses": given} if given else {}}


def entry(name: str, address: str) -> dict:
    return {"hostname_override": name, "address": address}


def test_only_nodes_without_an_address_and_with_one_in_the_pillar():
    config = {"nodes": [entry("w1", "10.0.0.1"), entry("w2", "10.0.0.2"), entry("w3", "w3"), entry("w4", "10.0.0.4")]}
    nodes = [
        node("w1", Hostname="w1"),
        node("w2", InternalIP="10.9.9.9", Hostname="w2"),
        node("w3", Hostname="w3"),  # DHCP
        node("another", Hostname="another"),
    ]
    assert addresses.lacking(config, nodes) == {"w1": "10.0.0.1"}
    assert addresses.lacking(config, [node("w4")]) == {"w4": "10.0.0.4"}
