"""Files of rules: those that hold the site's limits, and the check of the site's own files. Pure."""

from __future__ import annotations

from typing import Any

import yaml
from saltk8s.base import errors
from saltk8s.pillar.vocabulary import cron
from saltk8s.pillar.vocabulary.values import seconds


def limits(model: dict[str, Any]) -> dict[str, Any]:
    """Return the recording rules with the site's limits, so that the alert rules that use them are static files.

    The age of a backup has one for each schedule of the platform's, and one without a label for any other schedule.
    """
    given = model["services"]["prometheus"]["limits"]
    backup = model["services"]["backup"]
    age = given["backup_age"]
    ages = [("", backup["schedule"]), *((one["name"], one["schedule"]) for one in backup["schedules"])]
    rules = [
        {"record": "saltk8s:backup_age_limit_seconds", "expr": f"vector({_seconds(age, when)})"}
        | ({"labels": {"schedule": name}} if name else {})
        for name, when in ages
    ]
    drift = {"record": "saltk8s:drift_age_limit_seconds", "expr": f"vector({seconds(given['drift_age'])})"}
    return {"groups": [{"name": "limits", "rules": [*rules, drift]}]}


def _seconds(age: str | None, schedule: str) -> int:
    late = cron.late_after(schedule)
    assert late is not None, "the pillar's schedules are valid"
    return seconds(age) if age else int(late.total_seconds())


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
