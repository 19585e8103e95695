"""Label selectors: as text for the API server, and decided here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def text(selector: Mapping[str, Any] | None) -> str | None:
    """Return a selector (``matchLabels``, ``matchExpressions``) as kubectl takes it; None when it selects nothing."""
    if not selector:
        return None
    parts = [f"{name}={value}" for name, value in sorted((selector.get("matchLabels") or {}).items())]
    for item in selector.get("matchExpressions") or []:
        values = f"({','.join(item.get('values') or [])})"
        parts.append(
            {
                "In": f"{item['key']} in {values}",
                "NotIn": f"{item['key']} notin {values}",
                "Exists": item["key"],
                "DoesNotExist": f"!{item['key']}",
            }[item["operator"]]
        )
    return ",".join(parts) or None


def selects(selector: Mapping[str, Any] | None, labels: Mapping[str, str] | None) -> bool:
    """Return whether a selector means an object with these labels. An empty one means all, none at all means none."""
    if selector is None:
        return False
    labels = labels or {}
    if any(labels.get(name) != value for name, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_holds(item, labels) for item in selector.get("matchExpressions") or [])


def _holds(item: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    there, values = item["key"] in labels, item.get("values") or []
    return {
        "In": there and labels.get(item["key"]) in values,
        "NotIn": not there or labels[item["key"]] not in values,
        "Exists": there,
        "DoesNotExist": not there,
    }[item["operator"]]
