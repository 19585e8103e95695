"""Each tenant's quota against its use, as data and as a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_CEILING, Decimal
from typing import Any

from saltk8s.base import quantity

# the columns of the table: heading, resource of the quota
COLUMNS = (("cpu", "requests.cpu"), ("memory", "limits.memory"), ("storage", "requests.storage"), ("pods", "pods"))


def report(tenants: Mapping[str, Any], quotas: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return each tenant's quota against its use.

    tenants: the model's; quotas: live ResourceQuota objects. Returns tenant -> ``namespaces``: namespace -> resource ->
    ``used``, ``hard`` (texts, ``used`` None before the first count) and ``percent`` (None when unknown); and
    ``fullest``: the highest percent of all, None without one.
    """
    by_space: dict[str, dict[str, Any]] = {}
    for obj in quotas:
        by_space.setdefault(obj["metadata"]["namespace"], {}).update(_of_quota(obj))
    answer = {}
    for name, tenant in tenants.items():
        spaces = {space: by_space.get(space, {}) for space in tenant["namespaces"]}
        percents = [one["percent"] for space in spaces.values() for one in space.values() if one["percent"] is not None]
        answer[name] = {"namespaces": spaces, "fullest": max(percents, default=None)}
    return answer


def _of_quota(obj: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    hard = (obj.get("spec") or {}).get("hard") or {}
    used = (obj.get("status") or {}).get("used") or {}
    return {
        resource: {"used": used.get(resource), "hard": most, "percent": percent(used.get(resource), most)}
        for resource, most in sorted(hard.items())
    }


def percent(used: Any, hard: Any) -> int | None:
    """Return how much of a quantity is used, in whole percent, rounded up; None when it is unknown or "
    "the limit is 0."""
    first, second = quantity.parse(used), quantity.parse(hard)
    if first is None or not second:
        return None
    return int((first * 100 / second).to_integral_value(ROUND_CEILING))


def table(found: Mapping[str, Any]) -> str:
    """Return a report as lines for a terminal: one a namespace, ``used/hard`` and percent of each of COLUMNS."""
    rows: list[Sequence[str]] = [("tenant", "namespace", *(heading for heading, _ in COLUMNS))]
    for name, tenant in found.items():
        for space, resources in tenant["namespaces"].items():
            rows.append((name, space, *(_cell(resources.get(resource)) for _, resource in COLUMNS)))
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _cell(one: Mapping[str, Any] | None) -> str:
    if not one:
        return "no quota"
    if one["used"] is None:
        return f"?/{one['hard']}"
    share = "" if one["percent"] is None else f" {one['percent']}%"
    return f"{_short(one['used'])}/{one['hard']}{share}"


def _short(text: Any) -> str:
    """Return a quantity in the largest binary unit, with one decimal."""
    number = quantity.parse(text)
    if number is None or number < 1024:
        return str(text)
    for unit, name in ((2**40, "Ti"), (2**30, "Gi"), (2**20, "Mi"), (2**10, "Ki")):
        if number >= unit:
            return f"{(number / unit).quantize(Decimal('0.1')).normalize():f}{name}"
    return str(text)
