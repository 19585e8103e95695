"""MetalLB: address pools, and how they are announced (ARP or BGP)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any

from saltk8s.base import redact
from saltk8s.pillar.vocabulary import values
from saltk8s.pillar.vocabulary.addresses import Address, AddressRange, first_and_last, is_buggy
from saltk8s.pillar.vocabulary.types import Bool, Enum, Int, Key, List, Map, Report, Section, Text, suggestion
from saltk8s.services import common

MEANING = "Addresses for services of type LoadBalancer."
NAMESPACES = ("metallb-system",)
_HERE = ("k8s", "services", "metallb")

_AS_NUMBER = Int(1, 4294967295)
_SIXTEEN = r"(6553[0-5]|655[0-2]\d|65[0-4]\d\d|6[0-4]\d{3}|[1-5]\d{4}|\d{1,4})"
_COMMUNITY = rf"{_SIXTEEN}:{_SIXTEEN}|large(:\d{{1,10}}){{3}}"


def _in_bounds(text: str) -> bool:
    return not text.startswith("large:") or all(int(part) < 2**32 for part in text.split(":")[1:])


Community = Text(
    "a BGP community, 65000:100 or large:65000:1:2, in quotes", _COMMUNITY, test=_in_bounds, doc="BGP community"
)
CommunityOrName = Text(
    "a BGP community in quotes, or a name of k8s:services:metallb:bgp:communities",
    rf"{_COMMUNITY}|[a-z0-9]([-a-z0-9]{{0,61}}[a-z0-9])?",
    test=_in_bounds,
    doc="BGP community or its name",
)

_POOL = Section(
    {
        "addresses": Key(
            List(AddressRange(), least=1),
            "Ranges or networks; nothing else may use these addresses.",
            True,
            ["10.20.0.200-10.20.0.220"],
        ),
        "auto_assign": Key(Bool(), "Whether a service that does not name a pool may get an address of this one."),
        "avoid_buggy_ips": Key(
            Bool(), "Whether addresses that end in .0 or .255 are left out, which some old routers drop."
        ),
        "namespaces": Key(List(values.DnsLabel), "Namespaces that may use it; all when empty.", example=["web"]),
        "announce": Key(Enum("l2", "bgp"), "How the addresses are announced: `l2` (ARP), or `bgp`."),
        "node_selector": Key(
            values.Labels,
            "Labels of the nodes that announce this pool; `metallb:node_selector` when empty.",
            example={"edge": "true"},
        ),
        "bgp": Key(
            Section(
                {
                    "communities": Key(List(CommunityOrName), "Communities of the routes.", example=["65000:100"]),
                    "local_pref": Key(Int(0, 4294967295), "LOCAL_PREF of the routes, for peers in the same AS."),
                    "aggregation_length": Key(
                        Int(1, 32), "Prefix length of the routes; 32, one for each address, when absent.", example=24
                    ),
                    "peers": Key(List(values.DnsLabel), "Peers that the routes are announced to; all when empty."),
                },
                optional=True,
            ),
            "Routes of a pool with `announce: bgp`.",
        ),
    }
)

_PEER = Section(
    {
        "address": Key(Address(), "The router's address.", True, "10.20.0.1"),
        "my_asn": Key(_AS_NUMBER, "The AS number of the nodes.", True, 64512),
        "peer_asn": Key(_AS_NUMBER, "The router's AS number.", True, 64513),
        "port": Key(Int(1, 16384), "The router's port."),
        "source_address": Key(Address(), "Source address of the session; with a `node_selector` of one node."),
        "router_id": Key(Address(), "Router id of the nodes; each node's own address when absent."),
        "hold_time_s": Key(Int(3, 65535, "seconds"), "Hold time of the session; 90 when absent.", example=30),
        "keepalive_time_s": Key(Int(1, 21845, "seconds"), "Keepalive interval; `bgp:mode: frr-k8s` only."),
        "password": Key(
            values.Secret("", "a password of at most 80 characters on one line", pattern=r"[\x21-\x7e]+", longest=80),
            "Password of the session (TCP MD5); the admin only.",
        ),
        "node_selector": Key(
            values.Labels, "Labels of the nodes that peer with this router; all when empty.", example={"rack": "a"}
        ),
        "bfd": Key(values.DnsLabel, "A profile of `bgp:bfd_profiles`; `bgp:mode: frr-k8s` only."),
        "ebgp_multihop": Key(Bool(), "Whether the peer is more than one hop away."),
    }
)

_BFD = Section(
    {
        "receive_interval_ms": Key(Int(10, 60000, "milliseconds"), "Minimum interval between packets received."),
        "transmit_interval_ms": Key(Int(10, 60000, "milliseconds"), "Minimum interval between packets sent."),
        "detect_multiplier": Key(Int(2, 255), "Missed packets after which the peer is down."),
        "echo_mode": Key(Bool(), "Whether echo packets are sent."),
        "echo_interval_ms": Key(Int(10, 60000, "milliseconds"), "Minimum interval between echo packets."),
        "passive": Key(Bool(), "Whether it waits for the peer's first packet."),
        "minimum_ttl": Key(Int(1, 254), "Minimum TTL of a packet, with `ebgp_multihop`."),
    }
)

_BGP = Section(
    {
        "mode": Key(
            Enum("native", "frr-k8s"),
            "BGP implementation: the speakers' own, or an FRR-K8s that the site runs (BFD and keepalive need it).",
        ),
        "frr_namespace": Key(values.DnsLabel, "Namespace of FRR-K8s."),
        "peers": Key(Map(values.DnsLabel, _PEER), "The routers, by name."),
        "communities": Key(
            Map(values.DnsLabel, Community), "Names for communities.", example={"no-export": "65535:65281"}
        ),
        "bfd_profiles": Key(Map(values.DnsLabel, _BFD), "BFD profiles, by name."),
    }
)

SCHEMA = Section(
    {
        "enabled": common.ENABLED,
        "version": Key(values.ReleaseVersion, "MetalLB's version."),
        "images": common.images("controller", "speaker"),
        "pools": Key(Map(values.DnsLabel, _POOL), "Address pools by name; at least one is needed."),
        "l2": Key(
            Section(
                {
                    "interfaces": Key(
                        List(values.Interface),
                        "Interfaces that answer ARP requests for the addresses; all when empty.",
                        example=["ens192"],
                    )
                }
            ),
            "Announcement by ARP.",
        ),
        "bgp": Key(_BGP, "Announcement by BGP, for pools with `announce: bgp`."),
        "node_selector": Key(
            values.Labels,
            "Labels of the nodes that announce the addresses; all Linux nodes when empty.",
            example={"edge": "true"},
        ),
        "log_level": Key(Enum("debug", "info", "warn", "error"), "Log level."),
    }
)


def _has_a_pool(model: dict[str, Any], report: Report) -> None:
    """Without a pool, MetalLB cannot assign any address."""
    metallb = common.enabled(model, "metallb")
    if metallb and not metallb["pools"] and not report.has_problem_at(*_HERE, "pools"):
        report.add((*_HERE, "pools"), "at least one pool, or k8s:services:metallb:enabled: false", "none")


def _a_pool_has_an_address_left(model: dict[str, Any], report: Report) -> None:
    """With avoid_buggy_ips a pool of 10.20.0.255 alone assigns nothing."""
    for name, pool in ((common.enabled(model, "metallb") or {}).get("pools") or {}).items():
        ranges = [ends for ends in map(first_and_last, pool["addresses"] or ()) if ends]
        # of three in a row, one at least ends in neither
        usable = any(not is_buggy(one) for first, last in ranges for one in range(first, min(last, first + 2) + 1))
        if pool["avoid_buggy_ips"] and ranges and not usable:
            expected = "an address that ends neither in .0 nor in .255, because avoid_buggy_ips is true"
            report.add((*_HERE, "pools", name, "addresses"), expected, "none")


def _pools_have_their_routers(model: dict[str, Any], report: Report) -> None:
    """A pool's routes name declared peers and communities."""
    metallb = common.enabled(model, "metallb")
    if not metallb:
        return
    bgp = metallb["bgp"] or {}
    peers, names = bgp.get("peers") or {}, bgp.get("communities") or {}
    for name, pool in (metallb["pools"] or {}).items():
        path = (*_HERE, "pools", name)
        if pool["announce"] == "bgp" and not peers and not report.has_problem_at(*_HERE, "bgp", "peers"):
            report.add((*path, "announce"), "a router under k8s:services:metallb:bgp:peers, or l2", "'bgp'")
        if pool["announce"] == "l2" and pool["bgp"]:
            report.add((*path, "bgp"), "nothing, because the pool's announce is l2", "a section")
        routes = pool["bgp"] or {}
        for key, known in (("peers", peers), ("communities", names)):
            for index, word in enumerate(routes.get(key) or ()):
                if word not in known and ":" not in word and not report.has_problem_at(*_HERE, "bgp", key):
                    expected = f"a name of k8s:services:metallb:bgp:{key}{suggestion(word, known)}"
                    report.add((*path, "bgp", key, index), expected, redact.show(word))
        length, largest = routes.get("aggregation_length"), _largest_block(pool["addresses"])
        if length and largest and length < largest:
            expected = (
                f"at least {largest}, the prefix length of the pool's largest block (MetalLB refuses a shorter one); "
                "or as addresses the whole network, with avoid_buggy_ips: true where .0 and .255 must not be assigned"
            )
            report.add((*path, "bgp", "aggregation_length"), expected, str(length))


def _largest_block(addresses: Any) -> int:
    """Return the prefix length that every range of a pool has a block of, 0 when there is none."""
    lengths = []
    for ends in filter(None, map(first_and_last, addresses or ())):
        first, last = map(ipaddress.IPv4Address, ends)
        lengths.append(min(block.prefixlen for block in ipaddress.summarize_address_range(first, last)))
    return max(lengths, default=0)


def _peers_are_routers(model: dict[str, Any], report: Report) -> None:
    """A peer's address is outside the pools, and its keys are supported in this mode."""
    metallb = common.enabled(model, "metallb") or {}
    bgp = metallb.get("bgp") or {}
    native, profiles = bgp.get("mode") == "native", bgp.get("bfd_profiles") or {}
    for name, peer in (bgp.get("peers") or {}).items():
        path = (*_HERE, "bgp", "peers", name)
        if peer["ebgp_multihop"] and peer["my_asn"] and peer["my_asn"] == peer["peer_asn"]:
            report.add((*path, "ebgp_multihop"), "false for a peer in the same AS", "true")
        hold, alive = peer["hold_time_s"], peer["keepalive_time_s"]
        if hold and alive and alive * 3 > hold:
            report.add((*path, "keepalive_time_s"), f"at most a third of hold_time_s, {hold // 3}", str(alive))
        if peer["bfd"] and peer["bfd"] not in profiles and not report.has_problem_at(*_HERE, "bgp", "bfd_profiles"):
            expected = f"a name of k8s:services:metallb:bgp:bfd_profiles{suggestion(peer['bfd'], profiles)}"
            report.add((*path, "bfd"), expected, redact.show(peer["bfd"]))
        for where in _pools_with(metallb, peer["address"]):
            report.add((*path, "address"), f"an address outside k8s:services:metallb:{where}", peer["address"])
    for place, value in _needing_frr(bgp) if native else ():
        report.add((*_HERE, "bgp", *place), "nothing: not supported in bgp:mode native (frr-k8s supports it)", value)


def _pools_with(metallb: dict[str, Any], address: str | None) -> Iterator[str]:
    for name, pool in (metallb["pools"] or {}).items() if address else ():
        for first, last in filter(None, map(first_and_last, pool["addresses"] or ())):
            if first <= int(ipaddress.IPv4Address(address)) <= last:
                yield f"pools:{redact.name(name)}"


def _needing_frr(bgp: dict[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Return what MetalLB rejects without FRR; one such key makes it reject its whole configuration."""
    for name, peer in (bgp["peers"] or {}).items():
        for key in ("bfd", "keepalive_time_s"):
            if peer[key]:
                yield ("peers", name, key), redact.show(peer[key])
    for name in bgp["bfd_profiles"] or ():
        yield ("bfd_profiles", name), "a profile"
    for name, value in (bgp["communities"] or {}).items():
        if value.startswith("large:"):
            yield ("communities", name), redact.show(value)


def _large_communities(model: dict[str, Any], report: Report) -> None:
    """Large communities of a pool need FRR, too."""
    metallb = common.enabled(model, "metallb")
    if not metallb or (metallb["bgp"] or {}).get("mode") != "native":
        return
    for name, pool in (metallb["pools"] or {}).items():
        for index, value in enumerate((pool["bgp"] or {}).get("communities") or ()):
            if value.startswith("large:"):
                path = (*_HERE, "pools", name, "bgp", "communities", index)
                report.add(
                    path,
                    "a community of two numbers: bgp:mode native does not support large communities",
                    redact.show(value),
                )


RULES = (_has_a_pool, _a_pool_has_an_address_left, _pools_have_their_routers, _peers_are_routers, _large_communities)
