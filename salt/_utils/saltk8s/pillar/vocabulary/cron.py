"""Cron schedules, as Velero, K8up, Stash and Kubernetes' CronJobs read them: five fields, in UTC."""

from __future__ import annotations

import datetime
import re

from saltk8s.pillar.vocabulary.types import Text

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS = ((0, 59, ()), (0, 23, ()), (1, 31, ()), (1, 12, _MONTHS), (0, 6, _DAYS))
_ITEM = re.compile(r"(\*|[0-9a-z]{1,3}(?:-[0-9a-z]{1,3})?)(?:/([0-9]{1,2}))?")
_EVERY = re.compile(r"@every (\d+)h(?:\d+m)?(?:\d+s)?")
_DESCRIPTORS = {"@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0"}
_LONGEST = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}  # days of the months with fewer than 31


def fields(text: str) -> list[set[int]] | None:
    """Return the values of the five fields (minute, hour, day, month, day of the week), None when it is not valid."""
    words = text.lower().split(" ")
    if len(words) != len(_FIELDS):
        return None
    found = [values for word, field in zip(words, _FIELDS, strict=True) if (values := _values(word, *field))]
    return found if len(found) == len(_FIELDS) else None


def can_fire(text: str) -> bool:
    """Return whether it is a valid schedule that fires at all: 31 February never does."""
    found = fields(text)
    if found is None:
        return False
    _, _, days, months, weekdays = found
    if len(weekdays) < 7:  # cron fires on either when both are restricted
        return True
    return any(min(days) <= _LONGEST.get(month, 31) for month in months)


def longest_interval(schedule: str) -> datetime.timedelta:
    """Return how far apart the runs of a schedule are at most, roughly: an hour, a day, a week, a month or a year.

    schedule: five fields, or a descriptor that Velero reads (``@daily``, ``@every 6h``).
    """
    every = _EVERY.fullmatch(schedule)
    if every:
        return datetime.timedelta(hours=max(1, int(every[1])))
    words = _DESCRIPTORS.get(schedule, schedule).split()
    if len(words) != len(_FIELDS):
        return datetime.timedelta(days=31)
    _, hour, day, month, weekday = words
    if month != "*" or day != "*":
        return datetime.timedelta(days=366 if month != "*" else 31)
    if weekday != "*":
        return datetime.timedelta(days=7)
    return datetime.timedelta(hours=1) if hour == "*" else datetime.timedelta(days=1)


def _values(word: str, least: int, most: int, names: tuple[str, ...]) -> set[int] | None:
    values: set[int] = set()
    for item in word.split(","):
        found = _ITEM.fullmatch(item)
        if not found:
            return None
        first, dash, last = found[1].partition("-")
        begin: int | None = least
        end: int | None = most
        if first != "*":
            begin, end = (_number(part, least, names) for part in (first, last or first))
            end = most if found[2] and not dash else end  # 5/10: from 5 on, every 10
        step = int(found[2] or 1)
        if begin is None or end is None or not least <= begin <= end <= most or step == 0:
            return None
        values.update(range(begin, end + 1, step))
    return values


def _number(word: str, least: int, names: tuple[str, ...]) -> int | None:
    if word.isdigit():
        return int(word)
    return names.index(word) + least if word in names else None


Cron = Text(
    "a cron schedule in five fields (minute, hour, day, month, day of the week 0-6), such as '30 1 * * *'",
    r"[0-9A-Za-z*/, -]+",
    128,
    test=can_fire,
    doc="cron schedule (UTC)",
)
