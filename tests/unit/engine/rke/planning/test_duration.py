"""How long a run takes, by what earlier ones took."""

from __future__ import annotations

import pytest
from saltk8s.engine.plan import Plan
from saltk8s.engine.rke.planning import duration


@pytest.mark.parametrize(
    ("turns", "measured", "words"),
    [
        (0, None, "takes about 60 s (assumed, not measured here yet)"),
        (3, None, "takes about 6 min, 3 drains one after the other (assumed"),
        (0, {"run_s": 21.4}, "takes about 21 s (as measured in earlier runs)"),
        (1, {"run_s": 20.0}, "takes about 2 min, 1 drain one after the other (assumed"),
        (12, {"run_s": 20.0, "turn_s": 40.0}, "takes about 9 min, 12 drains one after the other (as measured"),
    ],
)
def test_estimate(turns, measured, words):
    assert duration.estimate(Plan(turns=turns), measured).startswith(words)


def test_a_new_cluster_is_not_estimated():
    assert duration.estimate(Plan(create=True), {"run_s": 20.0}) == ""
    assert duration.measure({"run_s": 20.0}, Plan(create=True), 900) == {"run_s": 20.0}


def test_each_run_measures_what_it_was():
    known = duration.measure(None, Plan(), 22.04)
    assert known == {"run_s": 22.0}
    known = duration.measure(known, Plan(turns=4), 182)
    assert known == {"run_s": 22.0, "turn_s": 40.0}
    assert duration.measure(None, Plan(turns=1), 50) == {"turn_s": 25.0}  # shorter than what was assumed without drains
