"""Files of rules: those that hold the site's limits, and the check of the site's own files. Pure."""

from __future__ import annotations

from typing import Any

import yaml
from saltk8s.base import errors
from saltk8s.pillar.vocabulary.values import seconds


def limits(service: dict[str, Any]) -> dict[str, Any]:
    """Return the recording rules with the site's limits, so that the alert rules that use them are static files."""
    rules = [
        {"record": f"saltk8s:{name}_limit_seconds", "expr": f"vector({seconds(limit)})"}
        for name, limit in sorted(service["limits"].items())
    ]
    return {"groups": [{"name": "limits", "rules": rules}]}


def checked_rules(content: str, where: str) -> str:
    """Return a site's file of rules unchanged. Raises Invalid when it is not one; where: its place in the pillar."""
    try:
        data = yaml.safe_load(content)
    except yaml.YAMLError as err:
        raise errors.Invalid(f"{where}: invalid YAML: {err}") from err
    groups = data.get("groups") if isinstance(data, dict) else None
    valid = isinstance(groups, list) and all(
        isinstance(group, dict) and group.get("name") and isinstance(group.get("rules"), list) for group in groups
    )
    if not valid:
        raise errors.Invalid(f"{where}: not a rule file of Prometheus: expected `groups`, each with `name` and `rules`")
    return content
