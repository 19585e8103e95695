"""Label selectors: as text for the API server, and evaluated here."""

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
    """Return whether a selector matches labels. An empty one matches all, None matches none."""
    if selector is None:
        return False
    labels = labels or {}
    if any(labels.get(name) != value for name, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_expression_matches(item, labels) for item in selector.get("matchExpressions") or [])


def _expression_matches(item: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    present, values = item["key"] in labels, item.get("values") or []
    return {
        "In": present and labels.get(item["key"]) in values,
        "NotIn": not present or labels[item["key"]] not in values,
        "Exists": present,
        "DoesNotExist": not present,
    }[item["operator"]]
