"""What JSON can say: numbers as kubectl sends them, and data of pillar that has to be sayable in JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

_LOWEST, _HIGHEST = -(2**63), 2**63 - 1
MAX_DEPTH = 200  # of maps and lists inside each other; what walks through objects calls itself


def number(value: int | float) -> int | float:
    """Return a number as kubectl sends it: whole ones as integers, beyond 64 bits as floating point.

    Raises ValueError for what is no number of JSON.
    """
    if isinstance(value, int):
        if _LOWEST <= value <= _HIGHEST:
            return value
        try:
            return float(value)
        except OverflowError:
            raise ValueError("a number that is too large for JSON") from None
    if not math.isfinite(value):
        raise ValueError("a number that JSON does not have (infinity, or not a number)")
    if value.is_integer():
        whole = int(Decimal(repr(value)))  # its shortest digits, which are what kubectl writes
        return whole if _LOWEST <= whole <= _HIGHEST else value
    return value


def copied(value: Any, path: str = "", depth: int = 0) -> Any:
    """Return a copy of data, all the way down. Raises ValueError with the path of what JSON cannot say."""
    if value is None or isinstance(value, (str, bool)):
        return value
    if depth > MAX_DEPTH:
        raise ValueError(f"{path[:80]}...: nested too deeply (more than {MAX_DEPTH} levels)")
    if isinstance(value, (int, float)):
        try:
            return number(value)
        except ValueError as err:
            raise ValueError(f"{path}: {err}") from None
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise ValueError(f"{path or 'the object'}: the key {key!r} is not a string: quote it")
        return {key: copied(item, f"{path}.{key}" if path else key, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [copied(item, f"{path}[{index}]", depth + 1) for index, item in enumerate(value)]
    raise ValueError(f"{path}: JSON has no {type(value).__name__}: quote it, so that it is a string")
