"""Cron schedules: which are valid, which of them fire, and how far apart."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
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


DAY = 24
INTERVALS = [
    ("30 1 * * *", DAY), ("0 * * * *", 1), ("*/5 * * * *", 1 / 12), ("0 */6 * * *", 6), ("0 0,4 * * *", 20),
    ("0 8-18 * * *", 14), ("50/5 * * * *", 55 / 60), ("0,1 0 * * *", DAY - 1 / 60), ("0 0 * * 0", 7 * DAY),
    ("0 0 * * mon-fri", 3 * DAY), ("0 0 * * 1,3", 5 * DAY), ("0 0 1 * *", 31 * DAY), ("0 0 31 * *", 61 * DAY),
    ("0 0 1,15 * *", 17 * DAY), ("0 0 1 1 *", 366 * DAY), ("0 0 29 2 *", 1461 * DAY), ("0 0 1 * mon", 7 * DAY),
    ("0 0 */2 * *", 2 * DAY), ("0 0 */1 * mon", 7 * DAY), ("15 */6 * * mon-fri", (3 * DAY - 18)),
    ("@daily", DAY), ("@midnight", DAY), ("@hourly", 1), ("@weekly", 7 * DAY), ("@monthly", 31 * DAY),
    ("@yearly", 366 * DAY), ("@daily-random", DAY), ("@weekly-random", 7 * DAY), ("@every 6h", 6), ("@every 90m", 1.5),
    ("@every 12h0m0s", 12), ("CRON_TZ=Europe/Paris 30 1 * * *", DAY), ("TZ=UTC @daily", DAY),
]  # fmt: skip


@pytest.mark.parametrize(("schedule", "hours"), INTERVALS)
def test_the_longest_interval(schedule, hours):
    assert cron.longest_interval(schedule) == datetime.timedelta(hours=hours)
    assert cron.late_after(schedule) == 2 * datetime.timedelta(hours=hours) + cron.GRACE


@pytest.mark.parametrize(
    "schedule", ["nonsense", "", "@every", "@every 0h", "@every x", "@reboot", "0 0 30 2 *", "? * * * *"]
)
def test_a_schedule_that_cannot_be_read(schedule):
    assert cron.longest_interval(schedule) is None
    assert cron.late_after(schedule) is None


WORDS = st.sampled_from(["*", "*/7", "3", "1-5", "2,4", "1-6/2", "6"])
NEVER = datetime.timedelta(0)


@settings(max_examples=100)
@given(st.tuples(WORDS, WORDS, WORDS, st.just("*"), WORDS))
def test_the_longest_interval_is_that_of_a_clock(words):
    """Every minute of two months is asked, as a cron daemon does: no two runs are further apart."""
    minutes, hours, days, _, weekdays = cron.fields(" ".join(words))
    star = words[2] == "*" or words[4] == "*"
    now, last, longest = datetime.datetime(2025, 1, 1), None, NEVER
    while now < datetime.datetime(2025, 3, 3):
        both = now.day in days, now.isoweekday() % 7 in weekdays
        if now.hour in hours and (all(both) if star else any(both)):
            for minute in sorted(minutes):
                run = now.replace(minute=minute)
                longest = max(longest, run - last) if last else longest
                last = run
        now += datetime.timedelta(hours=1)
    assert longest <= cron.longest_interval(" ".join(words))
    if longest and words[2] == words[4] == "*":
        assert longest == cron.longest_interval(" ".join(words))
