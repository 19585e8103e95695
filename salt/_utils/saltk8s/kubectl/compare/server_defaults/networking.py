"""Services, Ingresses, NetworkPolicies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltk8s.kubectl.compare.server_defaults.shape import SELECTOR, TEXTS, shape, with_spec


def _service(value: Mapping[str, Any], live: Mapping[str, Any]) -> Mapping[str, Any]:
    """An empty address, and a node's port 0, ask for any: the service keeps those that it has."""
    given = {name: one for name, one in value.items() if not (name == "clusterIP" and one == "")}
    whole = {**live, **given}
    on_nodes = whole.get("type") == "NodePort" or (
        whole.get("type") == "LoadBalancer" and whole.get("allocateLoadBalancerNodePorts") is not False
    )
    if on_nodes and live.get("type") == whole["type"] and isinstance(given.get("ports"), list):
        kept = {(one.get("port"), one.get("protocol")): one.get("nodePort") for one in live.get("ports") or ()}
        given["ports"] = [_kept_port(one, kept) for one in given["ports"]]
    return given


def _kept_port(port: Any, kept: Mapping[Any, Any]) -> Any:
    if not isinstance(port, Mapping) or port.get("nodePort") != 0:
        return port
    return {**port, "nodePort": kept.get((port.get("port"), port.get("protocol", "TCP")))}


_SERVICE = shape(
    "externalName loadBalancerIP publishNotReadyAddresses type sessionAffinity",
    {"type": "ClusterIP", "sessionAffinity": "None"},
    _service,
    selector=TEXTS,
    ports=shape("name nodePort", {"protocol": "TCP"}),
)
_BACKEND = shape(service=shape(port=shape("name number")))
_INGRESS = shape(
    defaultBackend=_BACKEND,
    tls=shape("secretName"),
    rules=shape("host", http=shape(paths=shape("path", backend=_BACKEND))),
)
_PEER = shape(podSelector=SELECTOR, namespaceSelector=SELECTOR)
_POLICY_PORTS = shape("", {"protocol": "TCP"})


def _policy(value: Mapping[str, Any], live: Mapping[str, Any]) -> Mapping[str, Any]:
    """An empty list of types equals an absent one: the API server derives them from the rules."""
    if value.get("policyTypes") != []:
        return value
    rules = value.get("egress") or live.get("egress")
    return {**value, "policyTypes": ["Ingress", "Egress"] if rules else ["Ingress"]}


_NETWORK_POLICY = shape(
    "",
    None,
    _policy,
    podSelector=SELECTOR,
    ingress=shape(**{"from": _PEER, "ports": _POLICY_PORTS}),
    egress=shape(to=_PEER, ports=_POLICY_PORTS),
)

KINDS = {
    ("", "Service"): with_spec(_SERVICE),
    ("networking.k8s.io", "Ingress"): with_spec(_INGRESS),
    ("networking.k8s.io", "NetworkPolicy"): with_spec(_NETWORK_POLICY),
}
