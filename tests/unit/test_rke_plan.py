"""The plan and its guards: cases as data, from the running cluster and the declared one."""

from __future__ import annotations

import json

import pytest
from saltk8s.base import errors
from saltk8s.engine.rke import cluster_yml, guards, planner, state_file, versions
from tests.support import rke as sample

CASES = sample.case("plans")
VERSIONS = sample.case("versions")


def planned(case):
    """The case's plan, its running nodes and the names that may go."""
    before = case["before"]
    after = before if case["after"] == "same" else case["after"]
    config = cluster_yml.build(sample.model(after))
    last = None
    if before == "none":
        observed = None
    elif before == "half":
        observed = state_file.parse(json.dumps(sample.rkestate(config, running=False)))
    else:
        old = cluster_yml.build(sample.model(before))
        observed = state_file.parse(json.dumps(sample.rkestate(old)))
        last = {"status": "done", "time": "t", "config": old, "digest": observed["digest"], "rke": "v1.8.5"}
        change = case.get("last") or {}
        last = None if change == "none" else {**last, **change}
    plan = planner.compute(config, observed, last, "v1.8.5")
    allowed = after.get("cluster", {}).get("allow_removal", [])
    return plan, observed["nodes"] if observed else {}, allowed


@pytest.mark.parametrize("name", CASES)
def test_plan(name):
    case = CASES[name]
    plan, running, allowed = planned(case)
    shown = "\n".join(plan.lines()) + json.dumps(plan.changes())
    assert "CANARY" not in shown
    if "refused" in case:
        with pytest.raises(errors.Refused) as refused:
            guards.check(plan, running, allowed, case.get("etcd_down", ()))
        for words in case["refused"]:
            assert words in str(refused.value)
        return
    guards.check(plan, running, allowed, case.get("etcd_down", ()))
    lines = "\n".join(plan.lines())
    assert plan.empty is case.get("empty", False)
    assert sorted(plan.changes()) == sorted(case.get("changes", []))
    for words in case.get("lines", []):
        assert words in lines
    for words in case.get("not_lines", []):
        assert words not in lines


def test_a_refusal_lists_everything_at_once():
    case = {
        "before": {"nodes": {"cp1": {"roles": ["controlplane", "etcd"]}, "w1": {"roles": ["worker"]}}},
        "after": {"nodes": {"new": {"roles": ["controlplane", "etcd"], "ip": "10.20.9.9"}}},
    }
    plan, running, allowed = planned(case)
    with pytest.raises(errors.Refused) as refused:
        guards.check(plan, running, allowed)
    for words in ("cp1 is in the cluster", "w1 is in the cluster", "quorum", "last control plane"):
        assert words in str(refused.value)


def test_nodes_that_carry_a_cluster_are_not_built_on():
    guards.check_blank({}, "state", "backups")
    with pytest.raises(errors.Refused) as refused:
        guards.check_blank({"w1": ["container kubelet"], "cp1": ["/etc/kubernetes/ssl"]}, "/s/x.rkestate", "/s/b")
    for words in ("/s/x.rkestate", "w1: container kubelet", "cp1: /etc/kubernetes/ssl", "/s/b"):
        assert words in str(refused.value)


@pytest.mark.parametrize("case", VERSIONS["rke"], ids=lambda case: case["said"].strip() or "nothing")
def test_rke_version(case):
    if "refused" in case:
        with pytest.raises(errors.Refused, match=case["refused"]):
            versions.check_rke(versions.rke_of(case["said"]))
    else:
        found = versions.rke_of(case["said"])
        versions.check_rke(found)
        assert found == case["version"]


@pytest.mark.parametrize("case", VERSIONS["kubernetes"], ids=lambda case: f"{case['running']}-{case['wanted']}")
def test_kubernetes_version(case):
    if "refused" in case:
        with pytest.raises(errors.Refused, match=case["refused"]):
            versions.check_kubernetes(case["wanted"], case["offered"], case["running"])
    else:
        versions.check_kubernetes(case["wanted"], case["offered"], case["running"])


@pytest.mark.parametrize("version", ["v1.32", "latest", "v1.32.6", "1.32.6-rancher1-1"])
def test_unpinned_kubernetes_version(version):
    with pytest.raises(errors.Refused, match="pinned"):
        versions.kubernetes(version)


def test_offered_versions_are_sorted_as_numbers():
    said = "v1.9.10-rancher1-1\nv1.30.14-rancher1-1\nv1.9.2-rancher1-1\n"
    assert versions.offered(said) == ["v1.9.2-rancher1-1", "v1.9.10-rancher1-1", "v1.30.14-rancher1-1"]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"desiredState": {}}', '{"desiredState": {"rkeConfig": {}}}'])
def test_a_damaged_state_is_never_a_new_cluster(text):
    with pytest.raises(errors.Refused, match=r"x\.rkestate cannot be used.*backups"):
        state_file.parse(text, "x.rkestate")


def test_state_has_no_keys_and_no_password():
    config = cluster_yml.build(
        sample.model({"nodes": sample.three_nodes(), "registry": {"url": "r", "username": "u", "password": "CANARY-P"}})
    )
    found = state_file.parse(json.dumps(sample.rkestate(config)))
    assert "CANARY" not in json.dumps(found)
    assert found["running"]
    assert found["version"] == "v1.32.6-rancher1-1"
    assert found["nodes"]["w1"]["roles"] == ["worker"]
    assert state_file.parse(None) is None


def test_a_hundred_unchanged_nodes_are_nothing_to_do():
    model = sample.model({"nodes": sample.many_nodes(100)})
    config = cluster_yml.build(model)
    observed = state_file.parse(json.dumps(sample.rkestate(config)))
    last = {"status": "done", "config": config, "digest": observed["digest"], "rke": "v1.8.5"}
    assert planner.compute(config, observed, last, "v1.8.5").empty
