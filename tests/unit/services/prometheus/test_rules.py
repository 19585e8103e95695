"""Files of rules: the site's limits, and the check of the site's own files."""

from __future__ import annotations

import pytest
from saltk8s.base import errors
from saltk8s.services.prometheus import rules
from tests.support import pillars


def _service(**more) -> dict:
    """Return the service's part of the example's model; more: laid over ``services:prometheus``."""
    return pillars.model({"services": {"prometheus": {"enabled": True} | more}})["services"]["prometheus"]


def test_limits_are_rules():
    service = _service(limits={"backup_age": "2h", "drift_age": "3d"})
    (group,) = rules.limits(service)["groups"]
    assert {rule["record"]: rule["expr"] for rule in group["rules"]} == {
        "saltk8s:backup_age_limit_seconds": "vector(7200)",
        "saltk8s:drift_age_limit_seconds": "vector(259200)",
    }


@pytest.mark.parametrize("wrong", ["[", "a: 1", "groups: [{name: x}]", "groups: [{rules: []}]", "", "groups: x"])
def test_what_is_no_file_of_rules_is_named(wrong):
    with pytest.raises(errors.Invalid, match="^k8s:services:prometheus:rules:0"):
        rules.checked_rules(wrong, "k8s:services:prometheus:rules:0 (salt://x)")


def test_a_file_of_rules_is_not_touched():
    content = "groups:\n- {name: x, rules: []}  # mine\n"
    assert rules.checked_rules(content, "here") == content
