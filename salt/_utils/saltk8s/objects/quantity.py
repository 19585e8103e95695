"""Kubernetes' quantities: ``0.25`` and ``250m`` are the same, the API server answers in its own way of writing."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

_QUANTITY = re.compile(r"^([+-]?(?:\d+\.?\d*|\.\d+))(?:([numkMGTPE]|[KMGTPE]i)|[eE]([+-]?\d{1,2}))?$")
_FACTORS = {
    "n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"), "": Decimal(1),
    "k": Decimal(10**3), "M": Decimal(10**6), "G": Decimal(10**9),
    "T": Decimal(10**12), "P": Decimal(10**15), "E": Decimal(10**18),
    "Ki": Decimal(2**10), "Mi": Decimal(2**20), "Gi": Decimal(2**30),
    "Ti": Decimal(2**40), "Pi": Decimal(2**50), "Ei": Decimal(2**60),
}
# Names of the fields whose value, or whose values one level below, are quantities in Kubernetes' own objects.
FIELDS = frozenset(
    {
        "limits", "requests", "hard", "capacity", "allocatable", "overhead", "podFixed", "sizeLimit", "divisor",
        "default", "defaultRequest", "max", "min", "maxLimitRequestRatio", "storage",
        "averageValue", "value", "maximumVolumeSize", "minimumVolumeSize",
    }
)


def parse(value: Any) -> Decimal | None:
    """Return the number that a quantity means, or None when the value is no quantity."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    found = _QUANTITY.match(str(value))
    if not found:
        return None
    number, suffix, exponent = found.groups()
    return Decimal(number) * (Decimal(10) ** int(exponent) if exponent else _FACTORS[suffix or ""])


def equal(one: Any, other: Any) -> bool:
    """Return whether two values are the same quantity; the API server rounds up to thousandths of millis."""
    first, second = parse(one), parse(other)
    return first is not None and first == second
