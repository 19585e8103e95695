"""Objects that do not exist, invalid names, and no cluster yet: what all operations on nodes have in common."""

from __future__ import annotations

import pytest
from salt.exceptions import CommandExecutionError


@pytest.mark.parametrize(
    ("function", "args"),
    [
        ("cordon", ()),
        ("uncordon", ()),
        ("drain", ()),
        ("taint", (["a=b:NoSchedule"],)),
    ],
)
def test_a_node_that_is_not_there_is_one_clear_error(call, function, args):
    for test in (True, False):
        with pytest.raises(CommandExecutionError, match="^node 'nowhere' not found$"):
            call(function, "nowhere", *args, test=test)


def test_states_of_a_node_that_is_not_there(run):
    for test in (True, False):
        for state, more in (
            ("node_labelled", {"labels": {"a": "b"}}),
            ("drained", {}),
            ("node_tainted", {"taints": ["a:NoSchedule"]}),
        ):
            answer = run(state, "nowhere", test=test, **more)
            assert answer["result"] is False and answer["changes"] == {}
            assert "not found" in answer["comment"] and "'nowhere'" in answer["comment"]
            assert "Traceback" not in answer["comment"] and len(answer["comment"].splitlines()) == 1


def test_a_name_is_never_taken_for_an_option(call):
    for name in ("--all", "-l", "a,b", "", "node/x"):
        with pytest.raises(CommandExecutionError, match="name: got .*; expected one name"):
            call("drain", name)


def test_before_the_cluster_exists(tmp_path, run):
    kubeconfig = str(tmp_path / "none")
    wanted = {
        "node_labelled": ({"labels": {"a": "b", "c": None}}, {"a": {"old": None, "new": "b"}}),
        "node_tainted": (
            {"taints": ["a:NoSchedule"], "absent": ["b"]},
            {"a:NoSchedule": {"old": None, "new": "a=:NoSchedule"}},
        ),
        "drained": ({}, {"unschedulable": {"old": False, "new": True}}),
    }
    for state, (more, changes) in wanted.items():
        foretold = run(state, "early", kubeconfig=kubeconfig, test=True, **more)
        assert foretold["result"] is None and foretold["changes"] == changes
        assert "the cluster does not exist yet" in foretold["comment"]
        real = run(state, "early", kubeconfig=kubeconfig, **more)
        assert real["result"] is False and real["changes"] == {}
        assert f"no kubeconfig {kubeconfig}" in real["comment"]
