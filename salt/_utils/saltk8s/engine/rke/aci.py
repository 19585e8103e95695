"""Cisco ACI as the network plugin: ``k8s:cluster:network:aci`` in rke's words. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltk8s.base import redact
from saltk8s.pillar.vocabulary.types import Report

NAME = "aci"
# rke's name of each key below aci_network_provider, by the pillar's
_WORDS = {
    "system_id": "system_id",
    "token": "token",
    "apic_user": "apic_user_name",
    "apic_user_key": "apic_user_key",
    "apic_user_crt": "apic_user_crt",
    "vmm_domain": "vmm_domain",
    "vmm_controller": "vmm_controller",
    "encap_type": "encap_type",
    "mcast_start": "mcast_range_start",
    "mcast_end": "mcast_range_end",
    "aep": "aep",
    "vrf": "vrf_name",
    "vrf_tenant": "vrf_tenant",
    "l3out": "l3out",
    "node_gateway": "node_subnet",
    "dynamic_gateway": "extern_dynamic",
    "static_gateway": "extern_static",
    "service_gateway": "node_svc_subnet",
    "kubeapi_vlan": "kube_api_vlan",
    "service_vlan": "service_vlan",
    "infra_vlan": "infra_vlan",
}
_LISTS = {"apic_hosts": "apic_hosts", "l3out_networks": "l3out_external_networks"}
_NETWORK = ("k8s", "cluster", "network")
# services of the pack that the fabric does, or that need Canal
_OFF = {
    "metallb": "the fabric gives Services of type LoadBalancer their addresses (dynamic_gateway)",
    "canal": "its policies and settings are Canal's",
}


def network(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return rke's ``network`` section. given: the model's ``cluster:network``."""
    aci = given[NAME]
    named = {"vmm_domain": aci["system_id"], "vmm_controller": aci["system_id"]}
    provider: dict[str, Any] = {
        word: str(value) for key, word in _WORDS.items() if (value := aci.get(key) or named.get(key))
    }
    provider |= {word: list(aci[key]) for key, word in _LISTS.items()}
    options = {name: str(value) for name, value in sorted((aci.get("options") or {}).items())}
    return {"plugin": NAME, "aci_network_provider": provider, **({"options": options} if options else {})}


def pillar(provider: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the pillar's keys of rke's section: the reverse of ``network``, for taking over."""
    numbers = ("kubeapi_vlan", "service_vlan", "infra_vlan")
    found = {key: provider[word] for key, word in {**_WORDS, **_LISTS}.items() if provider.get(word)}
    found |= {key: int(found[key]) for key in numbers if str(found.get(key, "")).isdigit()}
    more = {name: value for name, value in options.items() if name.startswith("aci_")}
    return {**found, **({"options": more} if more else {})}


def rule(model: dict[str, Any], report: Report) -> None:
    """The plugin needs its section; what is Canal's has no meaning with it; what the fabric does is off."""
    given = model["cluster"]["network"] or {}
    if given.get("plugin") != NAME:
        if given.get(NAME):
            report.add((*_NETWORK, NAME), "nothing, because k8s:cluster:network:plugin is not aci", "a section")
        return
    if not given.get(NAME) and not report.has_problem_at(*_NETWORK, NAME):
        report.add((*_NETWORK, NAME), "what acc-provision made for the fabric, because of plugin: aci", "nothing")
    for key in ("interface", "mtu"):
        if given.get(key):
            report.add((*_NETWORK, key), "nothing with plugin: aci: the fabric decides", redact.show(given[key]))
    if given.get("encryption") not in (None, "none"):
        report.add((*_NETWORK, "encryption"), "none with plugin: aci", redact.show(given["encryption"]))
    for name, why in _OFF.items():
        if ((model["services"] or {}).get(name) or {}).get("enabled"):
            report.add(("k8s", "services", name, "enabled"), f"false with plugin: aci: {why}", "true")
