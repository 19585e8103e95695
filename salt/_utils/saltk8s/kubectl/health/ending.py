"""Objects that are gone because they are done: Jobs with ``ttlSecondsAfterFinished``, deleted when they finish.

Between two looks such a Job can finish and go. Whether it failed, its events still tell.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from saltk8s.base import errors
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.health import assessment, events
from saltk8s.kubectl.health.fields import text
from saltk8s.kubectl.manifests.identity import Key

MISSING = assessment.Health(False, "does not exist")
_ASK_AGAIN = assessment.Health(False, "is gone, and not known to have finished")
# Reasons of the events by which the controller of Jobs says that one has failed.
_FAILURES = {
    "BackoffLimitExceeded",
    "DeadlineExceeded",
    "FailedIndexes",
    "MaxFailedIndexesExceeded",
    "PodFailurePolicy",
}


class Ending:
    """What is known of objects that may be gone; ``ends``: those that Kubernetes deletes when they are done."""

    def __init__(self, kubectl: Kubectl, ends: Collection[Key]):
        self._kubectl = kubectl
        self._ends = set(ends)
        self._last: dict[Key, Mapping[str, Any]] = {}  # as they were last seen
        self._gone: dict[Key, assessment.Health] = {}

    def see(self, objects: Mapping[Key, Mapping[str, Any]]) -> None:
        """Remember objects as they are now."""
        for key, obj in objects.items():
            if (key.group, key.kind) == ("batch", "Job"):
                self._last[key] = obj
                self._gone.pop(key, None)

    def health(self, key: Key) -> assessment.Health:
        """Return the health of an object that does not exist."""
        last = self._last.get(key)
        if last and assessment.is_done(last):
            self._gone[key] = assessment.READY
        elif key not in self._ends and not (last and assessment.ends(last)):
            return MISSING
        elif self._gone.get(key, _ASK_AGAIN) == _ASK_AGAIN:
            self._gone[key] = self._finished(key, last)
        return self._gone[key]

    def notes(self) -> list[str]:
        """Return what is to be said of the objects that are gone."""
        return [
            f"{key.title} is complete and was deleted"
            if key in self._last and assessment.is_done(self._last[key])
            else f"{key.title} was deleted when it finished (ttlSecondsAfterFinished); it was not seen to fail"
            for key in sorted(self._gone)
        ]

    def _finished(self, key: Key, last: Mapping[str, Any] | None) -> assessment.Health:
        """Return the health of what is gone and was not seen complete: failed, if it said so."""
        if last and assessment.has_failed(last):
            why = "; ".join(assessment.conditions(last))
            return assessment.Health(False, f"has failed, and was deleted: {why}", final=True)
        if not last:
            return assessment.READY
        try:
            told = events.list_events(self._kubectl, key.namespace, key.kind, key.name, uid=last["metadata"].get("uid"))
        except errors.SaltK8sError:  # without events there is nothing against it
            return assessment.READY
        for event in told:
            if event["reason"] in _FAILURES:
                why = f"{event['reason']}: {text(event['message'])}"
                return assessment.Health(False, f"has failed, and was deleted: {why}", final=True)
        # events come a moment late
        known = key in self._gone or any(event["reason"] == "Completed" for event in told)
        return assessment.READY if known else _ASK_AGAIN
