"""What Velero and K8up say of schedules and of their runs may have any form: it is judged without a traceback."""

from __future__ import annotations

import datetime

import pytest
from saltk8s.services.backup import assessment, operations, runs
from tests.unit.kubectl.health.test_foreign_status import Answers, Chance

NOW = datetime.datetime(2026, 11, 25, 12, tzinfo=datetime.timezone.utc)
CREATED = "2026-11-01T00:00:00Z"
PLURALS = ("schedules", "backups", "checks", "prunes", "archives")
# a word of a status, and what is not what it should be
WRONG = [{}, {"a": 1}, [], ["x"], [1, None], "text", 7, True, "2026-11-25T12:00:00.5Z", [{"type": ["Completed"]}]]
OF_VELERO = ("phase", "completionTimestamp", "validationErrors", "failureReason", "errors", "warnings", "conditions")
DONE = {"type": "Completed", "status": "True", "reason": "Succeeded", "lastTransitionTime": CREATED, "message": "m"}


def made(group: str, kind: str, status: object) -> dict:
    """An object whose status is whatever."""
    meta = {"name": "platform", "namespace": "web", "creationTimestamp": CREATED}
    spec = {"schedule": "0 3 * * *", "backup": {"schedule": "0 3 * * *"}, "check": "x"}
    return {"apiVersion": f"{group}/v1", "kind": kind, "metadata": meta, "spec": spec, "status": status}


def statuses() -> list:
    """Each word with each wrong value, beside what is right; no status at all; and random ones."""
    right = {"phase": "Completed", "completionTimestamp": CREATED}
    found = [right | {word: value} for word in OF_VELERO for value in WRONG]
    found += [right | {"phase": "FailedValidation", "validationErrors": value} for value in WRONG]
    found += [{"conditions": [DONE | {word: value}]} for word in DONE for value in WRONG]
    return [*found, *WRONG, *(Chance(seed).value() for seed in range(200))]


@pytest.mark.parametrize("group", ["velero.io", "k8up.io"])
def test_any_status_is_judged(group):
    for status in statuses():
        run, schedule = made(group, "Backup", status), made(group, "Schedule", status)
        run["metadata"] |= {
            "labels": {runs.SCHEDULE_LABEL: "platform"},
            "ownerReferences": [{"kind": "Schedule", "name": "platform"}],
        }
        if group == "velero.io":
            rows = list(assessment.of_velero([schedule], [run], NOW))
        else:
            rows = list(assessment.of_k8up(dict.fromkeys(PLURALS, [run]) | {"schedules": [schedule]}, NOW))
        assert rows and all(isinstance(text, str) for row in rows for text in row), status
        found = runs.parse(run)
        assert isinstance(found.reason, str) and isinstance(found.phase, str), status


def test_any_status_of_a_location_is_said():
    for status in statuses():
        location = made("velero.io", "BackupStorageLocation", status)
        location["metadata"]["name"] = "default"
        location["kind"] = "backupstoragelocations"
        assert isinstance(operations._location(Answers(location)), str), status
