"""Tests of the alerts for `promtool test rules`, made from tables: tests/cases/prometheus, one for each file of rules.

``ill``, ``well``  series, each with a value that stays (``7``) or moves each minute (``0+60``: from 0, 60 a minute)
``at``             when it fires; with ``well`` in place of ``ill`` nothing does, and with ``ill`` not before ``for``
``labels``, ``summary``, ``description``  what is told; the description only where it has a figure in it
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "salt" / "k8s" / "prometheus" / "rules"
TABLES = ROOT / "tests" / "cases" / "prometheus"
_MINUTES = {"m": 1, "h": 60, "d": 1440}


def table() -> dict[str, list[dict[str, Any]]]:
    """Return the cases of each alert."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(TABLES.glob("*.yaml")):
        found |= yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


def rules() -> list[dict[str, Any]]:
    """Return the pack's alerts, each with ``file``, the name of the file that it is in."""
    found = []
    for path in sorted(RULES.glob("*.yaml")):
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]:
            found += [rule | {"file": path.name} for rule in group["rules"] if "alert" in rule]
    return found


def cases() -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return every rule with a case of it: the one of the same name and severity. Raises KeyError: it has none."""
    pairs, known = [], table()
    for rule in rules():
        severity = rule["labels"]["severity"]
        mine = [case for case in known.get(rule["alert"], ()) if case["labels"]["severity"] == severity]
        if not mine:
            raise KeyError(f"{rule['alert']} of severity {severity} has no case")
        pairs += [(rule, case) for case in mine]
    return pairs


def tests_of(rule: dict[str, Any], case: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the tests of a case: it fires with these texts, only after its ``for``, and not when all is healthy."""
    at = _minutes(case["at"])
    told = {"exp_labels": case["labels"], "exp_annotations": _annotations(rule, case)}
    checks = [_check(rule, at, [told])]
    waits = _minutes(rule.get("for", "0m"))
    if waits > 1:
        checks.insert(0, _check(rule, waits - 1, []))
    tests = [{"interval": "1m", "input_series": _series(case["ill"], at), "alert_rule_test": checks}]
    if "well" in case:
        quiet = [_check(rule, at, [])]
        tests.append({"interval": "1m", "input_series": _series(case["well"], at), "alert_rule_test": quiet})
    return tests


def _check(rule: dict[str, Any], at: int, expected: list[dict[str, Any]]) -> dict[str, Any]:
    return {"alertname": rule["alert"], "eval_time": f"{at}m", "exp_alerts": expected}


def _annotations(rule: dict[str, Any], case: dict[str, Any]) -> dict[str, str]:
    """Return the texts that are told; in a description only labels are put into their places here."""
    described = re.sub(
        r"\{\{\s*\$labels\.(\w+)\s*\}\}", lambda found: case["labels"][found[1]], rule["annotations"]["description"]
    )
    return {"summary": case["summary"], "description": case.get("description", described)}


def _series(given: dict[str, Any], minutes: int) -> list[dict[str, str]]:
    return [{"series": name, "values": _values(value, minutes)} for name, value in given.items()]


def _values(value: Any, minutes: int) -> str:
    start = str(value)
    return f"{start}x{minutes}" if re.search(r"\d[+-]", start) else f"{start}+0x{minutes}"


def _minutes(duration: str) -> int:
    return int(duration[:-1]) * _MINUTES[duration[-1]]
