"""Files of rules: the site's limits, and the check of the site's own files."""

from __future__ import annotations

import pytest
from saltk8s.base import errors
from saltk8s.services.prometheus import rules
from tests.support import pillars


def _limits(**more) -> list[tuple[str, dict, str]]:
    """Return (name, labels, expression) of each limit of the example's model; more: laid over ``services``."""
    model = pillars.model({"services": {"prometheus": {"enabled": True}}}, {"services": more})
    (group,) = rules.limits(model)["groups"]
    return [(one["record"].removeprefix("saltk8s:"), one.get("labels", {}), one["expr"]) for one in group["rules"]]


def test_limits_are_rules():
    found = _limits(prometheus={"limits": {"backup_age": "2h", "drift_age": "3d"}})
    assert ("drift_age_limit_seconds", {}, "vector(259200)") in found
    assert {expr for name, _, expr in found if name == "backup_age_limit_seconds"} == {"vector(7200)"}


@pytest.mark.parametrize(("schedule", "hours"), [
    ("0 */6 * * *", 12.5), ("30 1 * * *", 48.5), ("0 3 * * 0", 14 * 24 + 0.5), ("*/30 * * * *", 1.5),
])  # fmt: skip
def test_a_backup_is_late_by_its_own_schedule(schedule, hours):
    found = _limits(backup={"schedule": schedule})
    seconds = f"vector({int(hours * 3600)})"
    assert ("backup_age_limit_seconds", {}, seconds) in found
    assert ("backup_age_limit_seconds", {"schedule": "platform"}, seconds) in found


@pytest.mark.parametrize("wrong", ["[", "a: 1", "groups: [{name: x}]", "groups: [{rules: []}]", "", "groups: x"])
def test_what_is_no_file_of_rules_is_named(wrong):
    with pytest.raises(errors.Invalid, match="^k8s:services:prometheus:rules:0"):
        rules.checked_rules(wrong, "k8s:services:prometheus:rules:0 (salt://x)")


def test_a_file_of_rules_is_not_touched():
    content = "groups:\n- {name: x, rules: []}  # mine\n"
    assert rules.checked_rules(content, "here") == content
