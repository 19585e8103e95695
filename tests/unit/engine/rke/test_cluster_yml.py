"""``cluster.yml`` from the model: golden files, and what must hold for every model."""

from __future__ import annotations

import os

import pytest
import yaml
from saltk8s.engine.rke import cluster_yml
from saltk8s.engine.rke.planning import changes
from saltk8s.pillar import model as models
from tests.support import pillars
from tests.support import rke as sample

CASES = sample.case("render")


@pytest.mark.parametrize("name", CASES)
def test_golden(name):
    rendered = cluster_yml.text(cluster_yml.build(sample.model(CASES[name])))
    golden = sample.GOLDEN / f"{name}.yml"
    if os.environ.get("SALTK8S_WRITE_GOLDEN"):
        golden.write_text(rendered)
    assert rendered == golden.read_text()


def test_every_golden_file_has_its_case():
    assert {path.stem for path in sample.GOLDEN.glob("*.yml")} == set(CASES)


def test_rendering_twice_gives_the_same_text():
    model = sample.model(CASES["ha-registry"])
    assert cluster_yml.text(cluster_yml.build(model)) == cluster_yml.text(cluster_yml.build(model))


def test_text_reads_back_as_the_data():
    config = cluster_yml.build(sample.model(CASES["ha-registry"]))
    assert yaml.safe_load(cluster_yml.text(config)) == config


def test_redacted_hides_the_password_and_leaves_the_original_alone():
    config = cluster_yml.build(sample.model(CASES["ha-registry"]))
    shown = cluster_yml.redacted(config)
    assert "CANARY" not in yaml.safe_dump(shown)
    assert shown["private_registries"][0]["user"] == "k8s"
    assert cluster_yml.secrets(config) == ["CANARY-REGISTRY"]
    assert cluster_yml.secrets(cluster_yml.build(sample.model(CASES["three"]))) == []


def test_redacted_hides_the_keys_of_the_location_of_snapshots():
    config = cluster_yml.build(sample.model(CASES["snapshots-on-s3"]))
    shown = cluster_yml.redacted(config)
    assert "CANARY" not in yaml.safe_dump(shown)
    assert shown["services"]["etcd"]["backup_config"]["s3backupconfig"]["bucket_name"] == "k8s"
    assert cluster_yml.secrets(config) == ["CANARY-ACCESS", "CANARY-SECRET"]


def test_a_hash_of_a_secret_changes_with_it_and_with_the_salt():
    config = cluster_yml.build(sample.model(pillars.merge(CASES["snapshots-on-s3"], CASES["ha-registry"])))
    first = cluster_yml.fingerprinted(config, "a")
    assert "CANARY" not in yaml.safe_dump(first)
    assert first == cluster_yml.fingerprinted(config, "a") != cluster_yml.fingerprinted(config, "b")
    other = pillars.merge(CASES["ha-registry"], {"registry": {"password": "CANARY-OTHER"}})
    config = cluster_yml.build(sample.model(other))
    second = cluster_yml.fingerprinted(config, "a")
    assert second["private_registries"][0]["password"] != first["private_registries"][0]["password"]
    assert second["private_registries"][0]["user"] == "k8s"


def test_what_is_kept_on_s3_covers_the_whole_time():
    case = pillars.merge(CASES["snapshots-on-s3"], {"cluster": {"etcd": {"snapshots": {"every": "5h", "keep": "1d"}}}})
    etcd = cluster_yml.build(sample.model(case))["services"]["etcd"]["backup_config"]
    assert (etcd["interval_hours"], etcd["retention"]) == (5, 5)


def test_running_nodes_keep_their_order_and_new_ones_follow():
    config = cluster_yml.build(sample.model({"nodes": {n: {"roles": ["worker"]} for n in ("w3", "w2", "new", "w1")}}))
    ordered = cluster_yml.in_order(config, ["w1", "gone", "w2", "w3"])
    assert [node["hostname_override"] for node in ordered["nodes"]] == ["w1", "w2", "w3", "new"]
    assert cluster_yml.in_order(config, ()) == config


def test_a_hundred_nodes_are_all_there_once():
    config = cluster_yml.build(sample.model({"nodes": sample.many_nodes(100)}))
    assert len({node["address"] for node in config["nodes"]}) == 100
    assert sum("etcd" in node["role"] for node in config["nodes"]) == 3


@pytest.mark.parametrize(("given", "expected"), [("6h", "6h"), ("7d", "168h"), ("90m", "90m")])
def test_durations_are_in_units_that_rke_reads(given, expected):
    assert cluster_yml.duration(given) == expected


@pytest.mark.parametrize(("cidr", "expected"), [("10.43.0.0/16", "10.43.0.10"), ("10.96.0.0/28", "10.96.0.10")])
def test_dns_is_the_tenth_service_address(cidr, expected):
    assert cluster_yml.dns_address(cidr) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("gpu=true:NoSchedule", ("gpu", "true", "NoSchedule")),
        ("dedicated:NoExecute", ("dedicated", "", "NoExecute")),
        ("a.example/b=c:PreferNoSchedule", ("a.example/b", "c", "PreferNoSchedule")),
    ],
)
def test_taints(given, expected):
    assert tuple(cluster_yml.taint(given).values()) == expected


def test_the_example_pillar_builds_a_cluster():
    model = models.build(pillars.defaults(), pillars.full(), secrets_required=True)
    config = cluster_yml.build(model)
    assert [node["hostname_override"] for node in config["nodes"]] == list(model["nodes"])
    assert [node["address"] for node in config["nodes"]][:2] == ["10.20.0.11", "10.20.0.12"]
    assert config["nodes"][-1]["taints"] == [{"key": "gpu", "value": "true", "effect": "NoSchedule"}]
    assert config["private_registries"][0]["password"] == pillars.REGISTRY_PASSWORD
    assert config["network"]["options"]["canal_iface"] == "ens192"
    assert changes.plan_of(config, None, None, None).create


OIDC = {"issuer": "https://sso.osug.example", "client_id": "k8s"}


@pytest.mark.parametrize("ca", [None, "-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----"])
def test_the_identity_provider_becomes_flags_of_the_api_server(ca):
    tree = pillars.merge(pillars.full(), {"authentication": {"oidc": OIDC | ({"ca": ca} if ca else {})}})
    tree = pillars.merge(tree, {"cluster": {"extra_args": {"kube_apiserver": {"oidc-groups-claim": "roles"}}}})
    flags = cluster_yml.build(models.build(pillars.defaults(), tree))["services"]["kube-api"]["extra_args"]
    assert {flag: value for flag, value in flags.items() if flag.startswith("oidc")} == {
        "oidc-issuer-url": "https://sso.osug.example",
        "oidc-client-id": "k8s",
        "oidc-username-claim": "email",
        "oidc-username-prefix": "oidc:",
        "oidc-groups-claim": "roles",  # a flag of the operator's own holds
        "oidc-groups-prefix": "oidc:",
        **({"oidc-ca-file": "/etc/kubernetes/saltk8s-oidc-ca.pem"} if ca else {}),
    }
    without = cluster_yml.build(models.build(pillars.defaults(), pillars.full()))
    assert not any(flag.startswith("oidc") for flag in without["services"]["kube-api"]["extra_args"])


def test_kubelets_wait_for_the_vsphere_controller_while_it_is_on():
    tree = pillars.full()
    on = cluster_yml.build(models.build(pillars.defaults(), tree, secrets_required=True))
    assert on["cloud_provider"] == {"name": "external"}
    tree = pillars.merge(tree, {"services": {"vsphere": {"enabled": False}}})
    off = cluster_yml.build(models.build(pillars.defaults(), tree, secrets_required=True))
    assert on["services"]["kubelet"]["extra_args"].pop("node-ip") == "0.0.0.0"
    assert on == off | {"cloud_provider": {"name": "external"}}


def test_vsphere_leaves_addresses_that_the_pillar_gives():
    nodes = {"k8s-w1": {"internal_address": "10.30.0.21"}}
    model = models.build(pillars.defaults(), pillars.merge(pillars.full(), {"nodes": nodes}), secrets_required=True)
    config = cluster_yml.build(model)
    assert config["cloud_provider"] == {"name": "external"}
    assert "node-ip" not in config["services"]["kubelet"]["extra_args"]


def test_tokens_have_an_issuer_that_others_can_verify_and_older_ones_still_hold():
    api = cluster_yml.build(sample.model(CASES["one-node"]))["services"]["kube-api"]
    assert api["extra_args"]["service-account-issuer"] == "https://kubernetes.default.svc.k8s.osug.example"
    assert api["extra_args_array"] == {"service-account-issuer": ["rke"]}
    own = {"cluster": {"extra_args": {"kube_apiserver": {"service-account-issuer": "https://tokens.osug.example"}}}}
    api = cluster_yml.build(sample.model(pillars.merge(CASES["one-node"], own)))["services"]["kube-api"]
    assert api["extra_args"]["service-account-issuer"] == "https://tokens.osug.example"
    assert "extra_args_array" not in api


def test_what_is_closed_can_be_opened():
    over = {
        "cluster": {
            "admission": {"pod_security": "privileged", "event_rate_limit": False, "always_pull_images": True},
            "kubelet": {"protect_kernel_defaults": False, "serving_certificates": False},
            "extra_args": {"kube_controller": {"bind-address": "0.0.0.0"}, "kubelet": {"seccomp-default": "false"}},
        }
    }
    services = cluster_yml.build(sample.model(pillars.merge(CASES["one-node"], over)))["services"]
    api = services["kube-api"]
    assert (api["always_pull_images"], api["event_rate_limit"]) == (True, {"enabled": False})
    pod_security = api["admission_configuration"]["plugins"][0]["configuration"]
    assert pod_security["defaults"]["enforce"] == "privileged"
    assert services["kubelet"]["generate_serving_certificate"] is False
    flags = services["kubelet"]["extra_args"]
    assert (flags["protect-kernel-defaults"], flags["seccomp-default"]) == ("false", "false")
    assert services["kube-controller"]["extra_args"]["bind-address"] == "0.0.0.0"


def test_no_serving_certificates_while_a_node_has_no_address_of_its_own():
    over = {"nodes": {"w9": {"roles": ["worker"], "ip": None}}}
    for case, expected in ((CASES["three"], True), (pillars.merge(CASES["three"], over), False)):
        config = cluster_yml.build(sample.model(case))
        assert config["services"]["kubelet"]["generate_serving_certificate"] is expected


def test_a_pod_that_nothing_would_start_again_stops_an_upgrade_unless_a_tenant_may_have_made_it():
    def forced(**more) -> bool:
        return cluster_yml.build(model | more)["upgrade_strategy"]["node_drain_input"]["force"]

    model = sample.model(CASES["three"])
    assert forced(services={"tenants": {"enabled": True}}, tenants={"resif": {}}) is True
    assert forced(services={"tenants": {"enabled": True}}, tenants={}) is False
    assert forced(services={"tenants": {"enabled": False}}, tenants={"resif": {}}) is False
