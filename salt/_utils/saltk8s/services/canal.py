"""Canal: Calico's settings that rke does not manage: Felix' configuration and global network policies."""

from __future__ import annotations

from typing import Any

from saltk8s.base import redact
from saltk8s.pillar.vocabulary import values
from saltk8s.pillar.vocabulary.addresses import Cidr
from saltk8s.pillar.vocabulary.types import Bool, Int, Json, Key, List, Map, Report, Section, Text
from saltk8s.services import common

MEANING = "Settings of the network plugin besides those of `k8s:cluster:network`."

TIERS_SINCE = (1, 31, 3)  # rke's Canal for older versions is Calico 3.28, which has no tiers

# rke sets these in calico-node's environment, which takes precedence over any FelixConfiguration
_OF_RKE = (
    "defaultEndpointToHostAction", "healthEnabled", "iptablesBackend", "iptablesRefreshInterval", "ipv6Support",
    "logFilePath", "logSeverityScreen", "logSeveritySys",
)  # fmt: skip
_OF_PILLAR = {
    "prometheusMetricsEnabled": "metrics",
    "prometheusMetricsPort": "metrics_port",
    "usageReportingEnabled": "usage_reports",
}
# in Canal, flannel routes packets and kube-proxy implements services: a second program that does the same breaks both
_OF_OTHERS = ("bpfEnabled", "ipipEnabled", "nftablesMode", "routeSource", "vxlanEnabled", "wireguardEnabled",
              "wireguardEnabledV6")  # fmt: skip

_FelixOption = Text("a field of FelixConfiguration such as logPrefix", r"[a-z][A-Za-z0-9]{1,62}", doc="field")

_FELIX = Section(
    {
        "metrics": Key(Bool(), "Whether Felix exposes metrics for Prometheus, on every node."),
        "metrics_port": Key(Int(1024, 65535), "Port of the metrics."),
        "usage_reports": Key(Bool(), "Whether Felix sends a daily usage report to Calico's developers."),
        "options": Key(
            Map(_FelixOption, Json()),
            "Further fields of `FelixConfiguration`, verbatim; those that `rke` sets are rejected.",
            example={"routeRefreshInterval": "60s"},
        ),
    }
)

_POLICIES = Section(
    {
        "enabled": Key(Bool(), "Whether global network policies are applied, before every other policy."),
        "closed_networks": Key(
            List(Cidr()), "Networks that no pod may connect to, such as a cloud's metadata address."
        ),
        "closed_node_ports": Key(
            List(Int(1, 65535)),
            "TCP ports of the nodes that no pod may connect to, except those of `trusted_namespaces`.",
        ),
        "trusted_namespaces": Key(
            List(values.DnsLabel), "Namespaces whose pods may connect to these ports, such as monitoring and backup."
        ),
    }
)

SCHEMA = Section(
    {
        "enabled": common.ENABLED,
        "felix": Key(_FELIX, "Calico's agent on every node."),
        "policies": Key(
            _POLICIES,
            "Calico's global policies, in their own tier: they deny, and pass everything else on to other policies.",
        ),
    }
)


def _options_have_an_effect(model: dict[str, Any], report: Report) -> None:
    """An option that another program overrides is rejected: it would have no effect, or do harm."""
    felix = (common.enabled(model, "canal") or {}).get("felix") or {}
    for name in felix.get("options") or ():
        path = ("k8s", "services", "canal", "felix", "options", name)
        if name in _OF_RKE:
            report.add(path, "a field that rke does not set: its own value takes precedence", redact.name(name))
        elif name in _OF_PILLAR:
            report.add(path, f"k8s:services:canal:felix:{_OF_PILLAR[name]} instead", redact.name(name))
        elif name in _OF_OTHERS:
            expected = "a field other than of routing: in Canal, flannel and kube-proxy do that "
            report.add(path, expected + "(see k8s:cluster:network:backend and encryption)", redact.name(name))


def _tiers_are_supported(model: dict[str, Any], report: Report) -> None:
    """The policies are in a tier, which only newer versions of Canal support."""
    policies = (common.enabled(model, "canal") or {}).get("policies") or {}
    found = values.version(model["cluster"]["version"] or "")
    if policies.get("enabled") and found and found < TIERS_SINCE:
        expected = "false with a Kubernetes before v{}.{}.{}, whose Canal has no tiers".format(*TIERS_SINCE)
        report.add(("k8s", "services", "canal", "policies", "enabled"), expected, "true")


RULES = (_options_have_an_effect, _tiers_are_supported)
