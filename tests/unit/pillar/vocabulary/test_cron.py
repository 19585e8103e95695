"""Times of cron: which are times, and which of them come."""

from __future__ import annotations

import pytest
from saltk8s.pillar.vocabulary import cron


@pytest.mark.parametrize(
    "text",
    [
        "* * * * *",
        "30 1 * * *",
        "*/15 0-6,22 1 JAN-mar 0",
        "5/10 * * * *",
        "0 0 29 2 *",
        "0 0 31 2 mon",
        "0 0 30-31 2,3 *",
    ],
)
def test_comes(text):
    assert cron.comes(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@daily",
        "30 1 * *",
        "30 1 * * * *",
        "30  1 * * *",
        " 30 1 * * *",
        "60 1 * * *",
        "30 24 * * *",
        "0 0 0 * *",
        "0 0 32 * *",
        "0 0 * 13 *",
        "0 0 * * 7",
        "a b c d e",
        "5-1 * * * *",
        "*/0 * * * *",
        "1, * * * *",
        "-1 * * * *",
        "0 0 30 2 *",
        "0 0 31 2,4,6,9,11 *",
        "0 0 * foo *",
        "0 0 * * januar",
    ],
)
def test_does_not(text):
    assert not cron.comes(text)


def test_the_values_of_the_fields():
    assert cron.times("*/20 1,3-5 * feb sat") == [{0, 20, 40}, {1, 3, 4, 5}, set(range(1, 32)), {2}, {6}]
    assert cron.times("50/5 * * * *")[0] == {50, 55}
    assert cron.times("tomorrow") is None
