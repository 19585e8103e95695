"""Every case file of ``tests/cases/pillar``: what is wrong is said completely, and what is right is accepted."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from saltk8s.base import errors
from saltk8s.pillar import model
from tests.support import pillars

CASES = pillars.ROOT / "tests" / "cases" / "pillar"
BAD = sorted((CASES / "bad").glob("*.yaml"))
GOOD = sorted((CASES / "good").glob("*.yaml"))
DEFAULTS = pillars.defaults()


def read(path: Path) -> dict:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def matches(problem: errors.Problem, expected: dict) -> bool:
    same = problem.path == expected["path"] and expected["expected"] in problem.expected
    value = expected.get("value")
    # a value in full, or the beginning of a text
    return same and (value is None or problem.value == value or problem.value.strip("'\"").startswith(value))


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_bad(path):
    case = read(path)
    with pytest.raises(errors.ConfigError) as caught:
        model.build(DEFAULTS, pillars.case(case), secrets_required=case.get("secrets", True))
    left = list(caught.value.problems)
    for expected in case["expect"]:
        found = [problem for problem in left if matches(problem, expected)]
        assert len(found) == 1, f"{len(found)} problems match {expected}, in:\n{caught.value}"
        left.remove(found[0])
    assert not left, f"more than the case expects:\n{errors.ConfigError(left)}"
    text = str(caught.value)
    assert all(str(problem) in text for problem in caught.value.problems)
    for secret in [*pillars.canaries(), *case.get("leaks", ())]:
        assert secret not in text


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_good(path):
    case = read(path)
    built = model.build(DEFAULTS, pillars.case(case), secrets_required=case.get("secrets", True))
    for at, value in case["expect"].items():
        assert pillars.get(built, at) == value, at


def test_enough_cases():
    assert len(BAD) >= 70
    assert all(read(path).get("doc") and read(path).get("expect") for path in BAD + GOOD)
