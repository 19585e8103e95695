"""Every interruption of taking out and exchanging a node leaves facts from which the rest follows, and ends."""

from __future__ import annotations

import itertools

import pytest
from saltk8s.nodes import steps
from saltk8s.nodes.steps import CLEAN, FORGET, JOIN, LEAVE, Facts


def test_a_node_that_is_declared_or_may_not_leave_is_refused_with_the_way():
    assert "take it out of k8s:nodes and list it" in steps.take_out("w2", Facts(True, True, True, "1")).refused
    assert "list w2 in k8s:cluster:allow_removal" in steps.take_out("w2", Facts(False, False, True, "1")).refused


@pytest.mark.parametrize(
    "member, uid, todo",
    [(True, "1", [LEAVE, CLEAN, FORGET]), (False, "1", [CLEAN, FORGET]), (False, "", [CLEAN]), (True, "", [LEAVE])],
)
def test_taking_out_goes_on_where_it_stopped(member, uid, todo):
    found = steps.take_out("w2", Facts(False, True, member, uid))
    assert not found.refused and found.todo[: len(todo)] == todo and found.lines


@pytest.mark.parametrize(
    "facts, machine, todo",
    [
        (Facts(True, False, True, "old"), "old", [LEAVE, CLEAN]),
        (Facts(True, False, True, ""), "gone", [LEAVE, CLEAN]),
        (Facts(True, False, False, ""), "old", [CLEAN, JOIN]),
        (Facts(True, False, False, "old"), "old", [CLEAN, JOIN]),  # a kubelet that came back
        (Facts(True, False, False, "new"), "old", [JOIN]),  # the join was interrupted
        (Facts(True, False, True, "new"), "old", [JOIN]),  # it is done: nothing changes
    ],
)
def test_exchanging_goes_on_where_it_stopped(facts, machine, todo):
    found = steps.exchange("w2", facts, machine)
    assert (found.refused, found.todo) == ("", todo)


def test_the_machine_that_goes_has_to_be_named():
    assert "machine=old" in steps.exchange("w2", Facts(True, False, True, "old"), "").refused
    assert "machine=gone" in steps.exchange("w2", Facts(True, False, True, ""), "").refused
    assert "is not declared" in steps.exchange("w2", Facts(False, True, True, "old"), "old").refused


def test_no_facts_take_a_second_machine_out():
    """Whatever happened in between: with the old machine's uid only that one ever leaves."""
    for declared, allowed, member, uid in itertools.product((True, False), (True, False), (True, False), ("", "new")):
        found = steps.exchange("w2", Facts(declared, allowed, member, uid), "old")
        assert LEAVE not in found.todo
        assert not (CLEAN in found.todo and member)
