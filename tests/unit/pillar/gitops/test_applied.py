"""Whether there is something new to apply."""

from __future__ import annotations

import pytest
from saltk8s.pillar.gitops import applied

OLD, NEW = applied.digest({"k8s": {"a": 1}}), applied.digest({"k8s": {"a": 2}})


def last(ok=True, at=1000):
    return {"digest": OLD, "at": at, "ok": ok}


@pytest.mark.parametrize(
    ("found", "wanted", "now", "why"),
    [
        (None, OLD, 1000, "nothing was applied by itself before"),
        (last(), OLD, 10**9, ""),
        (last(), NEW, 1000, "the pillar changed"),
        (last(ok=False), NEW, 1000, "the pillar changed"),
        (last(ok=False), OLD, 1299, ""),
        (last(ok=False), OLD, 1300, "the last run failed"),
        (last(ok=False), OLD, 999, "the last run failed"),  # the clock was set back
    ],
)
def test_due(found, wanted, now, why):
    assert applied.due(found, wanted, now) == why
    assert applied.due(found, wanted, now, asked=True) == "asked for"


@pytest.mark.parametrize(
    ("started", "now", "why"),
    [
        (0, 2000, ""),
        (999, 2000, ""),
        (1000, 2000, ""),
        (1001.5, 2000, "the minion was started since"),
        (2001, 2000, ""),  # the clock was set back
    ],
)
def test_a_minion_that_was_away_applies_once_more(started, now, why):
    assert applied.due(last(), OLD, now, started=started) == why


def test_the_digest_does_not_depend_on_the_order_of_keys():
    assert applied.digest({"a": 1, "b": {"c": 1, "d": 2}}) == applied.digest({"b": {"d": 2, "c": 1}, "a": 1})
    assert applied.digest({"a": [1, 2]}) != applied.digest({"a": [2, 1]})


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"digest": "x"}'])
def test_a_file_that_is_missing_or_damaged_applies_once_more(text):
    assert applied.parse(text) is None


def test_the_record_survives_its_file():
    assert applied.parse(applied.text(last())) == last()


def test_the_summary_names_states_in_the_order_that_they_ran():
    def state(number, result, changes=None, comment=""):
        return {"__id__": f"s{number}", "__run_num__": number, "result": result, "changes": changes or {}} | {
            "comment": comment
        }

    answer = {
        "b": state(2, True, {"x": 1}),
        "a": state(1, None),
        "c": state(0, False, {"x": 1}, "no\nmore"),
        "d": state(3, True),
    }
    assert applied.summary(answer) == {"changed": ["s1", "s2"], "failed": {"s0": "no"}}
    many = {str(number): state(number, False) for number in range(50)}
    assert len(applied.summary(many)["failed"]) == applied.SHOWN
