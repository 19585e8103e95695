"""What a Backup, a Restore or a Schedule says of itself, for Velero and for K8up. Pure."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from saltk8s.kubectl.health.fields import mapping, maps, text

VELERO, K8UP = "velero", "k8up"  # the engines whose objects are read
K8UP_JOBS = ("backup", "check", "prune", "archive")  # what a Schedule of K8up runs, each on a schedule of its own
SUCCEEDED = ("Completed", "Succeeded")  # Velero's phase, K8up's reason
FAILED = ("Failed", "PartiallyFailed", "FailedValidation", "FinalizingPartiallyFailed")
SCHEDULE_LABEL = "velero.io/schedule-name"  # of a Backup: the Schedule that it belongs to


class Run(NamedTuple):
    """A backup or a restore, the same for both engines.

    phase: Velero's, or the reason of K8up's condition ``Completed``; ended: UTC. Empty and None while it runs.
    """

    name: str
    namespace: str
    phase: str
    ended: datetime.datetime | None
    reason: str
    schedule: str

    @property
    def succeeded(self) -> bool:
        """Whether it ended without an error."""
        return self.phase in SUCCEEDED


def parse(obj: Mapping[str, Any]) -> Run:
    """Return what a Backup or a Restore of either engine says of itself."""
    meta, status = obj["metadata"], mapping(obj.get("status"))
    schedule = (meta.get("labels") or {}).get(SCHEDULE_LABEL, "")
    if obj["apiVersion"].startswith("velero.io/"):
        phase, ended = text(status.get("phase")), status.get("completionTimestamp")
        counts = [f"{status[key]} {key}" for key in ("errors", "warnings") if status.get(key)]
        reason = "; ".join([*texts(status.get("validationErrors")), text(status.get("failureReason")), *counts])
    else:
        done = _ended(status)
        phase = "" if not done else "Succeeded" if done.get("reason") == "Succeeded" else "Failed"
        ended, reason = done.get("lastTransitionTime"), text(done.get("message"))
        owners = [one["name"] for one in meta.get("ownerReferences") or () if one.get("kind") == "Schedule"]
        schedule = owners[0] if owners else schedule
    known = phase if phase in SUCCEEDED + FAILED else ""
    return Run(meta["name"], meta["namespace"], known, _told(ended) if known else None, reason.strip("; "), schedule)


def found_nothing(obj: Mapping[str, Any]) -> bool:
    """Return whether a Restore of Velero's has succeeded with nothing to restore: the backup has no such namespace."""
    progress = mapping(obj.get("status")).get("progress")
    return obj["kind"] == "Restore" and parse(obj).succeeded and progress is not None and not mapping(progress)


def ended_runs(schedule: Mapping[str, Any], runs: Iterable[Run]) -> list[tuple[datetime.datetime, Run]]:
    """Return the runs of a Schedule that have ended, each with when it did, the oldest first."""
    key = schedule["metadata"]["name"], schedule["metadata"]["namespace"]
    own = [(run.ended, run) for run in runs if run.ended and (run.schedule, run.namespace) == key]
    return sorted(own, key=lambda pair: pair[0])


def last_success(schedule: Mapping[str, Any], runs: Iterable[Run]) -> tuple[datetime.datetime, Run] | None:
    """Return the newest run of a Schedule that succeeded, with when it ended; None when there is none."""
    return next((pair for pair in reversed(ended_runs(schedule, runs)) if pair[1].succeeded), None)


def moment(told: str) -> datetime.datetime:
    """Return a time of the API, with time zone."""
    return datetime.datetime.strptime(told, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc)


def texts(value: Any) -> list[str]:
    """Return the texts of a list in a status, none for anything else."""
    return [text(item) for item in value] if isinstance(value, list) else []


def _told(value: Any) -> datetime.datetime | None:
    """Return a time that a status tells, None when it is none."""
    try:
        return moment(text(value))
    except ValueError:
        return None


def _ended(status: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the condition that ends a run of K8up: ``Completed``, or that a pod before the backup failed."""
    found = {text(one.get("type")): one for one in maps(status.get("conditions"))}
    before, done = found.get("PreBackupPodReady") or {}, found.get("Completed") or {}
    if before.get("status") == "False" and before.get("reason") in ("Failed", "RetrievalFailed", "CreationFailed"):
        return before
    return done if done.get("reason") and done.get("status", "True") == "True" else {}
