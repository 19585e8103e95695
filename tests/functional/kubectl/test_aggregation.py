"""Aggregated ClusterRoles: their rules are the control plane's, whose controller the tests play."""

from __future__ import annotations

import copy

import pytest
from tests.support.kubectl import check_thrice, check_unchanged

CONTROLLER = "clusterrole-aggregation-controller"
READ = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
WRITE = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["delete"]}]
RULE = {"clusterRoleSelectors": [{"matchLabels": {"agg": "true"}}]}
NONE = object()


def role(name, rules=NONE, aggregation=NONE):
    """A ClusterRole with or without rules and an aggregation rule."""
    made = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": name}}
    made |= {} if rules is NONE else {"rules": rules}
    return made | ({} if aggregation is NONE else {"aggregationRule": aggregation})


@pytest.fixture
def control_plane(apiserver):
    """Fill in a role's rules, as the controller does; returns what is in the cluster then."""

    def fill_in(name, rules=READ):
        apiserver.apply(role(name, rules), manager=CONTROLLER)
        return apiserver.get("clusterrole", name)

    return fill_in


@pytest.mark.parametrize("force_conflicts", [False, True])
@pytest.mark.parametrize("rules", [NONE, [], None, WRITE], ids=["without", "empty", "null", "some"])
def test_rules_beside_an_aggregation_rule_are_the_control_planes(
    apiserver, applied, control_plane, rules, force_conflicts
):
    name = f"agg-{'none' if rules is NONE else len(str(rules))}-{force_conflicts}".lower()
    declared = role(name, rules, RULE)
    settings = {"force_conflicts": force_conflicts}
    check_thrice(apiserver, lambda **kw: applied(name, declared, **settings, **kw))
    control_plane(name)
    check_unchanged(apiserver, lambda **kw: applied(name, declared, **settings, **kw))
    changed = copy.deepcopy(declared)
    changed["metadata"]["labels"] = {"more": "yes"}
    check_thrice(apiserver, lambda **kw: applied(name, changed, **settings, **kw))
    assert apiserver.get("clusterrole", name)["rules"] == READ


@pytest.mark.parametrize("force_conflicts", [False, True])
def test_a_role_that_becomes_aggregated_says_what_happens_to_its_rules(
    apiserver, applied, control_plane, force_conflicts
):
    name = f"becomes-{force_conflicts}".lower()
    settings = {"force_conflicts": force_conflicts}
    check_thrice(apiserver, lambda **kw: applied(name, role(name, WRITE), **settings, **kw))
    aggregated = role(name, WRITE, RULE)
    real = check_thrice(apiserver, lambda **kw: applied(name, aggregated, **settings, **kw))
    changes = real["changes"][f"ClusterRole {name}"]
    assert any(path.startswith("rules") for path in changes) and any("aggregationRule" in path for path in changes)
    control_plane(name)
    check_unchanged(apiserver, lambda **kw: applied(name, aggregated, **settings, **kw))
    assert apiserver.get("clusterrole", name)["rules"] == READ


@pytest.mark.parametrize(
    ("name", "rules", "force"),
    [("ends", WRITE, False), ("ends-same", READ, False), ("ends-empty", [], False), ("ends-forced", WRITE, True)],
)
def test_a_role_that_is_no_longer_aggregated_gets_its_rules(apiserver, applied, control_plane, name, rules, force):
    settings = {"force_conflicts": force}
    applied(name, role(name, NONE, RULE), **settings)
    control_plane(name)
    check_thrice(apiserver, lambda **kw: applied(name, role(name, rules), **settings, **kw))
    found = apiserver.get("clusterrole", name)
    assert found["rules"] == (rules or None) and "aggregationRule" not in found


def test_a_role_that_others_aggregate_is_a_conflict(apiserver, applied, control_plane):
    applied("foreign", role("foreign", READ))
    apiserver.apply(role("foreign", NONE, RULE), manager="someone-else")
    control_plane("foreign", WRITE)
    for test in (True, False):
        answer = applied("foreign", role("foreign", READ), test=test)
        assert answer["result"] is False and answer["changes"] == {}
        assert f"conflict: another field manager {CONTROLLER!r} owns .rules" in answer["comment"]
    assert apiserver.get("clusterrole", "foreign")["rules"] == WRITE


def test_another_conflict_stays_one_beside_rules_that_are_left(apiserver, applied, control_plane):
    applied("two", role("two", NONE, RULE))
    control_plane("two")
    theirs = role("two")
    theirs["metadata"]["labels"] = {"of": "them"}
    apiserver.apply(theirs)
    ours = role("two", WRITE)
    ours["metadata"]["labels"] = {"of": "us"}
    for test in (True, False):
        answer = applied("two", ours, test=test)
        assert answer["result"] is False and "'someone-else' owns .metadata.labels.of" in answer["comment"]
    assert apiserver.get("clusterrole", "two")["rules"] == READ
