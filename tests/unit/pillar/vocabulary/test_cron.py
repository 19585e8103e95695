"""Cron schedules: which are valid, which of them fire, and how far apart."""

from __future__ import annotations

import datetime

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
def test_it_can_fire(text):
    assert cron.can_fire(text)


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
def test_it_cannot_fire(text):
    assert not cron.can_fire(text)


def test_the_values_of_the_fields():
    assert cron.fields("*/20 1,3-5 * feb sat") == [{0, 20, 40}, {1, 3, 4, 5}, set(range(1, 32)), {2}, {6}]
    assert cron.fields("50/5 * * * *")[0] == {50, 55}
    assert cron.fields("tomorrow") is None


@pytest.mark.parametrize(("schedule", "hours"), [
    ("30 1 * * *", 24), ("0 * * * *", 1), ("*/5 * * * *", 1), ("0 0 * * 0", 168), ("@daily", 24), ("@every 6h", 6),
    ("@every 12h0m0s", 12), ("0 0 1 * *", 31 * 24), ("0 0 1 1 *", 366 * 24), ("nonsense", 31 * 24),
])  # fmt: skip
def test_the_longest_interval(schedule, hours):
    assert cron.longest_interval(schedule) == datetime.timedelta(hours=hours)
