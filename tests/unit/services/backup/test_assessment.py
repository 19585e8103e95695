"""Which schedules of K8up are well: the jobs of each, and when they are late."""

from __future__ import annotations

import datetime

import pytest
from saltk8s.services import status
from saltk8s.services.backup import assessment, runs
from saltk8s.services.status_facts import Failed
from tests.unit.services.test_status import MODEL, NOW, facts

JOBS = {"backup": "0 */6 * * *", "check": "@weekly-random", "prune": "@daily-random"}


def moment(hours: float) -> str:
    return (NOW - datetime.timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


def schedule(age_days: float = 90, ready: str = "True", jobs: dict[str, str] = JOBS) -> dict:
    """Return a Schedule of K8up in the namespace web."""
    meta = {"name": "platform", "namespace": "web", "creationTimestamp": moment(24 * age_days)}
    told = [{"type": "Ready", "status": ready, "reason": "CreationFailed", "message": "no such secret"}]
    spec = {job: {"schedule": when} for job, when in jobs.items()}
    return {"apiVersion": "k8up.io/v1", "metadata": meta, "spec": spec, "status": {"conditions": told}}


def run(hours: float, reason: str = "Succeeded", kind: str = "Completed", true: str = "True") -> dict:
    """Return a run of K8up that ended so many hours ago."""
    owner = {"kind": "Schedule", "name": "platform"}
    done = {"type": kind, "reason": reason, "status": true, "lastTransitionTime": moment(hours), "message": "told"}
    meta = {"name": f"run-{hours}", "namespace": "web", "ownerReferences": [owner]}
    return {"apiVersion": "k8up.io/v1", "metadata": meta, "status": {"conditions": [done]}}


GOOD = {"schedules": [schedule()], "backups": [run(3)], "checks": [run(100)], "prunes": [run(20)], "archives": []}


def states(found: dict) -> dict[str, tuple[str, str]]:
    return {name: (state, why) for name, state, why in assessment.of_k8up(GOOD | found, NOW)}


def test_every_job_of_a_schedule_has_a_row():
    assert {name: state for name, (state, _) in states({}).items()} == {
        "web/platform backup": "ok", "web/platform check": "ok", "web/platform prune": "ok",
    }  # fmt: skip


@pytest.mark.parametrize(("found", "row", "state", "why"), [
    ({"backups": [run(9), run(3, "Failed")]}, "backup", "bad", "9 h ago; the newest, run-3, is Failed: told"),
    ({"backups": [run(3, "Failed")]}, "backup", "bad", "no backup has ever succeeded; the newest, run-3, is Failed"),
    ({"backups": [run(9), run(3, "Failed", "PreBackupPodReady", "False")]}, "backup", "bad", "is Failed"),
    ({"backups": [run(9), run(3, "Ready", "PreBackupPodReady")]}, "backup", "ok", "9 h ago"),
    ({"backups": [run(9), run(3, "Running", "Completed", "False")]}, "backup", "ok", "9 h ago"),
    ({"backups": [run(12)]}, "backup", "ok", "12 h ago"),
    ({"backups": [run(13)]}, "backup", "bad", "overdue, expected within 12 h"),
    ({"backups": []}, "backup", "bad", "no backup has ever succeeded: overdue"),
    ({"backups": [], "schedules": [schedule(0.1)]}, "backup", "warn", "no backup yet"),
    ({"checks": [run(20, "Failed"), run(60)]}, "check", "bad", "is Failed"),
    ({"checks": [run(15 * 24)]}, "check", "bad", "overdue"),
    ({"prunes": [run(49)]}, "prune", "bad", "overdue, expected within 48 h"),
    ({"prunes": None}, "prune", "bad", "no prune has ever succeeded"),
    ({"schedules": [schedule(jobs={"backup": "sometimes"})]}, "backup", "warn", "'sometimes' cannot be read"),
])  # fmt: skip
def test_what_fails_or_is_late_has_a_reason(found, row, state, why):
    told = states(found)[f"web/platform {row}"]
    assert told[0] == state
    assert why in told[1]


def test_a_schedule_that_is_not_ready_is_bad():
    assert states({"schedules": [schedule(ready="False")]})["web/platform"] == (
        "bad", "the schedule is not ready: no such secret",
    )  # fmt: skip


def test_the_platform_is_not_healthy_while_backups_of_k8up_fail():
    def healthy(k8up: dict) -> bool:
        return status.healthy(status.table(MODEL, facts(schedules=None, backups=None, k8up=k8up), NOW))

    assert healthy(GOOD)
    for job in ("backup", "check", "prune"):
        assert not healthy(GOOD | {f"{job}s": [run(1, "Failed")]}), job
    assert not healthy(GOOD | {"schedules": [schedule(ready="False")]})
    assert not healthy(dict.fromkeys(GOOD, Failed("no route to host")))
    assert healthy(dict.fromkeys(GOOD, None))


def test_the_site_may_set_the_age_itself():
    limits = {"services": {"prometheus": {"enabled": False, "limits": {"backup_age": "2h"}}}, "nodes": {}}
    rows = status.table({**MODEL, **limits}, facts(schedules=None, backups=None, k8up=GOOD), NOW)
    assert [row["name"] for row in rows if row["part"] == "backups" and row["state"] == "bad"] == [
        "web/platform backup"
    ]


def test_a_run_of_k8up_has_ended_only_when_it_says_so():
    assert runs.parse(run(1, "Running", true="False")).ended is None
    assert runs.parse(run(1, "AnotherReason")).phase == "Failed"
