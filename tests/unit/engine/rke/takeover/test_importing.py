"""From ``cluster.yml`` to the pillar and back: the same cluster, and nothing lost."""

from __future__ import annotations

import copy
import json

import pytest
import yaml
from hypothesis import given, settings
from saltk8s.base import errors
from saltk8s.engine.rke import cluster_yml
from saltk8s.engine.rke.takeover import canonical, importing, reading
from tests.support import pillars, takeover

HAND_WRITTEN = sorted(path.stem for path in takeover.CASES.glob("*.yml"))
VERSION = "v1.32.6-rancher1-1"


def imported(config):
    return importing.pillar_of(config, VERSION, "adm", takeover.complete)


def whole(found):
    """The pillar as Salt merges its files."""
    tree = pillars.merge(takeover.site(found.public), found.secret)
    for number, node in enumerate(tree["nodes"].values(), 1):
        if node["address"] == "CHANGE-ME":
            node["address"] = f"192.0.2.{number}"
    return tree


def read(name):
    config = reading.parse((takeover.CASES / f"{name}.yml").read_text())
    return {**config, "kubernetes_version": config.get("kubernetes_version") or VERSION}


@settings(max_examples=60, database=None)
@given(takeover.trees())
def test_a_pillar_comes_back_from_its_cluster_yml(tree):
    before = takeover.complete(takeover.site(tree))
    config = cluster_yml.build(before)
    found = imported(reading.parse(cluster_yml.text(config)))
    assert "engine_config" not in found.public["cluster"], found.public["cluster"]["engine_config"]
    assert "engine_config" not in found.secret.get("cluster", {})
    after = takeover.complete(whole(found))
    built = cluster_yml.build(after)
    assert canonical.canonical(built) == canonical.canonical(config)
    assert canonical.more(built, config) == {}
    for key in ("version", "network", "dns_domain", "encrypt_secrets", "admission", "kubelet", "metrics_server"):
        assert _plain(after["cluster"][key]) == _plain(before["cluster"][key]), key
    assert [*after["nodes"]] == [*before["nodes"]]
    for name, node in after["nodes"].items():
        assert node == before["nodes"][name]


def _plain(value):
    """WireGuard's own MTU is explicit once it was built."""
    return {k: v for k, v in value.items() if k != "mtu"} if isinstance(value, dict) else value


@settings(max_examples=30, database=None)
@given(takeover.trees())
def test_no_secret_is_in_what_every_minion_gets_or_is_named(tree):
    config = cluster_yml.build(takeover.complete(takeover.site(tree)))
    found = imported(config)
    assert "canary" not in json.dumps([found.public, found.named])


@pytest.mark.parametrize("name", HAND_WRITTEN)
def test_a_hand_written_one_is_the_same_cluster(name):
    config = read(name)
    found = imported(config)
    tree = whole(found)
    built = cluster_yml.build(takeover.complete(tree))
    assert canonical.canonical(built) == canonical.canonical(config)
    assert "canary" not in json.dumps([found.public, found.named])
    assert [*tree["nodes"]] == [*canonical.nodes(config)]


@pytest.mark.parametrize("name", HAND_WRITTEN)
def test_what_runs_is_recorded_so_that_nothing_is_left_to_do(name):
    config = read(name)
    built = cluster_yml.build(takeover.complete(whole(imported(config))))
    assert canonical.settled(built, config) == built


def test_what_has_no_key_is_named_with_its_path():
    named = dict(imported(read("rich")).named)
    assert "kept in" in named["services.kubelet.extra_binds"]
    assert "the admin has to reach" in named["bastion_host.address"]
    assert "not in the cluster" in named["services.kubelet.extra_args.pod-max-pids"]
    assert named["k8s:cluster:engine_config:addons"] == "a secret, in secrets.sls"
    assert "the pack's own" in named["upgrade_strategy"]


def test_a_node_that_is_known_by_a_name_needs_its_address():
    found = imported(read("names"))
    assert found.public["nodes"]["w1.example"]["address"] == "CHANGE-ME"
    assert "IPv4" in dict(found.named)["nodes.w1.example.address"]


def test_images_of_rke_itself_are_left_out():
    config = {**read("minimal"), "system_images": {"etcd": "rancher/etcd:v1", "alpine": "mine/alpine:v1"}}
    found = importing.pillar_of(config, VERSION, "adm", takeover.complete, ["rancher/etcd:v1"])
    assert found.public["cluster"]["engine_config"]["system_images"] == {"alpine": "mine/alpine:v1"}


def test_another_network_plugin_is_refused():
    config = {**read("minimal"), "network": {"plugin": "weave"}}
    with pytest.raises(errors.Refused, match="network.plugin is weave"):
        imported(config)


def test_a_line_out_of_the_extra_is_a_change_of_the_next_plan():
    config = read("minimal")
    tree = whole(imported(config))
    theirs = canonical.settled(cluster_yml.build(takeover.complete(tree)), config)
    stricter = copy.deepcopy(tree)
    del stricter["cluster"]["engine_config"]["services"]["kubelet"]
    ours = cluster_yml.build(takeover.complete(stricter))
    assert canonical.settled(ours, config)["services"].get("kubelet") == theirs["services"].get("kubelet")
    assert ours["services"]["kubelet"]["extra_args"]["pod-max-pids"] == "4096"


def test_yaml_reads_as_rke_reads_it():
    labels = "{a: yes, b: 010, c: 1.10, d: 2001-01-01, e: true}"
    node = reading.parse(f"nodes:\n- address: 10.0.0.1\n  labels: {labels}\n  ssh_agent_auth: yes\n")["nodes"][0]
    assert node["labels"] == {"a": "yes", "b": "010", "c": "1.10", "d": "2001-01-01", "e": "true"}
    assert node["ssh_agent_auth"] is True


@pytest.mark.parametrize("text", ["nodes: []", "[]", "a: b", "nodes: [{user: x}]", "nodes: [", "nodes: [1]"])
def test_what_is_no_cluster_yml_is_refused(text):
    with pytest.raises(errors.Refused, match="cluster.yml"):
        reading.parse(text)


def test_the_cases_are_yaml():
    assert len(HAND_WRITTEN) >= 6
    assert all(yaml.safe_load((takeover.CASES / f"{name}.yml").read_text()) for name in HAND_WRITTEN)
