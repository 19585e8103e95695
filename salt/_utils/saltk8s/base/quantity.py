"""Kubernetes' quantities: ``0.25`` and ``250m`` are the same, the API server writes them in its canonical form.

Two quantities are the same when their canonical form is: ``1Gi`` and ``1073741824`` are one number, but they are stored
as two texts, and an apply of the one over the other changes the object.
"""

from __future__ import annotations

import re
from decimal import ROUND_UP, Decimal
from functools import lru_cache
from typing import Any

_QUANTITY = re.compile(r"^([+-]?(?:\d+\.?\d*|\.\d+))(?:([numkMGTPE]|[KMGTPE]i)|[eE]([+-]?\d{1,2}))?$")
# Spellings that are always rewritten in one way. Others may be kept as they are: ``+1``, ``0010``, ``1E3``, ``1e0``.
_PLAIN = re.compile(r"^-?(0|[1-9]\d*)(\.\d+)?([numkMGTPE]|[KMGTPE]i|e-?[1-9]\d?)?$")
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
_DECIMAL_SUFFIX = {exponent: suffix for suffix, exponent in _DECIMAL.items()}
_BINARY_SUFFIX = {power: suffix for suffix, power in _BINARY.items()} | {0: ""}
_MOST = Decimal(2**63 - 1)  # beyond it, some numbers are cut off and some are not
NANO, MILLI = Decimal("1e-9"), Decimal("1e-3")


def parse(value: Any) -> Decimal | None:
    """Return the number that a quantity means, or None when the value is no quantity."""
    found = _parts(value)
    return found[0] if found else None


def canonical(value: Any, smallest: Decimal = NANO) -> str | None:
    """Return a quantity as the API server writes it, or None when that is not certain, or the value is no quantity.

    smallest: the unit that it rounds up to: NANO, in lists of resources MILLI.
    """
    return _canonical(str(value), smallest) if _may_be(value) else None


def equal(one: Any, other: Any, smallest: Decimal = NANO) -> bool:
    """Return whether the API server certainly writes two values as the same quantity."""
    first = canonical(one, smallest)
    return first is not None and first == canonical(other, smallest)


def _may_be(value: Any) -> bool:
    return isinstance(value, (str, int, float)) and not isinstance(value, bool)


def _parts(value: Any) -> tuple[Decimal, str, bool] | None:
    """Return (number, suffix, whether it has an exponent)."""
    found = _QUANTITY.match(str(value)) if _may_be(value) else None
    if not found:
        return None
    digits, suffix, exponent = found.groups()
    number = Decimal(digits)
    if suffix in _BINARY:
        number *= Decimal(1024) ** _BINARY[suffix]
    else:
        number = number.scaleb(int(exponent) if exponent else _DECIMAL[suffix or ""])
    return number, suffix or "", exponent is not None


@lru_cache(maxsize=4096)
def _canonical(text: str, smallest: Decimal) -> str | None:
    found = _parts(text) if _PLAIN.match(text) else None
    if not found or abs(found[0]) > _MOST:
        return None
    number, suffix, exponential = found
    for unit in (NANO, smallest):
        number = (number / unit).to_integral_value(ROUND_UP) * unit  # away from zero
    if not number:
        return "0"
    if suffix in _BINARY and abs(number) >= 1024 and number == number.to_integral_value():
        return _binary(int(number))
    mantissa, exponent = _thousands(number)
    if exponential:
        return f"{mantissa}e{exponent}" if exponent else str(mantissa)
    return f"{mantissa}{_DECIMAL_SUFFIX[exponent]}"


def _binary(number: int) -> str:
    power = 0
    while number % 1024 == 0 and power < 6:
        number, power = number // 1024, power + 1
    return f"{number}{_BINARY_SUFFIX[power]}"


def _thousands(number: Decimal) -> tuple[int, int]:
    """Return (mantissa, exponent), the exponent the greatest multiple of three that leaves the mantissa whole."""
    mantissa, exponent = int(number.scaleb(9)), -9
    while mantissa % 1000 == 0 and exponent < 18:
        mantissa, exponent = mantissa // 1000, exponent + 3
    return mantissa, exponent
