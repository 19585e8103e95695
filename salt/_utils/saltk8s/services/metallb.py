"""MetalLB: pools of addresses, and who answers for them or tells the routers about them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any

from saltk8s.base import redact
from saltk8s.pillar.vocabulary import values
from saltk8s.pillar.vocabulary.addresses import Address, AddressRange, first_and_last
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
    rf"{_COMMUNITY}|[a-z]([-a-z0-9]{{0,61}}[a-z0-9])?",
    test=_in_bounds,
    doc="BGP community or its name",
)

_POOL = Section(
    {
        "addresses": Key(
            List(AddressRange(), least=1),
            "Ranges or networks; nobody else uses these addresses.",
            True,
            ["10.20.0.200-10.20.0.220"],
        ),
        "auto_assign": Key(Bool(), "Whether a service that does not name a pool may get an address of this one."),
        "namespaces": Key(List(values.DnsLabel), "Namespaces that may use it; all when empty.", example=["web"]),
        "announce": Key(Enum("l2", "bgp"), "How the network learns of the addresses: by ARP, or from the BGP peers."),
        "node_selector": Key(
            values.Labels,
            "Labels of the nodes that answer for this pool; those of `metallb:node_selector` when empty.",
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
                    "peers": Key(List(values.DnsLabel), "Peers that get the routes; all when empty."),
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
        "source_address": Key(Address(), "Where the session comes from; with a `node_selector` of one node."),
        "router_id": Key(Address(), "The router id that the nodes give; each node's own address when absent."),
        "hold_time_s": Key(
            Int(3, 65535, "seconds"), "After this long without a word the session is over; 90 when absent.", example=30
        ),
        "keepalive_time_s": Key(Int(1, 21845, "seconds"), "Time between two words; `bgp:mode: frr-k8s` alone."),
        "password": Key(
            values.Secret("", "a password of at most 80 characters on one line", pattern=r"[\x21-\x7e]+", longest=80),
            "Password of the session (TCP MD5); the admin only.",
        ),
        "node_selector": Key(
            values.Labels, "Labels of the nodes that speak to this router; all when empty.", example={"rack": "a"}
        ),
        "bfd": Key(values.DnsLabel, "A profile of `bgp:bfd_profiles`; `bgp:mode: frr-k8s` alone."),
        "ebgp_multihop": Key(Bool(), "Whether there are routers between the nodes and this one."),
    }
)

_BFD = Section(
    {
        "receive_interval_ms": Key(Int(10, 60000, "milliseconds"), "Least time between packets that are received."),
        "transmit_interval_ms": Key(Int(10, 60000, "milliseconds"), "Least time between packets that are sent."),
        "detect_multiplier": Key(Int(2, 255), "After so many missed packets the peer is down."),
        "echo_mode": Key(Bool(), "Whether echo packets are sent."),
        "echo_interval_ms": Key(Int(10, 60000, "milliseconds"), "Least time between echo packets."),
        "passive": Key(Bool(), "Whether it waits for the peer's first packet."),
        "minimum_ttl": Key(Int(1, 254), "Least TTL of a packet, with `ebgp_multihop`."),
    }
)

_BGP = Section(
    {
        "mode": Key(
            Enum("native", "frr-k8s"),
            "Who speaks BGP: the speakers themselves, or an FRR-K8s that the site runs (BFD and keepalive need it).",
        ),
        "frr_namespace": Key(values.DnsLabel, "Where FRR-K8s runs."),
        "peers": Key(Map(values.DnsLabel, _PEER), "The routers, by name."),
        "communities": Key(
            Map(values.DnsLabel, Community), "Names for communities.", example={"no-export": "65535:65281"}
        ),
        "bfd_profiles": Key(Map(values.DnsLabel, _BFD), "How a peer's silence is noticed, by name."),
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
                        "Interfaces that answer for the addresses; all when empty.",
                        example=["ens192"],
                    )
                }
            ),
            "Announcement by ARP.",
        ),
        "bgp": Key(_BGP, "Announcement by BGP, for pools with `announce: bgp`."),
        "node_selector": Key(
            values.Labels,
            "Labels of the nodes that answer for the addresses; all Linux nodes when empty.",
            example={"edge": "true"},
        ),
        "log_level": Key(Enum("debug", "info", "warn", "error"), "How much is logged."),
    }
)


def _has_a_pool(model: dict[str, Any], report: Report) -> None:
    """Without a pool, MetalLB has nothing to give."""
    metallb = common.enabled(model, "metallb")
    if metallb and not metallb["pools"] and not report.has_problem_at(*_HERE, "pools"):
        report.add((*_HERE, "pools"), "at least one pool, or k8s:services:metallb:enabled: false", "none")


def _pools_have_their_routers(model: dict[str, Any], report: Report) -> None:
    """A pool's routes go to peers that there are, with communities that have a value."""
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
            expected = f"at least {largest}: a shorter prefix announces addresses that are not the pool's"
            report.add((*path, "bgp", "aggregation_length"), expected, str(length))


def _largest_block(addresses: Any) -> int:
    """Return the prefix length that every range of a pool has a block of, 0 when there is none."""
    lengths = []
    for ends in filter(None, map(first_and_last, addresses or ())):
        first, last = map(ipaddress.IPv4Address, ends)
        lengths.append(min(block.prefixlen for block in ipaddress.summarize_address_range(first, last)))
    return max(lengths, default=0)


def _peers_are_routers(model: dict[str, Any], report: Report) -> None:
    """A peer has an address of its own, and nothing that its mode cannot do."""
    metallb = common.enabled(model, "metallb") or {}
    bgp = metallb.get("bgp") or {}
    native, profiles = bgp.get("mode") == "native", bgp.get("bfd_profiles") or {}
    for name, peer in (bgp.get("peers") or {}).items():
        path = (*_HERE, "bgp", "peers", name)
        if peer["ebgp_multihop"] and peer["my_asn"] and peer["my_asn"] == peer["peer_asn"]:
            report.add((*path, "ebgp_multihop"), "false between machines of one AS", "true")
        hold, alive = peer["hold_time_s"], peer["keepalive_time_s"]
        if hold and alive and alive * 3 > hold:
            report.add((*path, "keepalive_time_s"), f"at most a third of hold_time_s, {hold // 3}", str(alive))
        if peer["bfd"] and peer["bfd"] not in profiles and not report.has_problem_at(*_HERE, "bgp", "bfd_profiles"):
            expected = f"a name of k8s:services:metallb:bgp:bfd_profiles{suggestion(peer['bfd'], profiles)}"
            report.add((*path, "bfd"), expected, redact.show(peer["bfd"]))
        for where in _pools_with(metallb, peer["address"]):
            report.add((*path, "address"), f"an address outside k8s:services:metallb:{where}", peer["address"])
    for place, value in _needing_frr(bgp) if native else ():
        report.add((*_HERE, "bgp", *place), "nothing in bgp:mode native, which cannot do that (frr-k8s can)", value)


def _pools_with(metallb: dict[str, Any], address: str | None) -> Iterator[str]:
    for name, pool in (metallb["pools"] or {}).items() if address else ():
        for first, last in filter(None, map(first_and_last, pool["addresses"] or ())):
            if first <= int(ipaddress.IPv4Address(address)) <= last:
                yield f"pools:{redact.name(name)}"


def _needing_frr(bgp: dict[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Return what MetalLB refuses without FRR, in whole configurations: one such key, and it takes no change at all."""
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
    """Large communities, written with a pool, need FRR too."""
    metallb = common.enabled(model, "metallb")
    if not metallb or (metallb["bgp"] or {}).get("mode") != "native":
        return
    for name, pool in (metallb["pools"] or {}).items():
        for index, value in enumerate((pool["bgp"] or {}).get("communities") or ()):
            if value.startswith("large:"):
                path = (*_HERE, "pools", name, "bgp", "communities", index)
                report.add(path, "a community of two numbers: bgp:mode native knows no large ones", redact.show(value))


RULES = (_has_a_pool, _pools_have_their_routers, _peers_are_routers, _large_communities)
