"""What of the network a tenant's openings let through: never the platform's own machines, nor other tenants' pods."""

from __future__ import annotations

import ipaddress

import pytest
from saltk8s.pillar import model
from saltk8s.services.tenants import openings
from tests.support import pillars

DEFAULTS = pillars.defaults()


def built(**patch) -> dict:
    return model.build(DEFAULTS, pillars.merge(pillars.full(), patch))


def excluded(found: dict, address: str) -> bool:
    networks = found["services"]["tenants"]["not_internet"]
    return any(ipaddress.IPv4Address(address) in ipaddress.IPv4Network(one) for one in networks)


@pytest.mark.parametrize(
    ("patch", "address"),
    [
        ({"nodes": {"k8s-gpu1": {"address": "198.51.100.31"}}}, "198.51.100.31"),
        ({"nodes": {"k8s-gpu1": {"address": "198.51.100.30/28"}}}, "198.51.100.17"),  # the gateway is in it, too
        ({"nodes": {"k8s-gpu1": {"internal_address": "198.51.100.32"}}}, "198.51.100.32"),
        ({"cloud": {"provider": {"url": "198.51.100.4"}}}, "198.51.100.4"),
        ({"cloud": {"master": "198.51.100.5"}}, "198.51.100.5"),
        ({"registry": {"url": "198.51.100.6:5000/k8s"}}, "198.51.100.6"),
        ({"locations": {"backup": {"s3": {"endpoint": "https://198.51.100.7:9000"}}}}, "198.51.100.7"),
        ({"locations": {"nas": {"nfs": {"server": "198.51.100.8", "path": "/backup"}}}}, "198.51.100.8"),
        ({"services": {"nfs": {"exports": {"projects": {"server": "198.51.100.9"}}}}}, "198.51.100.9"),
        ({"services": {"vsphere": {"server": "198.51.100.10"}}}, "198.51.100.10"),
        ({"cluster": {"api_names": ["198.51.100.11"]}}, "198.51.100.11"),
        (
            {"services": {"metallb": {"pools": {"more": {"addresses": ["198.51.100.64-198.51.100.80"]}}}}},
            "198.51.100.80",
        ),
        ({"services": {"tenants": {"closed_networks": ["198.51.100.128/25"]}}}, "198.51.100.200"),
        ({"cluster": {"network": {"pod_cidr": "198.18.0.0/16", "service_cidr": "198.19.0.0/16"}}}, "198.18.7.7"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_the_internet_is_none_of_the_platforms_machines(patch, address):
    found = built(**patch)
    assert excluded(found, address)
    assert not excluded(found, "192.0.33.8"), "the internet itself stays"


def test_excluded_networks_lie_in_their_network_and_do_not_overlap():
    networks = [ipaddress.IPv4Network(one) for one in built()["services"]["tenants"]["not_internet"]]
    assert all(one.prefixlen > 0 for one in networks)
    assert not any(a != b and a.overlaps(b) for a in networks for b in networks)


@pytest.mark.parametrize(
    ("network", "excepted"),
    [
        ("10.0.0.0/8", ["10.42.0.0/16", "10.43.0.0/16"]),
        ("10.42.0.0/15", ["10.42.0.0/16", "10.43.0.0/16"]),
        ("10.43.0.0/16", ["10.43.0.0/16"]),
        ("10.30.0.5/32", None),
    ],
)
def test_what_is_excepted_is_strictly_inside(network, excepted):
    found = openings.block(network, ["10.42.0.0/16", "10.43.0.0/16"])
    assert found["cidr"] == network
    assert found.get("except") == (None if excepted == [network] else excepted)


@pytest.mark.parametrize(
    ("networks", "open_", "closed"),
    [
        (["10.0.0.0/8"], ["10.99.0.1"], ["10.20.0.11", "10.42.0.1", "10.20.8.5"]),
        (["0.0.0.0/1", "128.0.0.0/1"], ["192.0.33.8"], ["10.20.0.11", "127.0.0.1", "169.254.169.254", "203.0.113.1"]),
        (["10.20.0.0/24"], ["10.20.0.11"], []),  # the nodes' own network is what is meant
        (["10.20.8.5/32", "10.0.0.0/8"], ["10.20.8.5"], ["10.20.0.11"]),
    ],
)
def test_a_wide_network_is_none_of_the_platforms_machines(networks, open_, closed):
    found = built(
        services={"nfs": {"exports": {"projects": {"server": "10.20.8.5"}}}},
        tenants={"gnss": {"opens": {"to": {"networks": networks}}}},
    )["tenants"]["gnss"]["outside"]["to"]

    def reached(address: str) -> bool:
        one = ipaddress.IPv4Address(address)
        return any(
            one in ipaddress.IPv4Network(block["cidr"])
            and not any(one in ipaddress.IPv4Network(network) for network in block.get("except", ()))
            for block in found
        )

    assert [one for one in open_ if not reached(one)] == []
    assert [one for one in closed if reached(one)] == []


def test_names_that_have_an_address_on_the_internet_are_told():
    addresses = {
        "vcenter.osug.example": {"198.51.100.4"},
        "nas1.osug.example": {"203.0.113.9"},  # of closed_networks
        "s3.osug.example": {"10.30.0.9", "198.51.100.7"},
    }
    found = openings.reached(built(), lambda name: addresses.get(name, set()))
    assert found == {"vcenter.osug.example": ["198.51.100.4"], "s3.osug.example": ["198.51.100.7"]}
