"""Write, replace and delete objects of a set. What fails half-way tells what was done."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from saltk8s.base import errors
from saltk8s.kubectl.client import api_errors, parallel
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.compare import diff, equality, ownership
from saltk8s.kubectl.health import assessment, poll
from saltk8s.kubectl.manifests import order
from saltk8s.kubectl.manifests.identity import Key, defined_kinds, key_of, kind_of, set_of, stub, stub_of
from saltk8s.kubectl.sets import record, replacement
from saltk8s.kubectl.sets.actions import Plan
from saltk8s.kubectl.sets.admission import contradictions, related
from saltk8s.kubectl.sets.options import Options
from saltk8s.kubectl.sets.reader import Live, Objects

FOUNDATION_S = 60  # for a namespace or a definition to be usable
SHARED_S = 60  # for what leaves the set in a shared namespace, where a finalizer of others may hold it for ever
# Until what was written has its effect: the API server takes up policies, schemas and webhooks after a moment.
EFFECT_S = 30
PAUSE_S = 0.5
SHOWN = 10  # objects that an error names

_NO_FINALIZERS = '{"metadata":{"finalizers":null}}'

Done = tuple[list[Key], errors.SaltK8sError | None]  # what was certainly done, the error that ended it


class Writer:
    """Writes and deletes objects of one set; ``declared`` with the set's record among it."""

    def __init__(self, kubectl: Kubectl, set_name: str, declared: Objects, options: Options):
        self._kubectl = kubectl
        self._set = set_name
        self._declared = declared
        self._options = options
        self._record = record.key(set_name)
        self.deleted: set[Key] = set()  # to be replaced, and not re-created yet
        self._replaced: set[Key] = set()
        self._redefined: set[tuple[str, str]] = set()  # kinds whose definitions were written
        self._replicas: dict[Key, int] = {}  # of what is replaced and leaves them to others

    def waves(self, plan: Plan) -> list[list[Key]]:
        """Return what the plan writes: the record first, then wave by wave; what tightens after what it may reject."""
        keys = plan.writes()
        tightened = contradictions.tightened(plan)
        late = [key for key in keys if key in tightened]
        waves = order.writing_waves(key for key in keys if key != self._record and key not in late)
        early = [wave for wave in waves if order.wave(wave[0]) <= order.WORKLOADS]
        waves = [*early, *([late] if late else []), *waves[len(early) :]]
        return [[self._record], *waves] if self._record in keys else waves

    def write(self, keys: Sequence[Key], plan: Plan, live: Live) -> Done:
        """Write the objects of one wave; replaced ones are deleted before."""
        replaced = plan.replaced()
        try:
            self._delete_replaced([key for key in keys if key in replaced], live)
            self._prepare(keys, plan, live)
            kept = {key: number for key in keys if (number := plan.actions[key].replicas) is not None}
            self._replicas |= kept
            tried = [key for key in keys if not plan.actions[key].untried]
            parallel.run(self._apply, tried, f"write {self._set}")
            for key in (key for key in keys if plan.actions[key].untried):
                self._write_untried(key, plan, live)
            self._leave_replicas(list(kept))
        except errors.SaltK8sError as err:
            written = self._written(keys)
            self.deleted -= set(written)
            return written, err
        self.deleted -= set(keys)
        try:
            if order.has_foundations(keys):
                self._wait_for_foundations(keys, live)
        except errors.SaltK8sError as err:
            return list(keys), err
        return list(keys), None

    def apart(self, keys: Sequence[Key]) -> list[list[Key]]:
        """Return objects to delete in two parts: those of shared namespaces last, so that none of them stops others."""
        shared = [key for key in keys if self._options.is_shared(key)]
        return [[key for key in keys if key not in shared], shared]

    def delete(self, keys: Sequence[Key], live: Live) -> Done:
        """Delete objects, in the reverse order of writing; the record last: it names the other kinds."""
        waves = order.deletion_waves(key for key in keys if key != self._record)
        waves += [[self._record]] if self._record in keys else []
        done: list[Key] = []
        for wave in waves:
            try:
                self._delete_wave(wave, keys, live)
            except errors.SaltK8sError as err:
                stubs = self._stubs(wave, live)
                remaining = self._remaining(stubs, wave)
                return done + [key for key in wave if key not in remaining], self._with_finalizers(err, stubs)
            done += wave
        return done, None

    def _delete_wave(self, wave: Sequence[Key], keys: Sequence[Key], live: Live) -> None:
        """Delete and wait; a webhook that cannot be called and is to be deleted as well goes first."""
        end, timeout_s = 0.0, self._options.timeout_s
        if all(self._options.is_shared(key) and not key.protected for key in wave):
            timeout_s = min(timeout_s, SHARED_S)
        while True:
            try:
                self._kubectl.delete(self._stubs(wave, live), timeout_s)
                return
            except api_errors.WebhookFailed as err:
                own = [key for key in keys if related.has_webhook(live.members[key], err.webhook)]
                if not own or end and time.monotonic() > end:
                    raise
            if not end:
                self._kubectl.delete(self._stubs(own, live), self._options.timeout_s)
                end = time.monotonic() + EFFECT_S
            time.sleep(PAUSE_S)

    def _with_finalizers(self, err: errors.SaltK8sError, stubs: Sequence[dict[str, Any]]) -> errors.SaltK8sError:
        """Return an error; of a deletion that timed out, with what it waits for."""
        if isinstance(err, errors.CommandTimeout):
            try:
                waiting = [obj for obj in self._kubectl.existing(stubs) if obj["metadata"].get("deletionTimestamp")]
            except errors.SaltK8sError:  # must not hide the one that is explained
                return err
            lines = [f"{key_of(obj).title} {assessment.assess(obj).reason}" for obj in waiting[:SHOWN]]
            err.args = ("\n".join([str(err), *lines]),)
        return err

    def release(self, keys: Sequence[Key], live: Live) -> Done:
        """Take objects out of the set; they are kept."""
        stubs = self._stubs(keys, live)
        try:
            self._kubectl.release(stubs)
        except errors.SaltK8sError as err:
            remaining = self._remaining(stubs, keys, in_set=True)
            return [key for key in keys if key not in remaining], err
        return list(keys), None

    def _stubs(self, keys: Sequence[Key], live: Live) -> list[dict[str, Any]]:
        """Return members at versions that are served: a definition of this run may have ended that of the LIST."""
        kinds = {key: kind_of(live.members[key]) for key in keys}
        again = {kind: self._kubectl.served(kind) for kind in set(kinds.values()) if kind.gk in self._redefined}
        return [stub(key, (again.get(kind) or kind).api_version) for key, kind in kinds.items()]

    def _apply(self, keys: Sequence[Key], answers: bool = False) -> list[dict[str, Any]]:
        found = []
        # the record belongs to this pack alone
        forced = [key for key in keys if self._options.forces(key) or key == self._record]
        for some, force in ((forced, True), ([key for key in keys if key not in forced], False)):
            objects = [replacement.with_replicas(self._declared[key], self._replicas.get(key)) for key in some]
            found += self._kubectl.apply(objects, dry_run=False, force_conflicts=force, answers=answers)
        return found

    def _delete_replaced(self, keys: Sequence[Key], live: Live) -> None:
        stubs = {key: stub(key, live.existing(key)["apiVersion"]) for key in keys if live.get(key)}
        shared = [key for key in stubs if self._options.is_shared(key)]
        held = [stubs[key] for key in shared if live.existing(key)["metadata"].get("finalizers")]
        try:
            if held:
                self._kubectl.patch(_NO_FINALIZERS, held, "merge")
            self._kubectl.delete(list(stubs.values()), self._options.timeout_s)
            gone = set(stubs)
        except errors.SaltK8sError:
            gone = set(stubs) - self._remaining(list(stubs.values()), stubs)
            raise
        finally:
            self.deleted |= gone
            self._replaced |= gone
            for key in gone:
                live.forget(key)

    def _prepare(self, keys: Sequence[Key], plan: Plan, live: Live) -> None:
        existing = {key: obj for key in keys if (obj := live.get(key)) is not None}
        removed = {key: plan.actions[key].removed for key in existing}
        ownership.prepare(self._kubectl, [self._declared[key] for key in existing], existing, removed)

    def _write_untried(self, key: Key, plan: Plan, live: Live) -> None:
        """Write an object that could not be tried: what it changes is known only now."""
        answer = self._apply([key], answers=True)[0]
        old = live.get(key)
        if old is not None:
            plan.put(replace(plan.actions[key], differences=diff.fields(old, answer)))

    def _leave_replicas(self, keys: Sequence[Key]) -> None:
        """Disown the number of replicas that was carried over into new objects: it is left to others again."""
        if keys:
            declared = [self._declared[key] for key in keys]
            live = {key_of(obj): obj for obj in self._kubectl.existing([stub_of(obj) for obj in declared])}
            ownership.prepare(self._kubectl, declared, live, {})

    def _written(self, keys: Sequence[Key]) -> list[Key]:
        """Return which objects of a wave that failed are in the cluster as declared."""
        stubs = [stub(key, self._declared[key]["apiVersion"]) for key in keys]
        try:
            found = {key_of(obj): obj for obj in self._kubectl.existing(stubs)}
        except errors.SaltK8sError:
            return []
        return [key for key in keys if key in found and equality.looks_equal(self._declared[key], found[key])]

    def _remaining(self, stubs: Sequence[dict[str, Any]], keys: Collection[Key], in_set: bool = False) -> set[Key]:
        """Return which objects still exist (``in_set``: in the set): all, when the API server does not tell."""
        try:
            return {key_of(obj) for obj in self._kubectl.existing(stubs) if not in_set or set_of(obj) == self._set}
        except errors.SaltK8sError:
            return set(keys)

    def _wait_for_foundations(self, keys: Sequence[Key], live: Live) -> None:
        """Wait until namespaces are active, definitions established, and the kinds that they define are served."""
        stubs = [stub(key, self._declared[key]["apiVersion"]) for key in keys]
        poll.until_healthy(self._kubectl, stubs, FOUNDATION_S)
        defined = defined_kinds(self._declared[key] for key in keys)
        self._redefined |= defined.keys()
        if self._replaced.intersection(keys):
            self._kubectl.forget_kinds()
        new = {kind_of(obj) for obj in self._declared.values()} & (live.unknown | live.not_served.keys())
        new = {kind for kind in new if kind.gk in defined}
        poll.until_served(self._kubectl, self._set, new, FOUNDATION_S)
