"""Carry out a plan: write objects wave by wave, replace, delete. What fails half-way tells what was done."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from saltk8s.base import errors
from saltk8s.kubectl.client import api_errors, parallel
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.compare import equality, ownership
from saltk8s.kubectl.compare.dry_run import DryRun
from saltk8s.kubectl.health import poll
from saltk8s.kubectl.manifests import order
from saltk8s.kubectl.manifests.identity import Key, key_of, kind_of
from saltk8s.kubectl.sets import record
from saltk8s.kubectl.sets.actions import Plan
from saltk8s.kubectl.sets.options import Options
from saltk8s.kubectl.sets.reader import Live, Objects, stub

FOUNDATION_S = 60  # for a namespace or a definition to be usable
SHOWN = 5  # objects that an error names when it does not say which of them it is about

Done = tuple[list[Key], errors.SaltK8sError | None]  # what was certainly done, the error that ended it


class Writer:
    """Writes and deletes objects of one set; ``declared`` with the set's record among it."""

    def __init__(self, kubectl: Kubectl, set_name: str, declared: Objects, options: Options):
        self._kubectl = kubectl
        self._set = set_name
        self._declared = declared
        self._options = options
        self._record = record.key(set_name)

    def write(self, plan: Plan, live: Live) -> Done:
        """Write what the plan writes: the record first, then wave by wave, each before the next."""
        keys = plan.writes()
        waves = order.writing_waves(key for key in keys if key != self._record)
        done: list[Key] = []
        for wave in [[self._record], *waves] if self._record in keys else waves:
            try:
                self._delete_replaced([key for key in wave if key in plan.replaced()], live)
                self._prepare(wave, live)
                parallel.run(self._apply, wave, f"write {self._set}")
            except errors.SaltK8sError as err:
                written = self._written(wave)
                plan.notes += _interrupted(plan.replaced() - set(written))
                return done + written, self._with_names([key for key in wave if key not in written], err)
            done += wave
            try:
                if order.has_foundations(wave):
                    self._wait_for_foundations(wave, live)
            except errors.SaltK8sError as err:
                return done, err
        return done, None

    def delete(self, plan: Plan, live: Live) -> Done:
        """Delete what the plan deletes, in the reverse order of writing; the record last: it names the other kinds."""
        keys = plan.deletes()
        waves = order.deletion_waves(key for key in keys if key != self._record)
        waves += [[self._record]] if self._record in keys else []
        done: list[Key] = []
        for wave in waves:
            stubs = [stub(key, live.members[key]["apiVersion"]) for key in wave]
            try:
                self._kubectl.delete(stubs, self._options.timeout_s)
            except errors.SaltK8sError as err:
                remaining = self._remaining(stubs, wave)
                return done + [key for key in wave if key not in remaining], err
            done += wave
        return done, None

    def _prepare(self, keys: Sequence[Key], live: Live) -> None:
        existing = {key: obj for key in keys if (obj := live.get(key)) is not None}
        ownership.prepare(self._kubectl, [self._declared[key] for key in existing], existing)

    def _apply(self, keys: Sequence[Key]) -> list[dict[str, Any]]:
        # the record belongs to this pack alone
        force_conflicts = self._options.force_conflicts or keys == [self._record]
        objects = [self._declared[key] for key in keys]
        return self._kubectl.apply(objects, dry_run=False, force_conflicts=force_conflicts)

    def _delete_replaced(self, keys: Sequence[Key], live: Live) -> None:
        stubs = [stub(key, live.existing(key)["apiVersion"]) for key in keys]
        self._kubectl.delete(stubs, self._options.timeout_s)

    def _with_names(self, keys: Sequence[Key], err: errors.SaltK8sError) -> errors.SaltK8sError:
        if isinstance(err, api_errors.NOT_ABOUT_AN_OBJECT):
            return err
        # a dry run may succeed where the write failed: a webhook can tell them apart
        titles = ", ".join(key.title for key in keys[:SHOWN]) + (" ..." if len(keys) > SHOWN else "")
        dry_run = DryRun(self._kubectl, self._declared, self._options.force_conflicts)
        return dry_run.rejected(keys) or api_errors.with_titles(err, titles)

    def _written(self, keys: Sequence[Key]) -> list[Key]:
        """Return which objects of a wave that failed are in the cluster as declared."""
        stubs = [stub(key, self._declared[key]["apiVersion"]) for key in keys]
        try:
            found = {key_of(obj): obj for obj in self._kubectl.existing(stubs)}
        except errors.SaltK8sError:
            return []
        return [key for key in keys if key in found and equality.looks_equal(self._declared[key], found[key])]

    def _remaining(self, stubs: Sequence[dict[str, Any]], keys: Collection[Key]) -> set[Key]:
        """Return which objects of a wave that failed still exist: all, when the API server does not tell."""
        try:
            return {key_of(obj) for obj in self._kubectl.existing(stubs)}
        except errors.SaltK8sError:
            return set(keys)

    def _wait_for_foundations(self, keys: Sequence[Key], live: Live) -> None:
        """Wait until namespaces are active, definitions established, and the kinds that they define are served."""
        stubs = [stub(key, self._declared[key]["apiVersion"]) for key in keys]
        poll.until_healthy(self._kubectl, stubs, FOUNDATION_S)
        new = {kind_of(obj) for obj in self._declared.values()} & live.unknown
        poll.until_served(self._kubectl, self._set, new, FOUNDATION_S)


def _interrupted(keys: Collection[Key]) -> list[str]:
    text = "replacement interrupted: deleted, not yet re-created; the next run creates it"
    return [f"{key.title}: {text}" for key in sorted(keys)]
