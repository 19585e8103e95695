"""HTTP proxies of the site, for Docker, package sources and downloads: pure functions."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

LOCAL = ("localhost", "127.0.0.0/8")


def parts(model: Mapping[str, Any]) -> dict[str, Any]:
    """Return the proxies in other programs' words: ``apt``, ``dnf``, ``salt``; empty without a proxy."""
    return {"apt": apt(model), "dnf": dnf(model), "salt": salt(model)} if model["proxy"] else {}


def past(model: Mapping[str, Any]) -> list[str]:
    """Return what is reached without the proxy, sorted after the pillar's own: names, domains and networks.

    The nodes' networks, rather than their addresses: a node more in them changes nothing on the others.
    """
    cluster, registry = model["cluster"], model.get("registry") or {}
    found = [*(model["proxy"].get("no_proxy") or ()), *LOCAL]
    found += [cluster["network"]["pod_cidr"], cluster["network"]["service_cidr"], ".svc", f".{cluster['dns_domain']}"]
    found += _machines(model["nodes"].values())
    if registry.get("url"):
        found.append(_host(f"//{registry['url']}"))
    return list(dict.fromkeys(found))


def docker(model: Mapping[str, Any]) -> dict[str, str]:
    """Return ``proxies`` of Docker's daemon.json, empty without a proxy."""
    proxy = model.get("proxy") or {}
    found = {f"{scheme}-proxy": proxy[scheme] for scheme in ("http", "https") if proxy.get(scheme)}
    return {**found, "no-proxy": ",".join(past(model))} if found else {}


def apt(model: Mapping[str, Any]) -> list[str]:
    """Return the lines of apt's configuration. It knows hosts only: no domains, no networks."""
    proxy = model["proxy"]
    schemes = [scheme for scheme in ("http", "https") if proxy.get(scheme)]
    lines = [f'Acquire::{scheme}::Proxy "{proxy[scheme]}";' for scheme in schemes]
    return lines + [f'Acquire::{scheme}::Proxy::{host} "DIRECT";' for scheme in schemes for host in hosts(model)]


def dnf(model: Mapping[str, Any]) -> list[str]:
    """Return the lines of dnf's configuration, which has one proxy for all."""
    return [f"proxy={model['proxy'].get('https') or model['proxy'].get('http')}"]


def salt(model: Mapping[str, Any]) -> dict[str, Any]:
    """Return the minion's options for what Salt downloads itself; it has one proxy for all, and knows hosts only."""
    url = urlsplit(model["proxy"].get("https") or model["proxy"].get("http"))
    return {"proxy_host": url.hostname, "proxy_port": url.port or 80, "no_proxy": hosts(model)}


def hosts(model: Mapping[str, Any]) -> list[str]:
    """Return the single hosts and addresses among what is reached without the proxy."""
    return [one for one in past(model) if "/" not in one and not one.startswith(".")]


def _machines(nodes: Iterable[Mapping[str, Any]]) -> list[str]:
    found = []
    for node in nodes:
        for text in (node.get("address"), node.get("internal_address")):
            if text and text != "dhcp":
                found.append(str(ipaddress.ip_interface(text).network) if "/" in text else text)
    return found


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""
