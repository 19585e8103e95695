"""A node without an address on a real API server: it gets one once, and only where a controller is waited for."""

from __future__ import annotations

from saltk8s.engine.rke.running import addresses
from saltk8s.kubectl.client.program import Kubectl
from tests.support.kubectl_nodes import node  # noqa: F401  a fixture


def of(server, name: str) -> dict[str, str]:
    status = server.get("node", name).get("status", {})
    return {one["type"]: one["address"] for one in status.get("addresses", [])}


def test_a_node_without_address_gets_that_of_the_pillar_until_the_controller_knows(apiserver, binaries, node):  # noqa: F811
    node("new-1")
    kubectl = Kubectl(str(apiserver.kubeconfig), binary=str(binaries["kubectl"]))
    config = {"nodes": [{"hostname_override": "new-1", "address": "10.0.0.1"}]}
    addresses.give(kubectl, config)
    assert of(apiserver, "new-1") == {}, "without vSphere the kubelet has one itself"
    config["cloud_provider"] = {"name": "external"}
    addresses.give(kubectl, config)
    assert of(apiserver, "new-1") == {"InternalIP": "10.0.0.1", "Hostname": "new-1"}
    config["nodes"][0]["address"] = "10.0.0.2"
    addresses.give(kubectl, config)
    assert of(apiserver, "new-1")["InternalIP"] == "10.0.0.1", "what is there is the controller's"
