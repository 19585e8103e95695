"""What a minion was: a pillar that is lost is not one that never was."""

from __future__ import annotations

import pytest
from saltk8s.pillar.gitops import role

NODE, ADMIN = role.record("osug", ["node"]), role.record("osug", {"node", "admin"})
TREE = {"cluster": {"name": "osug", "admin": "other"}}


def lost(found, pillar, roles=()):
    return role.lost(found, pillar, roles, "k8s-w1")


@pytest.mark.parametrize("pillar", [{}, {"k8s": None}, {"k8s": {}}, {"other": 1}])
@pytest.mark.parametrize("found", [NODE, ADMIN, role.record("", [])])
def test_an_empty_pillar_is_lost_on_a_minion_that_had_a_role(found, pillar):
    assert "its pillar has no `k8s`. Nothing was done." in lost(found, pillar)
    assert "salt k8s-w1 k8s_gitops.forget_role" in lost(found, pillar)
    assert lost(None, pillar) == ""


def test_one_with_errors_is_lost_even_when_it_names_the_minion():
    assert "could not be rendered" in lost(NODE, {"_errors": ["x"], "k8s": TREE}, ["node"])


def test_another_clusters_pillar_is_lost_unless_it_names_the_minion():
    other = {"k8s": {"cluster": {"name": "two"}}}
    assert "that of the cluster two, which does not name it" in lost(NODE, other)
    assert lost(NODE, other, ["node"]) == ""


def test_a_node_may_leave_and_an_admin_may_not():
    assert lost(NODE, {"k8s": TREE}) == ""
    assert "names other as the admin" in lost(ADMIN, {"k8s": TREE})
    assert lost(ADMIN, {"k8s": TREE}, ["node"]) == "", "the engine refuses that"


@pytest.mark.parametrize("tree", ["text", ["list"], {"nodes": {}}, {"cluster": "x"}, {"cluster": {"name": None}}])
def test_a_tree_that_is_not_valid_is_for_the_model(tree):
    assert lost(ADMIN, {"k8s": tree}) == ""


def test_the_record_survives_its_file():
    assert role.parse(role.text(ADMIN)) == ADMIN == {"cluster": "osug", "roles": ["admin", "node"]}
    assert role.parse(None) is None
    assert role.described(ADMIN) == "admin and node of the cluster osug"


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"cluster": "osug"}', '{"cluster": 1, "roles": 2}'])
def test_a_damaged_record_says_that_there_was_a_role(text):
    assert role.parse(text) == role.record("", [])
