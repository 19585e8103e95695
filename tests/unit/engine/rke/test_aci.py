"""Cisco ACI as the network plugin: what rke gets, and what has no meaning with it."""

from __future__ import annotations

import copy

import pytest
from saltk8s.base.errors import ConfigError
from saltk8s.engine.rke import aci, cluster_yml, workloads
from tests.support import pillars, takeover

VERSION = "v1.32.6-rancher1-1"


@pytest.fixture(scope="module")
def tree():
    return takeover.fabric()


def problems(tree, over):
    with pytest.raises(ConfigError) as caught:
        takeover.complete(pillars.merge(tree, over))
    return {problem.path: problem.expected for problem in caught.value.problems}


def test_rke_gets_what_was_prepared_for_the_fabric(tree):
    network = cluster_yml.build(takeover.complete(tree))["network"]
    assert network["plugin"] == "aci"
    assert network["options"] == {"aci_controller_log_level": "debug"}
    provider = network["aci_network_provider"]
    assert provider["service_vlan"] == "4003"
    assert provider["l3out_external_networks"] == ["k8s-ext"]


def test_the_key_is_a_secret(tree):
    config = cluster_yml.build(takeover.complete(tree))
    assert "Y2FuYXJ5Y2FuYXJ5" not in str(cluster_yml.redacted(config))
    assert "Y2FuYXJ5Y2FuYXJ5" in cluster_yml.secrets(config)
    assert "Y2FuYXJ5Y2FuYXJ5" not in str(cluster_yml.fingerprinted(config, "salt"))


def test_names_of_the_vmm_domain_follow_from_the_system(tree):
    tree = copy.deepcopy(tree)
    del tree["cluster"]["network"]["aci"]["vmm_domain"], tree["cluster"]["network"]["aci"]["vmm_controller"]
    provider = cluster_yml.build(takeover.complete(tree))["network"]["aci_network_provider"]
    assert provider["vmm_domain"] == provider["vmm_controller"] == "osug"


def test_metallb_and_canal_are_off(tree):
    found = problems(tree, {"services": {"metallb": {"enabled": True}, "canal": {"enabled": True}}})
    assert "the fabric gives" in found["k8s:services:metallb:enabled"]
    assert "Canal" in found["k8s:services:canal:enabled"]


@pytest.mark.parametrize("key, value", [("mtu", 1450), ("interface", "ens192"), ("encryption", "wireguard")])
def test_what_is_canals_is_refused(tree, key, value):
    assert f"k8s:cluster:network:{key}" in problems(tree, {"cluster": {"network": {key: value}}})


def test_the_section_and_the_plugin_go_together(tree):
    without = copy.deepcopy(tree)
    del without["cluster"]["network"]["aci"]
    assert "acc-provision" in problems(without, {})["k8s:cluster:network:aci"]
    assert (
        "plugin is not aci" in problems(tree, {"cluster": {"network": {"plugin": "canal"}}})["k8s:cluster:network:aci"]
    )


@pytest.mark.parametrize(
    "key, value",
    [("mcast_start", "10.0.0.1"), ("node_gateway", "10.20.0.1"), ("infra_vlan", 4095), ("options", {"other": "x"})],
)
def test_values_are_checked(tree, key, value):
    found = problems(tree, {"cluster": {"network": {"aci": {key: value}}}})
    assert any(path.startswith(f"k8s:cluster:network:aci:{key}") for path in found)


def test_no_workload_of_canals_is_waited_for(tree):
    assert workloads.of(takeover.complete(tree)).required["DaemonSet"] == set()


def test_the_reverse(tree):
    model = takeover.complete(tree)["cluster"]["network"]
    section = aci.network(model)
    back = aci.pillar(section["aci_network_provider"], section["options"])
    assert back == {key: value for key, value in model["aci"].items() if value}
