"""Taints as text, and a node's list of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from saltk8s.base import errors
from saltk8s.kubectl.operations import taints

KEYS = st.sampled_from(["a", "b", "example.org/c"])
TAINTS = st.dictionaries(st.tuples(KEYS, st.sampled_from(taints.EFFECTS)), st.sampled_from(["", "1", "2"]), max_size=5)


@given(TAINTS, TAINTS, st.sets(st.tuples(KEYS, st.sampled_from([*taints.EFFECTS, None])), max_size=3))
def test_taints_become_what_is_declared_and_stay_so(there, wanted, gone):
    wanted = {key: value for key, value in wanted.items() if key not in gone and (key[0], None) not in gone}
    live = [{"key": key, "effect": effect, "value": value} for (key, effect), value in there.items()]
    new = taints.merged(live, wanted, gone)
    found = {(one["key"], one["effect"]): one.get("value", "") for one in new}
    kept = {key: value for key, value in there.items() if key not in gone and (key[0], None) not in gone}
    assert found == kept | wanted and len(new) == len(found)
    assert taints.differences(new, taints.merged(new, wanted, gone)) == {}
    changes = taints.differences(live, new)
    assert set(changes) == {
        f"{key}:{effect}" for key, effect in {*there, *found} if there.get((key, effect)) != found.get((key, effect))
    }


@pytest.mark.parametrize("text", ["a", "a=b", "a=b:Never", "=b:NoSchedule", ":NoSchedule", "a b:NoSchedule", 7, None])
def test_what_is_no_taint(text):
    with pytest.raises(errors.Invalid, match="taints: got"):
        taints.parse([text])


def test_taints_as_they_are_written():
    assert taints.parse(["example.org/a=b:NoSchedule", "c:NoExecute"]) == {
        ("example.org/a", "NoSchedule"): "b",
        ("c", "NoExecute"): "",
    }
    assert taints.parse_absent(["a", "b:NoExecute"]) == {("a", None), ("b", "NoExecute")}
