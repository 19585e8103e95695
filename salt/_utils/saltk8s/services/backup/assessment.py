"""What is well of the backups, and what is late or failing: schedules and their runs, of Velero and of K8up. Pure."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from saltk8s.kubectl.health.assessment import condition
from saltk8s.kubectl.health.fields import mapping, text
from saltk8s.pillar.vocabulary import cron
from saltk8s.services.backup import runs
from saltk8s.services.common import BAD, OK, WARN

Objects = Sequence[Mapping[str, Any]]
Found = tuple[str, str, str]  # name, state, why


def of_velero(
    schedules: Objects, backups: Objects, now: datetime.datetime, max_age: datetime.timedelta | None = None
) -> Iterator[Found]:
    """Return the state of each Schedule. max_age: of the last success; by default it follows from the schedule."""
    known = [runs.parse(backup) for backup in backups]
    for schedule in schedules:
        spec, name = schedule.get("spec") or {}, schedule["metadata"]["name"]
        status = mapping(schedule.get("status"))
        if status.get("phase") == "FailedValidation":
            yield name, BAD, f"the schedule is not valid: {'; '.join(runs.texts(status.get('validationErrors')))}"
        elif spec.get("paused"):
            yield name, WARN, "the schedule is paused"
        else:
            yield name, *_of_schedule(schedule, text(spec.get("schedule")), known, now, max_age)


def of_k8up(
    found: Mapping[str, Objects | None], now: datetime.datetime, max_age: datetime.timedelta | None = None
) -> Iterator[Found]:
    """Return the state of each job of each Schedule: backup, check, prune, archive.

    found: {plural of a kind: its objects}; max_age: of the last successful backup, see of_velero().
    """
    known = {job: [runs.parse(run) for run in found.get(f"{job}s") or ()] for job in runs.K8UP_JOBS}
    for schedule in found.get("schedules") or ():
        meta, spec = schedule["metadata"], schedule.get("spec") or {}
        name = f"{meta['namespace']}/{meta['name']}"
        ready = condition(schedule.get("status"), "Ready")
        if ready.get("status") == "False":
            yield name, BAD, f"the schedule is not ready: {ready.get('message') or ready.get('reason')}"
        for job in runs.K8UP_JOBS:
            when = text(mapping(spec.get(job)).get("schedule"))
            if when:
                limit = max_age if job == "backup" else None
                yield f"{name} {job}", *_of_schedule(schedule, when, known[job], now, limit, job)


def _of_schedule(
    schedule: Mapping[str, Any],
    when: str,
    known: list[runs.Run],
    now: datetime.datetime,
    max_age: datetime.timedelta | None,
    job: str = "backup",
) -> tuple[str, str]:
    limit = max_age or cron.late_after(when)
    if limit is None:
        return WARN, f"whether it is late is not known: its schedule {when!r} cannot be read"
    ended, success = runs.ended_runs(schedule, known), runs.last_success(schedule, known)
    since = success[0] if success else runs.moment(schedule["metadata"]["creationTimestamp"])
    late = now - since > limit
    last = f"last success {since:%Y-%m-%d %H:%M} UTC, {_hours(now - since)} ago"
    told = last if success else f"no {job} has ever succeeded"
    if ended and not ended[-1][1].succeeded:
        run = ended[-1][1]
        return BAD, f"{told}; the newest, {run.name}, is {run.phase}: {run.reason or 'no reason given'}"
    if late:
        return BAD, f"{told}: overdue, expected within {_hours(limit)}"
    return (OK, told) if success else (WARN, f"no {job} yet")


def _hours(age: datetime.timedelta) -> str:
    minutes = int(age.total_seconds() // 60)
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 72 * 60 else f"{minutes // 1440} days"
