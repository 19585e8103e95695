"""The pack's alerts: each has tests, a severity and texts."""

from __future__ import annotations

from tests.support import alerts


def test_every_alert_has_a_test():
    assert {rule["alert"] for rule in alerts.rules()} == set(alerts.table())
    assert len(alerts.cases()) == sum(map(len, alerts.table().values())), "a case of a severity that no rule has"


def test_every_alert_but_the_watchdog_is_tested_to_be_quiet():
    silent = {name for name, cases in alerts.table().items() for case in cases if not case.get("well")}
    assert silent == {"Watchdog"}


def test_every_alert_says_how_bad_it_is_and_what_to_do():
    for rule in alerts.rules():
        assert rule["labels"]["severity"] in {"critical", "warning", "info", "none"}
        assert set(rule["annotations"]) == {"summary", "description"}
