"""A set of objects: applied or deleted, for real or as a test. What the execution module calls."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from saltk8s.base import errors
from saltk8s.kubectl.client import api_errors
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.health import assessment, poll
from saltk8s.kubectl.manifests import order
from saltk8s.kubectl.manifests.identity import Key, defined_kinds, key_of, kind_of, stub
from saltk8s.kubectl.sets import reader, record
from saltk8s.kubectl.sets.actions import CREATE, Action, Plan, titles
from saltk8s.kubectl.sets.options import Options
from saltk8s.kubectl.sets.planner import Planner
from saltk8s.kubectl.sets.prefetch import Prefetch
from saltk8s.kubectl.sets.remembered import Remembered
from saltk8s.kubectl.sets.run import Run
from saltk8s.kubectl.sets.trial import Trial
from saltk8s.kubectl.sets.writing import Writer

States = dict[Key, assessment.Health]


@dataclass
class Outcome:
    """What a run did, or would do.

    changes: as in Salt; lines: the same for people; unready: objects that are not healthy, with the reason;
    failure: the error that ended the run after part of it was done; healthy: how many objects the set has, when nothing
    changes and all of them are healthy.
    """

    changes: dict[str, Any] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    unready: list[str] = field(default_factory=list)
    failure: errors.SaltK8sError | None = None
    healthy: int | None = None


class ObjectSet:
    """A named set in one cluster; ``declared`` as manifest.declare() gives it.

    prefetch: what is read already; remembered: what was equal in the last run.
    """

    def __init__(
        self,
        kubectl: Kubectl,
        name: str,
        declared: reader.Objects | None = None,
        options: Options | None = None,
        prefetch: Prefetch | None = None,
        remembered: Remembered | None = None,
    ):
        self.name = name
        self._kubectl = kubectl
        self._declared = dict(declared or {})
        self._options = options or Options()
        self._prefetch = prefetch
        self._remembered = remembered

    def apply(self, test: bool) -> Outcome:
        """Make the live set what is declared; with test, only say what that would change."""
        if not self._declared:
            raise errors.Refused(
                f"the set {self.name!r} declares no object: that would prune all of it; "
                "to delete a set use kubectl.absent"
            )
        if not self._kubectl.cluster_exists:
            return self._without_cluster(test)
        live = self._read()
        trial = self._planner().trial(live)
        plan = trial.plan
        if len(plan.actions) > 1 and self._only_names_change(plan):
            plan.unsaid.add(record.key(self.name))
        if test:
            unready = _shown(self._unhealthy(live))
            return Outcome(plan.changes(), plan.lines(True), unready, _aside(plan), _healthy(plan, live))
        if plan.blocked:
            raise errors.Refused("\n".join(["nothing was done:", *plan.blocked]))
        return self._carry_out(trial)

    def delete(self, test: bool) -> Outcome:
        """Delete the live set, in the reverse order; with test, only say what that would delete."""
        if not self._kubectl.cluster_exists:
            if test:
                return Outcome(lines=["there is no cluster yet, and so nothing to delete"])
            self._kubectl.run("version")  # raises: no kubeconfig
        live = reader.read(self._kubectl, self.name, self._declared, adopt=False, prefetch=self._prefetch)
        plan = self._planner().deletion(live)
        healthy = None if live.members else 0
        if test:
            return Outcome(plan.changes(), plan.lines(True), healthy=healthy)
        done, failure = self._writer().delete(plan.deletes(), live)
        return Outcome(plan.changes(done), plan.lines(False, done), failure=failure, healthy=healthy)

    def _read(self) -> reader.Live:
        """Read the set; the record that it should have is then one more declared object."""
        kinds, objects = {kind_of(obj) for obj in self._declared.values()}, record.listed(self._declared)
        key = record.key(self.name)
        # read together with the rest: a record without the set's label would be adopted like anything else
        self._declared[key] = record.build(self.name, kinds, objects)
        live = reader.read(
            self._kubectl, self.name, self._declared, prefetch=self._prefetch, remembered=self._remembered
        )
        if self._remembered:
            self._remembered.save()
        if kept := self._kept(live):
            objects = record.listed(kept | self._declared)
        changing = [obj for one, obj in self._declared.items() if one not in live.equal]  # definitions among them
        gone = defined_kinds(live.members[one] for one in self._leaving(live) if self._is_pruned(one))
        earlier = {kind for kind in record.still_served(live.earlier_kinds(), changing) if kind.gk not in gone}
        self._declared[key] = record.build(self.name, earlier | kinds, objects)
        if key in live.members and key not in live.equal:  # it was compared before earlier kinds were known
            live.take([live.members[key]], self._declared)
        return live

    def _only_names_change(self, plan: Plan) -> bool:
        """Return whether the record only follows what is created and deleted."""
        action = plan.actions.get(record.key(self.name))
        return action is not None and set(action.differences) == {("data", "objects")}

    def _kept(self, live: reader.Live) -> reader.Objects:
        """Return what the record names and this run does not delete, although it is not declared any more."""
        named = record.objects(live.members.get(record.key(self.name)))
        kept = {key: live.members[key] for key in named.keys() & self._leaving(live) if not self._is_pruned(key)}
        versions = {kind.gk: kind.api_version for kind in live.unlisted}  # what cannot be looked for may be there
        unseen = named.keys() - self._declared.keys() - live.members.keys() if versions else ()
        return kept | {key: stub(key, versions[key[:2]]) for key in unseen if key[:2] in versions}

    def _leaving(self, live: reader.Live) -> set[Key]:
        """Return the objects that are not declared any more, without those that are released."""
        leaving = live.members.keys() - self._declared.keys()
        return leaving - set(self._options.named(self._options.release, leaving))

    def _is_pruned(self, key: Key) -> bool:
        return self._options.prune and self._options.may_delete(key)

    def _planner(self) -> Planner:
        return Planner(self._kubectl, self.name, self._declared, self._options)

    def _writer(self) -> Writer:
        return Writer(self._kubectl, self.name, self._declared, self._options)

    def _without_cluster(self, test: bool) -> Outcome:
        if not test:
            self._kubectl.run("version")  # raises: no kubeconfig
        kinds, objects = {kind_of(obj) for obj in self._declared.values()}, record.listed(self._declared)
        self._declared[record.key(self.name)] = record.build(self.name, kinds, objects)
        plan = Plan({key: Action(CREATE, key) for key in self._declared})
        plan.sort()
        plan.notes.append("the cluster does not exist yet: the API server was not asked")
        return Outcome(plan.changes(), plan.lines(True))

    def _carry_out(self, trial: Trial) -> Outcome:
        end = time.monotonic() + self._options.timeout_s
        plan, live = trial.plan, trial.live
        done, failure = Run(trial, self._writer(), self._options.timeout_s).carry_out()
        outcome = Outcome(plan.changes(done), plan.lines(False, done), failure=failure, healthy=_healthy(plan, live))
        if failure:
            return outcome
        outcome.failure = _aside(plan)
        if not self._options.wait:
            outcome.unready = _shown(self._deleted(plan, live))
            return outcome
        for key in plan.aside:
            self._declared.pop(key, None)
        try:
            outcome.lines += self._wait(live, bool(done), max(0.0, end - time.monotonic()))
        except errors.SaltK8sError as err:
            outcome.failure = err
        return outcome

    def _unhealthy(self, live: reader.Live, whole: bool = False) -> States:
        """Return what is not healthy as it was read; whole: see poll.unhealthy()."""
        return poll.unhealthy(self._kubectl, [obj for key in self._declared if (obj := live.get(key))], whole)

    def _deleted(self, plan: Plan, live: reader.Live) -> States:
        """Return what somebody else deletes: writing it does not keep it."""
        there = [obj for key in self._declared if key not in plan.replaced() and (obj := live.get(key))]
        return {key_of(obj): assessment.assess(obj) for obj in there if obj["metadata"].get("deletionTimestamp")}

    def _wait(self, live: reader.Live, wrote: bool, timeout_s: float) -> list[str]:
        """Wait until all is healthy. What was healthy when it was read is not looked at again unless this run wrote."""
        unhealthy = self._unhealthy(live, whole=True)
        keys = {key for key, obj in self._declared.items() if key in unhealthy or assessment.has_rule(kind_of(obj))}
        if not wrote:
            keys = set(unhealthy)
        kinds = {kind_of(self._declared[key]) for key in keys}
        ends = {key for key in keys if assessment.ends(self._declared[key])}
        return poll.until_set_healthy(self._kubectl, self.name, kinds, keys, timeout_s, ends)


def _healthy(plan: Plan, live: reader.Live) -> int | None:
    """Return how many objects of its record's kinds a set has that is as declared and healthy, None of any other."""
    if plan.actions or plan.aside or plan.blocked or not all(map(_is_ready, live.members.values())):
        return None
    recorded = {kind.gk for kind in live.recorded}
    return sum(kind_of(obj).gk in recorded for obj in live.members.values())


def _is_ready(obj: dict[str, Any]) -> bool:
    return assessment.assess(obj).ready


def _aside(plan: Plan) -> errors.SaltK8sError | None:
    """Return the error of what a run goes on without, None when there is nothing of that."""
    error = api_errors.combined(list({id(err): err for err in plan.aside.values()}.values()))
    if error:
        error.args = (f"not done, apart from the rest of the set: {titles(order.sort(plan.aside))}:\n{error}",)
    return error


def _shown(states: States) -> list[str]:
    return [f"{key.title} {states[key].reason}" for key in order.sort(states)]
