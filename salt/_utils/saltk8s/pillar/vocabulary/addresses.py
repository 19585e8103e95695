"""The types of IPv4 addresses, networks and ranges."""

from __future__ import annotations

import ipaddress
from typing import Any

from saltk8s.pillar.vocabulary.types import Scalar, parse_or_none


class Cidr(Scalar):
    """An IPv4 network in its canonical form."""

    doc = "IPv4 network"
    expected = "an IPv4 network such as 10.42.0.0/16, without host bits"

    def __init__(self, longest_prefix: int = 32):
        self.longest_prefix = longest_prefix
        if longest_prefix < 32:
            self.expected = f"{self.expected}, of /{longest_prefix} or larger"

    def accept(self, value: Any) -> str | None:
        if not isinstance(value, str) or "/" not in value:
            return None
        network = parse_or_none(ipaddress.IPv4Network, value)
        return str(network) if network and 0 < network.prefixlen <= self.longest_prefix else None


class Address(Scalar):
    """An IPv4 address; ``prefix``: "no", "optional" or "required"; ``words``: texts accepted instead."""

    def __init__(self, prefix: str = "no", words: tuple[str, ...] = ()):
        self.prefix, self.words = prefix, words
        example = {"no": "10.20.0.11", "optional": "10.20.0.11/24", "required": "10.20.0.11/24"}[prefix]
        self.doc = "IPv4 address" + {"no": "", "optional": ", with or without prefix", "required": "/prefix"}[prefix]
        self.doc += "".join(f", or `{word}`" for word in words)
        self.expected = f"an IPv4 address such as {example}" + "".join(f", or {word}" for word in words)

    def accept(self, value: Any) -> str | None:
        if not isinstance(value, str):
            return None
        if value in self.words:
            return value
        if "/" in value if self.prefix == "no" else "/" not in value and self.prefix == "required":
            return None
        interface = parse_or_none(ipaddress.IPv4Interface, value)
        if interface is None or not _usable(interface.ip):
            return None
        return interface.with_prefixlen if "/" in value else str(interface.ip)


class AddressRange(Scalar):
    """A range of IPv4 addresses: ``first-last`` or a network."""

    doc = "IPv4 range or network"
    expected = "a range of IPv4 addresses, first-last in that order, or an IPv4 network"

    def accept(self, value: Any) -> str | None:
        return value if isinstance(value, str) and first_and_last(value) else None


def first_and_last(text: str) -> tuple[int, int] | None:
    """Return the first and last address of ``first-last`` or a network as integers, None when it is neither."""
    if "-" in text:
        first, _, last = text.partition("-")
        ends = [parse_or_none(ipaddress.IPv4Address, end.strip()) for end in (first, last)]
        return (int(ends[0]), int(ends[1])) if all(ends) and ends[0] <= ends[1] else None
    network = parse_or_none(ipaddress.IPv4Network, text) if "/" in text else None
    return (int(network.network_address), int(network.broadcast_address)) if network else None


def _usable(address: ipaddress.IPv4Address) -> bool:
    return not (address.is_unspecified or address.is_multicast or address.is_loopback or address.is_reserved)


def is_buggy(address: int) -> bool:
    """Return whether an address ends in .0 or .255, which some old routers drop: MetalLB's ``avoidBuggyIPs``."""
    return address % 256 in (0, 255)
