"""Read what others wrote: a status may have any form, of custom resources above all.

What does not have the expected form counts as not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def mapping(value: Any) -> Mapping[str, Any]:
    """Return a map, an empty one for anything else."""
    return value if isinstance(value, Mapping) else {}


def maps(value: Any) -> list[Mapping[str, Any]]:
    """Return the maps in a list, none for anything else."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def number(value: Any, default: int = 0) -> int:
    """Return a whole number, also one that is written as text; the default for anything else."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def text(value: Any) -> str:
    """Return a text; an empty one for nothing, and for maps and lists."""
    return "" if value is None or isinstance(value, (Mapping, list)) else str(value)
