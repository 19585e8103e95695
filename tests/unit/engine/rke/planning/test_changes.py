"""The plan and its guards: cases as data, from the running cluster and the declared one."""

from __future__ import annotations

import json

import pytest
from saltk8s.base import errors
from saltk8s.engine.rke import cluster_yml, guards, rkestate
from saltk8s.engine.rke.planning import changes
from tests.support import rke as sample
from tests.support import rke_state

CASES = sample.case("plans")


def planned(case):
    """The case's plan, its running nodes and the names that may go."""
    before = case["before"]
    after = before if case["after"] == "same" else case["after"]
    config = cluster_yml.build(sample.model(after))
    last = None
    if before == "none":
        observed = None
    elif before == "half":
        observed = rkestate.parse(json.dumps(rke_state.rkestate(config, running=False)))
    else:
        old = cluster_yml.build(sample.model(before))
        observed = rkestate.parse(json.dumps(rke_state.rkestate(old)))
        last = {"status": "done", "time": "t", "config": old, "digest": observed["digest"], "rke": "v1.8.5"}
        change = case.get("last") or {}
        last = None if change == "none" else {**last, **change}
    plan = changes.plan_of(config, observed, last, "v1.8.5")
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
    for words in ("w1 is in the cluster", "without cp1 no node of the cluster", "roles controlplane etcd"):
        assert words in str(refused.value)


def test_a_hundred_unchanged_nodes_are_nothing_to_do():
    model = sample.model({"nodes": sample.many_nodes(100)})
    config = cluster_yml.build(model)
    observed = rkestate.parse(json.dumps(rke_state.rkestate(config)))
    last = {"status": "done", "config": config, "digest": observed["digest"], "rke": "v1.8.5"}
    assert changes.plan_of(config, observed, last, "v1.8.5").empty
