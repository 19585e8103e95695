"""Cron schedules, as Velero, K8up, Stash and Kubernetes' CronJobs read them: five fields, in UTC."""

from __future__ import annotations

import datetime
import functools
import re

from saltk8s.pillar.vocabulary.types import Text

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS = ((0, 59, ()), (0, 23, ()), (1, 31, ()), (1, 12, _MONTHS), (0, 6, _DAYS))
_ITEM = re.compile(r"(\*|[0-9a-z]{1,3}(?:-[0-9a-z]{1,3})?)(?:/([0-9]{1,2}))?")
_ZONE = re.compile(r"^(?:CRON_)?TZ=\S+ +")
_EVERY = re.compile(r"@every (?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_DESCRIPTORS = {
    **{"@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0"},
    **{"@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *"},
}
_CYCLE = 8 * 366 + 1  # days that have every pattern of months and weekdays but 29 February on one weekday
GRACE = datetime.timedelta(minutes=30)  # for a run itself, and for summer time
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


def longest_interval(schedule: str) -> datetime.timedelta | None:
    """Return how far apart the runs of a schedule are at most, None when the schedule cannot be read.

    schedule: five fields, with a time zone in front or not, or a descriptor that Velero or K8up reads (``@daily``,
    ``@every 6h``, ``@weekly-random``).
    """
    text = _ZONE.sub("", schedule.strip())
    if text.startswith("@every "):
        found = _EVERY.fullmatch(text)
        hours, minutes, seconds = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
        return datetime.timedelta(hours=hours, minutes=minutes, seconds=seconds) or None
    return _longest_gap(_DESCRIPTORS.get(text.removesuffix("-random"), text))


def late_after(schedule: str) -> datetime.timedelta | None:
    """Return the age of the last success from which a run is late: two runs in a row, and some time for a third.

    None when the schedule cannot be read.
    """
    interval = longest_interval(schedule)
    return 2 * interval + GRACE if interval else None


@functools.lru_cache(maxsize=128)
def _longest_gap(text: str) -> datetime.timedelta | None:
    found = fields(text)
    if found is None:
        return None
    times = sorted(60 * hour + minute for hour in found[1] for minute in found[0])
    # cron runs on either when day and weekday are both restricted, but a star restricts nothing
    either = not any(item in ("*", "*/1") for word in text.split(" ")[2::2] for item in word.split(","))
    first = datetime.date(2024, 1, 1)
    days = [number for number in range(_CYCLE) if _runs(first + datetime.timedelta(number), found, either)]
    if not days:
        return None
    apart = max([after - before for before, after in zip(days, days[1:], strict=False)], default=_CYCLE)
    gaps = [after - before for before, after in zip(times, times[1:], strict=False)]
    return datetime.timedelta(minutes=max([*gaps, 1440 * apart + times[0] - times[-1]]))


def _runs(day: datetime.date, found: list[set[int]], either: bool) -> bool:
    if day.month not in found[3]:
        return False
    matches = day.day in found[2], day.isoweekday() % 7 in found[4]
    return any(matches) if either else all(matches)


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
