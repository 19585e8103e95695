"""What Backups of both engines say of themselves, and which of a Schedule's runs was the last that succeeded."""

from __future__ import annotations

from saltk8s.services.backup import runs

SCHEDULE = {"metadata": {"name": "platform", "namespace": "velero"}}


def velero(name: str, phase: str, hour: int, schedule: str = "platform", **status) -> runs.Run:
    meta = {"name": name, "namespace": "velero", "labels": {runs.SCHEDULE_LABEL: schedule}}
    ended = f"2026-11-25T{hour:02}:00:00Z"
    return runs.parse({"apiVersion": "velero.io/v1", "metadata": meta,
                       "status": {"phase": phase, "completionTimestamp": ended, **status}})  # fmt: skip


def test_the_last_success_is_the_newest_that_succeeded():
    known = [
        velero("c", "Failed", 3),
        velero("b", "Completed", 2),
        velero("a", "Completed", 1),
        velero("d", "Completed", 4, schedule="other"),
        velero("e", "InProgress", 5),
    ]
    assert [run.name for _, run in runs.ended_runs(SCHEDULE, known)] == ["a", "b", "c"]
    ended, run = runs.last_success(SCHEDULE, known)
    assert (run.name, ended.hour, ended.utcoffset().total_seconds()) == ("b", 2, 0)
    assert runs.last_success(SCHEDULE, known[:1]) is None


def test_a_run_of_velero_says_why_it_failed():
    run = velero("a", "PartiallyFailed", 1, errors=2, failureReason="disk full")
    assert (run.succeeded, run.reason) == (False, "disk full; 2 errors")
    assert velero("a", "InProgress", 1).ended is None


def test_a_run_of_k8up_is_its_condition_completed():
    done = {"type": "Completed", "reason": "Succeeded", "lastTransitionTime": "2026-11-25T01:30:00Z", "message": "ok"}
    meta = {"name": "a", "namespace": "web", "ownerReferences": [{"kind": "Schedule", "name": "platform"}]}
    run = runs.parse({"apiVersion": "k8up.io/v1", "metadata": meta, "status": {"conditions": [done]}})
    assert (run.succeeded, run.schedule, run.namespace, run.reason) == (True, "platform", "web", "ok")
    assert runs.parse({"apiVersion": "k8up.io/v1", "metadata": meta}).phase == ""
