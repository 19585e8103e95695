"""The highstate's result as metrics."""

from __future__ import annotations

import pytest
from saltk8s.base import errors
from saltk8s.services.prometheus import highstate


def test_states_are_counted():
    answer = {
        "a": {"result": True, "changes": {}},
        "b": {"result": None, "changes": {}},
        "c": {"result": True, "changes": {"x": 1}},
        "d": {"result": False, "changes": {"x": 1}},
    }
    assert highstate.counts(answer) == {"ok": 1, "change": 2, "failure": 1}
    assert highstate.counts({}) == {"ok": 0, "change": 0, "failure": 0}


@pytest.mark.parametrize("answer", [["Rendering SLS failed"], None, "x", {"a": "b"}, {"a": {}}])
def test_what_is_no_answer_of_states_is_not_counted(answer):
    with pytest.raises(errors.Invalid, match="the highstate did not run"):
        highstate.counts(answer)


def test_a_metric_has_its_help_and_ends_with_a_newline():
    text = highstate.metrics("k8s-w1", {"ok": 3, "change": 1, "failure": 0}, 1000.4, 2.34)
    lines = text.split("\n")
    assert lines[-1] == ""
    assert 'saltk8s_highstate_states{minion="k8s-w1",result="change"} 1' in lines
    assert 'saltk8s_highstate_timestamp_seconds{minion="k8s-w1"} 1000' in lines
    assert 'saltk8s_highstate_duration_seconds{minion="k8s-w1"} 2.3' in lines
    assert "saltk8s_node_pending_changes" not in text
    assert highstate.config_map("k8s-w1", text)["data"] == {"k8s-w1.prom": text}


def test_changes_that_wait_for_a_nodes_turn_are_counted_now_and_later():
    window = {
        "lines": ["docker: 27.1.1 -> 28.0.0", "reboot: the kernel 6.1.2 is installed"],
        "drain": True,
        "later": [],
    }
    shut = {"lines": [], "drain": False, "later": ["reboot: the kernel 6.1.2 is installed; not now: no window"]}
    assert highstate.waiting(window) == {"docker": 1, "reboot": 1}
    assert highstate.waiting(shut) == {"docker": 0, "reboot": 1}
    text = highstate.metrics("k8s-w1", {"ok": 3, "change": 0, "failure": 0}, 1000, 2, highstate.waiting(shut))
    assert 'saltk8s_node_pending_changes{minion="k8s-w1",change="reboot"} 1\n' in text
