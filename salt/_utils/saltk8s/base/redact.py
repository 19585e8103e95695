"""What may be shown of a value: problems, logs and the command line pass everything through here.

Never format a pillar value directly: newer Salt masks it when it is formatted, and it may hold a secret.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

REDACTED = "<redacted>"
MASK = "**********"  # what Salt 3008 shows in place of a masked pillar value
LONGEST = 80
_PRIVATE = re.compile(r"PRIVATE KEY|BEGIN PGP MESSAGE")
_USER_INFO = re.compile(r"://[^/\s]*@")


def show(value: Any, secret: bool = False) -> str:
    """Return one line that shows a value in a problem.

    value: anything that a pillar can hold; secret: hide it whatever it is. Maps and lists are only counted,
    because any of their values may be secret.
    """
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return f"a map of {_count(len(value), 'key')}"
    if isinstance(value, (list, tuple)):
        return f"a list of {_count(len(value), 'item')}"
    if secret:
        return REDACTED
    if isinstance(value, str):
        if _PRIVATE.search(value):
            return REDACTED
        return _short(repr(_USER_INFO.sub(f"://{REDACTED}@", value)))
    if isinstance(value, datetime.date):
        return value.isoformat()
    try:
        return _short(repr(value))
    except ValueError:  # an integer of more digits than Python is willing to print
        return "a number that is too long"


def name(key: Any) -> str:
    """Return a map's key as it stands in a pillar path, on one line."""
    if isinstance(key, str) and key.isprintable() and key:
        return _short(key)
    return show(key)


def text(value: str, secrets: Iterable[str]) -> str:
    """Return a text with every secret in it replaced."""
    for secret in secrets:
        if secret:
            value = value.replace(secret, REDACTED)
    return value


def tree(value: Any, secrets: Collection[str]) -> Any:
    """Return data of any depth in which each text that is a secret is replaced."""
    if isinstance(value, Mapping):
        return {key: tree(item, secrets) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [tree(item, secrets) for item in value]
    return REDACTED if isinstance(value, str) and value in secrets else value


def fields(value: Any, names: Collection[str]) -> Any:
    """Return data of any depth in which the values of keys with these names are replaced; None stays."""
    if isinstance(value, Mapping):
        return {
            key: REDACTED if key in names and item is not None else fields(item, names) for key, item in value.items()
        }
    return [fields(item, names) for item in value] if isinstance(value, (list, tuple)) else value


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _short(line: str) -> str:
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"
