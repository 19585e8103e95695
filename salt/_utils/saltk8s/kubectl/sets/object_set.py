"""A set of objects: planned, written, pruned, deleted. The one door for the execution module."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from saltk8s.base import errors, memory
from saltk8s.kubectl.client import batches, refusals
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.compare import local
from saltk8s.kubectl.health import judge, wait
from saltk8s.kubectl.manifests import order
from saltk8s.kubectl.manifests.identity import Key, Kind, kind_of
from saltk8s.kubectl.sets import reader, record
from saltk8s.kubectl.sets.actions import CREATE, Action, Plan
from saltk8s.kubectl.sets.planner import Planner
from saltk8s.kubectl.sets.prefetch import Ahead

FOUNDATION_S = 60  # for a namespace or a definition to be usable
SHOWN = 5  # objects that an error names when it cannot be said which of them it is about


@dataclass
class Outcome:
    """What a run did, or would do.

    changes: as in Salt; lines: the same for people; unready: objects that are not healthy, with the reason;
    failure: the error that ended the run after part of it was done.
    """

    changes: dict[str, Any] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    unready: list[str] = field(default_factory=list)
    failure: errors.SaltK8sError | None = None


@dataclass(frozen=True)
class Options:
    """How a set is applied: see the execution function ``kubectl.apply``."""

    force: bool = False
    prune: bool = True
    wait: bool = True
    timeout_s: float = 300
    unprotect: Collection[str] = ()
    replace: Collection[str] = ()


class ObjectSet:
    """A named set in one cluster; ``declared`` as manifest.declare() gives it, ``ahead`` what is being read already."""

    def __init__(
        self,
        kubectl: Kubectl,
        name: str,
        declared: reader.Objects | None = None,
        options: Options | None = None,
        ahead: Ahead | None = None,
    ):
        self.name = name
        self._kubectl = kubectl
        self._declared = dict(declared or {})
        self._options = options or Options()
        self._ahead = ahead

    def apply(self, test: bool) -> Outcome:
        """Make the live set what is declared; with test, only say what that would change."""
        if not self._declared:
            raise errors.Refused(
                f"the set {self.name!r} declares no object: that would prune all of it; "
                "to delete a set say so with kubectl.absent"
            )
        if not self._kubectl.cluster_exists:
            return self._before_the_cluster(test)
        live = self._read()
        plan = self._planner().plan(live)
        if test:
            return Outcome(plan.changes(), plan.lines(True), self._unready(live))
        if plan.blocked:
            raise errors.Refused("\n".join(["nothing was done:", *plan.blocked]))
        return self._carry_out(plan, live)

    def delete(self, test: bool) -> Outcome:
        """Delete the live set, in the reverse order; with test, only say what that would delete."""
        if not self._kubectl.cluster_exists:
            if test:
                return Outcome(lines=["there is no cluster yet, and so nothing to delete"])
            self._kubectl.run("version")  # raises, and says what is missing
        live = reader.read(self._kubectl, self.name, self._declared, adopt=False)
        plan = self._planner().deletion(live)
        if test:
            return Outcome(plan.changes(), plan.lines(True))
        done, failure = self._deleted(plan, live)
        return Outcome(plan.changes(done), plan.lines(False, done), failure=failure)

    # -- writing

    def _read(self) -> reader.Live:
        """Read the set; the record that it should have is then one more declared object."""
        kinds = {kind_of(obj) for obj in self._declared.values()}
        key = record.key(self.name)
        # asked for together with the rest: a record without the set's label would be adopted like anything else
        self._declared[key] = record.build(self.name, kinds)
        with memory.uncollected():
            live = reader.read(self._kubectl, self.name, self._declared, ahead=self._ahead)
        remembered = {kind for kind in live.recorded if kind not in live.unknown} if live.recorded else set()
        self._declared[key] = record.build(self.name, remembered | kinds)
        if key in live.members and key not in live.equal:  # it was compared before earlier kinds were known
            live.take([live.members[key]], self._declared)
        return live

    def _planner(self) -> Planner:
        return Planner(
            self._kubectl,
            self.name,
            self._declared,
            self._options.force,
            self._options.prune,
            self._options.unprotect,
            self._options.replace,
        )

    def _before_the_cluster(self, test: bool) -> Outcome:
        if not test:
            self._kubectl.run("version")  # raises, and says what is missing
        self._declared[record.key(self.name)] = record.build(self.name, {kind_of(o) for o in self._declared.values()})
        plan = Plan([Action(CREATE, key) for key in self._declared])
        plan.sort()
        plan.notes.append("the cluster does not exist yet: the API server was not asked")
        return Outcome(plan.changes(), plan.lines(True))

    def _carry_out(self, plan: Plan, live: reader.Live) -> Outcome:
        end = time.monotonic() + self._options.timeout_s
        done, failure = self._written(plan, live)
        if not failure:
            deleted, failure = self._deleted(plan, live)
            done += deleted
        outcome = Outcome(plan.changes(done), plan.lines(False, done), failure=failure)
        if self._options.wait and not failure:
            try:
                self._wait(live, bool(done), max(0.0, end - time.monotonic()))
            except errors.SaltK8sError as err:
                outcome.failure = err
        return outcome

    def _written(self, plan: Plan, live: reader.Live) -> tuple[list[Key], errors.SaltK8sError | None]:
        """Write objects; return (what was really written, the error that ended it)."""
        keys, note = plan.writes(), record.key(self.name)
        waves = order.writing_waves(key for key in keys if key != note)
        done: list[Key] = []
        for wave in [[note], *waves] if note in keys else waves:
            try:
                self._make_way([key for key in wave if key in plan.replaced()], live)
                batches.run(self._write, wave, f"write {self.name}")
            except errors.SaltK8sError as err:
                arrived = self._arrived(wave)
                plan.notes += self._say_gone(plan.replaced() - set(arrived))
                return done + arrived, self._named([key for key in wave if key not in arrived], err)
            done += wave
            try:
                if order.founds(wave):
                    self._settled(wave, live)
            except errors.SaltK8sError as err:
                return done, err
        return done, None

    def _write(self, keys: Sequence[Key]) -> list:
        force = self._options.force or keys == [record.key(self.name)]  # the record is nobody's but ours
        return self._kubectl.apply([self._declared[key] for key in keys], dry_run=False, force=force)

    def _make_way(self, keys: Sequence[Key], live: reader.Live) -> None:
        stubs = [reader.stub(key, live.get(key)["apiVersion"]) for key in keys]
        self._kubectl.delete(stubs, self._options.timeout_s)

    def _say_gone(self, keys: Collection[Key]) -> list[str]:
        return [
            f"{key.title} was to be deleted and made anew, and that was not finished: the next run does it"
            for key in sorted(keys)
        ]

    def _named(self, keys: Sequence[Key], err: errors.SaltK8sError) -> errors.SaltK8sError:
        if isinstance(err, refusals.GENERAL):
            return err
        # a dry run need not fail where the write did: a webhook can tell them apart
        titles = ", ".join(key.title for key in keys[:SHOWN]) + (" ..." if len(keys) > SHOWN else "")
        return self._planner().trial.attributed(keys) or refusals.about(titles, err)

    def _arrived(self, keys: Sequence[Key]) -> list[Key]:
        """Return which objects of a wave that failed are in the cluster as declared."""
        stubs = [reader.stub(key, self._declared[key]["apiVersion"]) for key in keys]
        try:
            found = {reader.key_of(obj): obj for obj in self._kubectl.existing(stubs)}
        except errors.SaltK8sError:
            return []
        return [key for key in keys if key in found and local.looks_equal(self._declared[key], found[key])]

    def _settled(self, keys: Sequence[Key], live: reader.Live) -> None:
        """Wait until namespaces are active, definitions established, and the kinds that they bring are served."""
        stubs = [reader.stub(key, self._declared[key]["apiVersion"]) for key in keys]
        wait.for_objects(self._kubectl, stubs, FOUNDATION_S)
        new = {kind_of(obj) for obj in self._declared.values()} & live.unknown
        wait.for_kinds(self._kubectl, self.name, new, FOUNDATION_S)

    def _deleted(self, plan: Plan, live: reader.Live) -> tuple[list[Key], errors.SaltK8sError | None]:
        note = record.key(self.name)
        waves = order.deletion_waves(key for key in plan.deletes() if key != note)
        waves += [[note]] if note in plan.deletes() else []  # last: until then it says where the rest is
        done: list[Key] = []
        for wave in waves:
            stubs = [reader.stub(key, live.members[key]["apiVersion"]) for key in wave]
            try:
                self._kubectl.delete(stubs, self._options.timeout_s)
            except errors.SaltK8sError as err:
                try:
                    there = {reader.key_of(obj) for obj in self._kubectl.existing(stubs)}
                except errors.SaltK8sError:
                    there = set(wave)
                return done + [key for key in wave if key not in there], err
            done += wave
        return done, None

    # -- health

    def _unready(self, live: reader.Live) -> list[str]:
        found = []
        for key in order.sort(self._declared):
            obj = live.get(key)
            state = judge.of(obj) if obj else judge.READY
            if not state.ready:
                found.append(f"{key.title} {state.reason}")
        return found

    def _wait(self, live: reader.Live, wrote: bool, timeout_s: float) -> None:
        """After a run without writes, what was read already may tell that all is well: no further request."""
        if wrote or self._unready(live):
            kinds = {kind_of(obj) for obj in self._declared.values() if judge.awaited(kind_of(obj))}
            wait.for_set(self._kubectl, self.name, kinds, set(self._declared), timeout_s)


def kinds_of(kubectl: Kubectl, set_name: str) -> set[Kind]:
    """Return the kinds of a set by its record; NotReady when there is no such set."""
    found, _ = kubectl.set_objects(set_name, [record.KIND])
    kinds = record.kinds(next((obj for obj in found if reader.key_of(obj) == record.key(set_name)), None))
    if not kinds:
        raise errors.NotReady(f"there is no set {set_name!r} in the cluster")
    return kinds
