"""Data laid over data. Pure."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any


def overlay(under: Any, over: Any) -> Any:
    """Return ``over`` laid on ``under``: mappings are merged, everything else is replaced. Neither is changed."""
    if not isinstance(under, Mapping) or not isinstance(over, Mapping):
        return copy.deepcopy(over)
    merged = copy.deepcopy(dict(under))
    for key, value in over.items():
        merged[key] = overlay(merged[key], value) if key in merged else copy.deepcopy(value)
    return merged
