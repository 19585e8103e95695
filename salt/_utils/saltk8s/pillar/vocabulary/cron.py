"""Times in cron's form, as Velero, K8up, Stash and Kubernetes' CronJobs read them: five fields, in UTC."""

from __future__ import annotations

import re

from saltk8s.pillar.vocabulary.types import Text

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS = ((0, 59, ()), (0, 23, ()), (1, 31, ()), (1, 12, _MONTHS), (0, 6, _DAYS))
_ITEM = re.compile(r"(\*|[0-9a-z]{1,3}(?:-[0-9a-z]{1,3})?)(?:/([0-9]{1,2}))?")
_LONGEST = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}  # days of the months that have not 31


def times(text: str) -> list[set[int]] | None:
    """Return the values of the five fields (minute, hour, day, month, day of the week), None when it is no cron."""
    words = text.lower().split(" ")
    if len(words) != len(_FIELDS):
        return None
    found = [_values(words[index], *field) for index, field in enumerate(_FIELDS)]
    return None if None in found else found


def comes(text: str) -> bool:
    """Return whether it is a cron whose time comes at all: 31 February does not."""
    found = times(text)
    if found is None:
        return False
    _, _, days, months, weekdays = found
    if len(weekdays) < 7:  # cron takes either when both are given
        return True
    return any(min(days) <= _LONGEST.get(month, 31) for month in months)


def _values(word: str, least: int, most: int, names: tuple[str, ...]) -> set[int] | None:
    values: set[int] = set()
    for item in word.split(","):
        found = _ITEM.fullmatch(item)
        if not found:
            return None
        first, dash, last = found[1].partition("-")
        if first == "*":
            begin, end = least, most
        else:
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
    "a time of cron in five fields (minute, hour, day, month, day of the week 0-6), such as '30 1 * * *'",
    r"[0-9A-Za-z*/, -]+",
    128,
    test=comes,
    doc="cron time (UTC)",
)
