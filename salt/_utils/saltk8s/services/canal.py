"""Canal: what rke leaves open of Calico's side, Felix' settings and policies for the whole cluster."""

from __future__ import annotations

from typing import Any

from saltk8s.base import redact
from saltk8s.pillar.vocabulary import values
from saltk8s.pillar.vocabulary.addresses import Cidr
from saltk8s.pillar.vocabulary.types import Bool, Int, Json, Key, List, Map, Report, Section, Text
from saltk8s.services import common

MEANING = "Settings of the network plugin besides those that `rke` takes (`k8s:cluster:network`)."

TIERS_SINCE = (1, 31, 3)  # rke's Canal for older versions is Calico 3.28, which has no tiers

# rke gives these to calico-node in its environment, which wins over any FelixConfiguration
_OF_RKE = (
    "defaultEndpointToHostAction", "healthEnabled", "iptablesBackend", "iptablesRefreshInterval", "ipv6Support",
    "logFilePath", "logSeverityScreen", "logSeveritySys",
)  # fmt: skip
_OF_PILLAR = {
    "prometheusMetricsEnabled": "metrics",
    "prometheusMetricsPort": "metrics_port",
    "usageReportingEnabled": "usage_reports",
}
# packets are flannel's business in Canal, services kube-proxy's: a second one doing the same breaks both
_OF_OTHERS = ("bpfEnabled", "ipipEnabled", "nftablesMode", "routeSource", "vxlanEnabled", "wireguardEnabled",
              "wireguardEnabledV6")  # fmt: skip

_FelixOption = Text("a field of FelixConfiguration such as logPrefix", r"[a-z][A-Za-z0-9]{1,62}", doc="field")

_FELIX = Section(
    {
        "metrics": Key(Bool(), "Whether Felix answers Prometheus, on every node."),
        "metrics_port": Key(Int(1024, 65535), "On which port."),
        "usage_reports": Key(Bool(), "Whether Felix tells Calico's makers daily which version runs on how many nodes."),
        "options": Key(
            Map(_FelixOption, Json()),
            "Further fields of `FelixConfiguration`, as they stand there; those that `rke` fixes are refused.",
            example={"routeRefreshInterval": "60s"},
        ),
    }
)

_POLICIES = Section(
    {
        "enabled": Key(Bool(), "Whether there are policies for the whole cluster, before every other policy."),
        "closed_networks": Key(List(Cidr()), "Networks that no pod reaches, such as a cloud's metadata address."),
        "closed_node_ports": Key(
            List(Int(1, 65535)), "TCP ports of the nodes that no pod reaches, but for those of `trusted_namespaces`."
        ),
        "trusted_namespaces": Key(
            List(values.DnsLabel), "Namespaces whose pods may reach these ports: what measures and backs up the nodes."
        ),
    }
)

SCHEMA = Section(
    {
        "enabled": common.ENABLED,
        "felix": Key(_FELIX, "Calico's agent on every node."),
        "policies": Key(_POLICIES, "Calico's policies, in a tier of their own: they deny, the rest is up to others."),
    }
)


def _options_have_an_effect(model: dict[str, Any], report: Report) -> None:
    """A setting that something else decides would be written, and would do nothing or harm."""
    felix = (common.enabled(model, "canal") or {}).get("felix") or {}
    for name in felix.get("options") or ():
        path = ("k8s", "services", "canal", "felix", "options", name)
        if name in _OF_RKE:
            report.add(path, "a field that rke does not fix: its own value wins over this one", redact.name(name))
        elif name in _OF_PILLAR:
            report.add(path, f"k8s:services:canal:felix:{_OF_PILLAR[name]} in its place", redact.name(name))
        elif name in _OF_OTHERS:
            expected = "a field that does not concern how packets travel: in Canal that is flannel's and kube-proxy's "
            report.add(path, expected + "(see k8s:cluster:network:backend and encryption)", redact.name(name))


def _tiers_are_there(model: dict[str, Any], report: Report) -> None:
    """The policies stand in a tier, so that they can deny without allowing the rest."""
    policies = (common.enabled(model, "canal") or {}).get("policies") or {}
    found = values.version(model["cluster"]["version"] or "")
    if policies.get("enabled") and found and found < TIERS_SINCE:
        expected = "false with a Kubernetes before v{}.{}.{}, whose Canal has no tiers".format(*TIERS_SINCE)
        report.add(("k8s", "services", "canal", "policies", "enabled"), expected, "true")


RULES = (_options_have_an_effect, _tiers_are_there)
