"""Traefik: the ingress controller, which routes HTTP and HTTPS to services by host name."""

from __future__ import annotations

import ipaddress
from typing import Any

from saltk8s.base import redact
from saltk8s.pillar.vocabulary import tls, values
from saltk8s.pillar.vocabulary.addresses import Address, Cidr, first_and_last, is_buggy
from saltk8s.pillar.vocabulary.types import Bool, Enum, Int, Key, List, Map, Report, Section, Text
from saltk8s.services import common

MEANING = "Ingress controller: routes HTTP and HTTPS from outside to services by host name."
NAMESPACE = "traefik"
NAMESPACES = (NAMESPACE,)

_PATH = ("k8s", "services", "traefik")
_MAIL = Text("a mail address", r"[^\s@]+@[^\s@]+\.[^\s@]+", 254, doc="mail address")
_VARIABLE = Text("an environment variable's name", r"[A-Z][A-Z0-9_]{0,127}", doc="variable")

_DEFAULT_TLS = Section(
    {
        "certificate": Key(
            values.Certificate, "The certificate, then those of the authorities between it and the root.", True
        ),
        "key": Key(tls.private_key("admin"), "Its private key."),
    },
    optional=True,
)

_ACME = Section(
    {
        "email": Key(
            _MAIL, "Contact address; the authority warns it of certificates about to expire.", True, "k8s@osug.example"
        ),
        "server": Key(values.Url, "Directory URL of the authority."),
        "challenge": Key(
            Enum("http", "tls", "dns"),
            "ACME challenge: `http` (port 80) and `tls` (port 443) must be reachable for the "
            "authority; `dns` needs a DNS "
            "provider, and is the only one for certificates of `*.domain`.",
        ),
        "dns_provider": Key(values.Word, "For `dns`: Traefik's name of the DNS provider.", example="rfc2136"),
        "dns_credentials": Key(
            Map(_VARIABLE, values.password("admin")),
            "For `dns`: environment variables with the provider's credentials.",
            example={"RFC2136_NAMESERVER": "10.20.0.2"},
        ),
        "storage_class": Key(values.DnsName, "Storage class of the volume for account and certificates.", True, "san"),
        "storage": Key(values.Memory, "Size of that volume."),
    },
    optional=True,
)

_HSTS = Section(
    {
        "enabled": Key(Bool(), "Whether the header is sent with every HTTPS response."),
        "max_age_s": Key(Int(0, 2**31 - 1, "seconds"), "`max-age` of the header."),
        "include_subdomains": Key(Bool(), "Whether it applies to all subdomains."),
        "preload": Key(Bool(), "Whether browsers may add the name to their preload list."),
    }
)

SCHEMA = Section(
    {
        "enabled": common.ENABLED,
        "version": Key(values.ReleaseVersion, "Traefik's version, 3 or later."),
        "images": common.images("traefik"),
        "kind": Key(Enum("Deployment", "DaemonSet"), "A number of replicas, or one on each node of `node_selector`."),
        "replicas": Key(Int(1, 50), "Replicas of the Deployment."),
        "address": Key(Address(), "Its address, in a pool of MetalLB.", example="10.20.0.200"),
        "external_traffic_policy": Key(
            Enum("Cluster", "Local"),
            "`Cluster`: every node forwards to every replica, and Traefik sees a node's address in "
            "place of the client's. "
            "`Local`: it sees the client's, and only nodes with a replica answer.",
        ),
        "hosts": Key(List(values.HostPattern), "Host names that the platform serves.", example=["*.osug.example"]),
        "namespaces": Key(
            List(values.DnsLabel),
            "Further namespaces whose routes it serves and whose Secrets and ConfigMaps it reads, besides those of "
            "tenants with `hosts`. It creates them.",
            example=["intranet"],
        ),
        "default_tls": Key(_DEFAULT_TLS, "Default certificate, for hosts without one of their own; this or `acme`."),
        "acme": Key(_ACME, "Certificates from an ACME authority; this or `default_tls`."),
        "redirect_to_https": Key(Bool(), "Whether HTTP requests are redirected to HTTPS."),
        "hsts": Key(_HSTS, "Strict-Transport-Security: browsers use HTTPS only."),
        "min_tls": Key(Enum("1.2", "1.3"), "Minimum TLS version (in quotes)."),
        "read_timeout_s": Key(Int(0, 86400, "seconds"), "Timeout for reading a request with its body; 0: none."),
        "access_log": Key(
            Section(
                {
                    "enabled": Key(Bool(), "Whether every request is logged."),
                    "format": Key(Enum("json", "common"), "One JSON object a line, or the Common Log Format."),
                }
            ),
            "Access log, on the pods' standard output, without headers.",
        ),
        "metrics": Key(
            Section(
                {
                    "enabled": Key(Bool(), "Whether metrics are exposed, on port 9100."),
                    "namespaces": Key(List(values.DnsLabel), "Namespaces whose pods may read them."),
                }
            ),
            "Metrics.",
        ),
        "egress": Key(
            List(Cidr()),
            "Networks outside the cluster that it may connect to, besides pods.",
            example=["10.20.8.0/24"],
        ),
        "node_selector": Key(values.Labels, "Labels of the nodes that it runs on; all Linux nodes when empty."),
        "resources": common.resources(),
        "log_level": Key(Enum("debug", "info", "warn", "error"), "Log level."),
    }
)


def _is_version_3(model: dict[str, Any], report: Report) -> None:
    """Arguments and kinds are those of version 3."""
    version = (common.enabled(model, "traefik") or {}).get("version")
    found = values.version(version or "")
    if found and found[0] != 3:
        report.add((*_PATH, "version"), "a version v3", redact.show(version))


def _has_hosts_and_address(model: dict[str, Any], report: Report) -> None:
    """It has host names to serve, and an address that MetalLB can assign."""
    traefik = common.enabled(model, "traefik")
    if not traefik:
        return
    if not traefik["hosts"] and not report.has_problem_at(*_PATH, "hosts"):
        report.add((*_PATH, "hosts"), "at least one host name that the platform serves", "none")
    path, pools = (*_PATH, "address"), ("k8s", "services", "metallb")
    if report.has_problem_at(*path) or report.has_problem_at(*pools):
        return
    metallb = (model["services"] or {}).get("metallb") or {}
    if not metallb.get("enabled"):
        report.add(path, "k8s:services:metallb:enabled: true, which assigns it", "MetalLB is disabled")
    elif not traefik["address"]:
        report.add(path, "an address of one of k8s:services:metallb:pools", "nothing")
    else:
        _check_pool(traefik["address"], metallb["pools"] or {}, report)


def _check_pool(address: str, pools: dict[str, Any], report: Report) -> None:
    number, path = int(ipaddress.IPv4Address(address)), (*_PATH, "address")
    for name, pool in pools.items():
        ranges = filter(None, map(first_and_last, pool["addresses"] or ()))
        if not any(first <= number <= last for first, last in ranges):
            continue
        if pool["avoid_buggy_ips"] and is_buggy(number):
            where = f"k8s:services:metallb:pools:{redact.name(name)}:avoid_buggy_ips"
            report.add(
                path, f"an address that ends neither in .0 nor in .255, because of {where}", redact.show(address)
            )
        if pool["namespaces"] and NAMESPACE not in pool["namespaces"]:
            where = f"k8s:services:metallb:pools:{redact.name(name)}:namespaces"
            report.add(
                path,
                f"an address of a pool for the namespace {NAMESPACE}; {where} does not list it",
                redact.show(address),
            )
        return
    report.add(path, "an address of one of k8s:services:metallb:pools", redact.show(address))


def _has_one_certificate_source(model: dict[str, Any], report: Report) -> None:
    """Exactly one source of certificates, on the minion that holds secrets; a key matches its certificate."""
    traefik = common.enabled(model, "traefik")
    if not traefik or report.has_problem_at(*_PATH, "default_tls") or report.has_problem_at(*_PATH, "acme"):
        return
    own, acme = traefik["default_tls"], traefik["acme"]
    path = (*_PATH, "default_tls")
    if own and acme:
        report.add(path, "either default_tls or acme", "both")
    elif not own and not acme and "admin" in report.secrets_of:
        report.add(path, "a certificate and its key, or k8s:services:traefik:acme", "neither")
    elif own and own["key"] and tls.belong_together(own["certificate"] or "", own["key"]) is False:
        report.add(
            (*path, "certificate"),
            "the certificate that matches k8s:services:traefik:default_tls:key",
            "of another key",
        )


def _stores_acme_in_one_replica(model: dict[str, Any], report: Report) -> None:
    """Traefik stores ACME certificates in one file, which two replicas would overwrite for each other."""
    traefik = common.enabled(model, "traefik") or {}
    acme = traefik.get("acme")
    if not acme:
        return
    why = "because Traefik stores ACME certificates in one file, which replicas cannot share"
    if traefik["kind"] == "DaemonSet":
        report.add((*_PATH, "kind"), f"Deployment, {why}", "'DaemonSet'")
    elif (traefik["replicas"] or 1) > 1:
        report.add((*_PATH, "replicas"), f"1, {why}", redact.show(traefik["replicas"]))
    dns = acme["challenge"] == "dns"
    if dns and not acme["dns_provider"] and not report.has_problem_at(*_PATH, "acme", "dns_provider"):
        report.add((*_PATH, "acme", "dns_provider"), "the DNS provider, because the challenge is dns", "nothing")


def _serves_no_system_namespace(model: dict[str, Any], report: Report) -> None:
    """It reads every Secret of these namespaces: the cluster's own and the platform's are not among them."""
    tenants = {space for name, tenant in (model["tenants"] or {}).items() for space in common.namespaces(name, tenant)}
    for index, space in enumerate((common.enabled(model, "traefik") or {}).get("namespaces") or ()):
        path = (*_PATH, "namespaces", index)
        if space.startswith("kube-") or space in report.reserved_namespaces:
            report.add(path, "a namespace that is neither the cluster's own nor the platform's", redact.show(space))
        elif space in tenants:
            report.add(path, "a namespace of no tenant: a tenant's is served when it has hosts", redact.show(space))
        for other in sorted(other for other in tenants if common.joined_alike(space, other)):
            report.add(path, common.apart_from(other, "k8s:tenants"), redact.show(space))


def complete(model: dict[str, Any]) -> None:
    """Add ``watched``: the namespaces whose routes are served, each of which has a RoleBinding to `traefik:routes`."""
    service, prometheus = model["services"]["traefik"], model["services"]["prometheus"]
    found = {NAMESPACE, *service["namespaces"]}
    if model["services"]["tenants"]["enabled"]:
        for name, tenant in model["tenants"].items():
            found |= set(common.namespaces(name, tenant)) if tenant["hosts"] else set()
    if prometheus["enabled"] and (prometheus["grafana"] or {}).get("host"):
        found.add("monitoring")
    service["watched"] = sorted(found)


RULES = (
    _is_version_3,
    _has_hosts_and_address,
    _has_one_certificate_source,
    _stores_acme_in_one_replica,
    _serves_no_system_namespace,
)
