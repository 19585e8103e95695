"""Taints of nodes, on a real API server."""

from __future__ import annotations

import pytest
from salt.exceptions import CommandExecutionError
from saltk8s.kubectl.operations import changes
from tests.support.kubectl_nodes import check_thrice, writes


def test_taints_are_set_changed_and_taken_away_and_others_left(apiserver, run, node):
    name = node(
        "taints-1",
        [
            {"key": "example.org/gpu", "value": "one", "effect": "NoSchedule"},
            {"key": "example.org/gpu", "value": "one", "effect": "NoExecute"},
            {"key": "example.org/old", "effect": "NoSchedule"},
            {"key": "example.org/old", "effect": "PreferNoSchedule"},
            {"key": "node.example.org/theirs", "effect": "NoSchedule"},
        ],
    )
    wanted = {
        "taints": ["example.org/gpu=two:NoSchedule", "example.org/new:PreferNoSchedule"],
        "absent": ["example.org/old", "example.org/never:NoExecute"],
    }
    real = check_thrice(apiserver, lambda **kw: run("node_tainted", name, **wanted, **kw))
    assert real["changes"] == {
        "example.org/gpu:NoSchedule": {
            "old": "example.org/gpu=one:NoSchedule",
            "new": "example.org/gpu=two:NoSchedule",
        },
        "example.org/old:NoSchedule": {"old": "example.org/old=:NoSchedule", "new": None},
        "example.org/old:PreferNoSchedule": {"old": "example.org/old=:PreferNoSchedule", "new": None},
        "example.org/new:PreferNoSchedule": {"old": None, "new": "example.org/new=:PreferNoSchedule"},
    }
    there = apiserver.get("node", name)["spec"]["taints"]
    assert [f"{taint['key']}={taint.get('value', '')}:{taint['effect']}" for taint in there] == [
        "example.org/gpu=two:NoSchedule",
        "example.org/gpu=one:NoExecute",
        "node.example.org/theirs=:NoSchedule",
        "example.org/new=:PreferNoSchedule",
    ]


def test_the_last_taint_goes(apiserver, run, node):
    name = node("taints-2", [{"key": "a", "effect": "NoSchedule"}])
    check_thrice(apiserver, lambda **kw: run("node_tainted", name, absent=["a:NoSchedule"], **kw))
    assert "taints" not in apiserver.get("node", name)["spec"]


def test_what_is_no_taint_is_refused_whole(apiserver, call, node):
    name = node("taints-3")
    mark = apiserver.mark()
    with pytest.raises(CommandExecutionError, match="taints: got 'a=b', 'c:Never'; expected key=value:effect"):
        call("taint", name, ["a=b", "c:Never", "d:NoSchedule"])
    with pytest.raises(CommandExecutionError, match="got 'a=b:NoSchedule'; expected key or key:effect"):
        call("taint", name, absent="a=b:NoSchedule")
    with pytest.raises(CommandExecutionError, match="taints: a cannot be both present and absent"):
        call("taint", name, ["a:NoSchedule"], ["a"])
    assert writes(apiserver, mark) == []


def test_a_taint_that_a_controller_adds_in_between_is_kept(apiserver, call, node, minion, monkeypatch):
    name = node("taints-4")
    patch, beaten = changes.patch, []

    def beat(kubectl, obj, *args):
        if not beaten:
            beaten.append(True)
            apiserver.kubectl("taint", "node", name, "theirs=1:NoSchedule")
        return patch(kubectl, obj, *args)

    monkeypatch.setattr(changes, "patch", beat)  # the moment between reading and writing cannot be hit otherwise
    call("taint", name, ["ours=1:NoSchedule"])
    assert {taint["key"] for taint in apiserver.get("node", name)["spec"]["taints"]} == {"theirs", "ours"}
