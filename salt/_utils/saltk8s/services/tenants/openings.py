"""A tenant's openings: their part of the pillar, the rules for it, and what is not the internet."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from saltk8s.base import redact
from saltk8s.pillar.vocabulary import values
from saltk8s.pillar.vocabulary.addresses import Cidr, first_and_last
from saltk8s.pillar.vocabulary.types import Bool, Int, Key, List, Report, Section, parse_or_none, suggestion
from saltk8s.services import common

ANYWHERE = "0.0.0.0/0"
# Not the internet: this network, private, shared, loopback, link-local, test, multicast and reserved addresses.
NOT_INTERNET = (
    *("0.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"), "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
    "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4",
)  # fmt: skip

# A node's own, and what a cloud tells its machines about themselves: in no wider network either.
_NO_NETWORK = ("127.0.0.0/8", "169.254.0.0/16")

_Port = Int(1, 65535)

OPENS = Section(
    {
        "from": Key(
            List(values.DnsLabel),
            "Tenants whose pods may connect to this one's; opens both ends.",
            example=["ist-web"],
        ),
        "from_outside": Key(
            Section(
                {
                    "sources": Key(
                        List(Cidr()),
                        "Networks outside the cluster that may connect; all when empty.",
                        example=["10.20.0.0/16"],
                    ),
                    "tcp": Key(List(_Port), "TCP ports of the pods (not of the Service).", example=[8443]),
                    "udp": Key(List(_Port), "UDP ports of the pods.", example=[5514]),
                }
            ),
            "Who may connect to its pods through Services of type LoadBalancer and NodePort; "
            "required with `quota:load_balancers` and `quota:node_ports`.",
        ),
        "to": Key(
            Section(
                {
                    "tenants": Key(
                        List(values.DnsLabel),
                        "Tenants whose pods this one's may connect to; the same as `from` there.",
                        example=["ist-db"],
                    ),
                    "networks": Key(
                        List(Cidr()),
                        "Networks outside the cluster that its pods may connect to. One wider than a network or "
                        "an address of the platform's machines leaves that out, as `internet` does: name it by itself, "
                        "such as the nodes' network for the API server.",
                        example=["10.30.0.5/32"],
                    ),
                }
            ),
            "What this tenant's pods may connect to.",
        ),
        "internet": Key(
            Bool(),
            "Whether its pods may connect to every address except private ones, those of the platform's machines, and "
            "`k8s:services:tenants:closed_networks`.",
        ),
    }
)

CLOSED_NETWORKS = Key(
    List(Cidr()),
    "Networks that `opens:internet` leaves out, besides private ones and the addresses of the platform's machines that "
    "are in the pillar. Required with `opens:internet` when the pillar has such a machine by its name.",
    example=["203.0.113.0/24"],
)
_CLOSED_NETWORKS = ("k8s", "services", "tenants", "closed_networks")


def machines(model: dict[str, Any]) -> Iterator[str]:
    """Return what the pillar has of the platform's machines: their networks, addresses, ranges and host names."""
    for name, node in (model["nodes"] or {}).items():
        for text in filter(None, (node["address"], node["internal_address"])):
            yield name if text == "dhcp" else str(ipaddress.IPv4Interface(text).network)
    yield from model["cluster"]["api_names"] or ()
    # an id with a dot in it is a host name
    minions = (model["cluster"]["admin"], (model["cloud"] or {}).get("minion"))
    yield from (name for name in minions if name and "." in name)
    yield from filter(None, _of_cloud(model["cloud"] or {}))
    if (model["registry"] or {}).get("url"):
        yield model["registry"]["url"].partition("/")[0].partition(":")[0]
    for location in (model["locations"] or {}).values():
        if location["s3"] and location["s3"]["endpoint"]:
            yield urlsplit(location["s3"]["endpoint"]).hostname or ""
        if location["nfs"] and location["nfs"]["server"]:
            yield location["nfs"]["server"]
    yield from filter(None, _of_services(model))


def _of_cloud(cloud: Mapping[str, Any]) -> Iterator[str | None]:
    yield cloud.get("master")
    yield (cloud.get("provider") or {}).get("url")
    for section in (cloud.get("defaults") or {}, *(cloud.get("shapes") or {}).values()):
        yield section.get("gateway")


def _of_services(model: dict[str, Any]) -> Iterator[str | None]:
    for export in ((common.enabled(model, "nfs") or {}).get("exports") or {}).values():
        yield export["server"]
    yield (common.enabled(model, "vsphere") or {}).get("server")
    metallb = common.enabled(model, "metallb") or {}
    for pool in (metallb.get("pools") or {}).values():
        yield from pool["addresses"] or ()
    for peer in ((metallb.get("bgp") or {}).get("peers") or {}).values():
        yield peer["address"]


def _networks(text: str) -> list[ipaddress.IPv4Network]:
    """Return a network, an address or a range as networks; none for a host name."""
    ends = first_and_last(text)
    if ends:
        return list(ipaddress.summarize_address_range(*map(ipaddress.IPv4Address, ends)))
    network = parse_or_none(ipaddress.IPv4Network, text)
    return [network] if network else []


def not_internet(model: dict[str, Any], closed: Iterable[str]) -> list[str]:
    """Return the networks that an opening to the internet excludes: private ones, the platform's own, ``closed``."""
    return _collapsed((*NOT_INTERNET, *_own(model), *closed, *machines(model)))


def _collapsed(texts: Iterable[str]) -> list[str]:
    """Return networks, addresses and ranges as few networks, without host names."""
    return [str(one) for one in ipaddress.collapse_addresses(one for text in texts for one in _networks(text))]


def _own(model: Mapping[str, Any]) -> list[str]:
    """Return the networks of the cluster's pods and Services."""
    network = model["cluster"]["network"] or {}
    return [network[key] for key in ("pod_cidr", "service_cidr") if network.get(key)]


def reached(model: dict[str, Any], resolve: Callable[[str], Iterable[str]]) -> dict[str, list[str]]:
    """Return the platform's machines that ``opens:internet`` reaches: host name -> addresses. model: a complete one.

    resolve: returns the IPv4 addresses of a host name.
    """
    closed = model["services"]["tenants"]["not_internet"]
    names = sorted({text for text in machines(model) if not _networks(text)})
    found = {name: sorted(one for one in resolve(name) if not _within(one, closed)) for name in names}
    return {name: addresses for name, addresses in found.items() if addresses}


def block(network: str, without: Iterable[str]) -> dict[str, Any]:
    """Return the ``ipBlock`` of a network, without those of other networks that lie in it."""
    whole = ipaddress.IPv4Network(network)
    inside = [one for one in without if ipaddress.IPv4Network(one) != whole and _within(one, [network])]
    return {"cidr": network, **({"except": inside} if inside else {})}


def _within(network: str, others: Iterable[str]) -> bool:
    inner = ipaddress.IPv4Network(network)
    return any(inner.subnet_of(ipaddress.IPv4Network(other)) for other in others)


def outside(opens: Mapping[str, Any], model: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return a tenant's openings outside the cluster: ``to``, ``from`` (ipBlocks) and ``ports`` of the latter.

    A network that is wider than one of the platform's own leaves that out: only who names such a machine means it.
    """
    own, given = _own(model), opens["from_outside"]
    closed = _collapsed(
        (*own, *(model["services"]["tenants"]["closed_networks"] or ()), *machines(model), *_NO_NETWORK)
    )
    ports = [{"port": port, "protocol": name.upper()} for name in ("tcp", "udp") for port in given[name]]
    sources = given["sources"] or [ANYWHERE]
    return {
        "to": [block(network, closed) for network in opens["to"]["networks"]],
        "from": [block(network, own) for network in sources] if ports else [],
        "ports": ports,
    }


def _of(model: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from (model["tenants"] or {}).items()


def _between_tenants(model: dict[str, Any], report: Report) -> None:
    """An opening is between two declared tenants."""
    names = [name for name, _ in _of(model)]
    for name, tenant in _of(model):
        opens = tenant["opens"]
        for path, others in ((("from",), opens["from"]), (("to", "tenants"), opens["to"]["tenants"])):
            for index, other in enumerate(others or ()):
                here = ("k8s", "tenants", name, "opens", *path, index)
                if other == name:
                    expected = "another tenant: a tenant's own namespaces may connect to each other"
                    report.add(here, expected, redact.show(other))
                elif other not in names and not report.has_problem_at("k8s", "tenants", other):
                    report.add(here, f"a tenant of k8s:tenants{suggestion(other, names)}", redact.show(other))


def _outside_the_cluster(model: dict[str, Any], report: Report) -> None:
    """Pods are no network: an opening to theirs would be one to every tenant."""
    own = _own(model)
    for name, tenant in _of(model):
        opens = tenant["opens"]
        for path, given in (
            (("to", "networks"), opens["to"]["networks"]),
            (("from_outside", "sources"), opens["from_outside"]["sources"]),
        ):
            for index, network in enumerate(given or ()):
                if _within(network, own):
                    here = ("k8s", "tenants", name, "opens", *path, index)
                    report.add(here, "a network outside the cluster's pods and Services", redact.show(network))


def _from_outside(model: dict[str, Any], report: Report) -> None:
    """An address or a node port needs an opening, and an opening one of these."""
    for name, tenant in _of(model):
        path, quota = ("k8s", "tenants", name, "opens", "from_outside"), tenant["quota"]
        given = tenant["opens"]["from_outside"]
        ports = given["tcp"] or given["udp"]
        if report.has_problem_at(*path) or report.has_problem_at("k8s", "tenants", name, "quota"):
            continue
        asked = [key for key in ("load_balancers", "node_ports") if quota[key]]
        if asked and not ports:
            expected = f"tcp or udp ports of its pods: without them nobody reaches what quota:{asked[0]} allows"
            report.add(path, expected, "none")
        elif (ports or given["sources"]) and not asked:
            expected = "nothing, or quota:load_balancers or quota:node_ports above 0, through which it would be reached"
            report.add(path, expected, "an opening")


def _internet(model: dict[str, Any], report: Report) -> None:
    """A name cannot be resolved here: the networks of machines that are known by name alone have to be given."""
    service = common.enabled(model, "tenants")
    if not service or service["closed_networks"] or report.has_problem_at(*_CLOSED_NETWORKS):
        return
    names = sorted({redact.name(text) for text in machines(model) if not _networks(text)})
    if names and any(tenant["opens"]["internet"] for _, tenant in _of(model)):
        expected = (
            f"the networks of {', '.join(names)}: a tenant opens the internet, which must not reach these machines"
        )
        report.add(_CLOSED_NETWORKS, expected, "none")


RULES = (_between_tenants, _outside_the_cluster, _from_outside, _internet)
