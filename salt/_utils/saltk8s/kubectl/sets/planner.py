"""From what is declared and what is live to what a run would do. Nothing in here changes the cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from saltk8s.base import errors
from saltk8s.kubectl.client import api_errors
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.compare import diff, managed_fields, ownership
from saltk8s.kubectl.compare.dry_run import DryRun, is_immutable
from saltk8s.kubectl.manifests.identity import MANAGER, Key, defined_kinds, kind_of, set_of
from saltk8s.kubectl.sets import record
from saltk8s.kubectl.sets.actions import ADOPT, CHANGE, CREATE, DELETE, REPLACE, Action, Plan
from saltk8s.kubectl.sets.options import Options
from saltk8s.kubectl.sets.reader import Live, Objects

SHOWN = 10


class Planner:
    """Computes what there is to do for a set; ``declared`` as manifest.declare() gives it, with the set's record."""

    def __init__(self, kubectl: Kubectl, set_name: str, declared: Objects, options: Options):
        self._set = set_name
        self._declared = declared
        self._options = options
        self._record = record.key(set_name)
        self._dry_run = DryRun(kubectl, declared, options.force_conflicts)
        self._forced_dry_run = DryRun(kubectl, declared, force_conflicts=True)

    def plan(self, live: Live) -> Plan:
        """Return the plan. Objects that look different locally, and new ones, go through a dry run."""
        self._refuse_objects_of_other_sets(live)
        plan = Plan()
        new: list[Key] = []
        different: list[Key] = []
        for key, obj in self._declared.items():
            if live.get(key) is None:
                plan.actions.append(Action(CREATE, key))
                if self._can_dry_run(key, obj, live):
                    new.append(key)
            elif key in live.equal:
                plan.unchanged += 1
            else:
                different.append(key)
        self._dry_run_all(plan, new, different, live)
        self._note_unknown_kinds(plan, live)
        self._plan_pruning(plan, live)
        plan.sort()
        return plan

    def deletion(self, live: Live) -> Plan:
        """Return the plan that deletes the whole set: everything that carries its label and that we applied."""
        plan = Plan()
        for key, obj in live.members.items():
            self._plan_deletion(plan, key, obj, "is part of the set")
        plan.sort()
        return plan

    def _refuse_objects_of_other_sets(self, live: Live) -> None:
        taken = [
            f"{key.title} belongs to the set {set_of(obj)!r}"
            for key, obj in live.others.items()
            if set_of(obj) not in (None, self._set)
        ]
        if taken:
            more = [f"and {len(taken) - SHOWN} more"] if len(taken) > SHOWN else []
            raise errors.Refused(
                "\n".join(["an object can be in one set only, nothing was done:", *taken[:SHOWN], *more])
            )

    def _can_dry_run(self, key: Key, obj: Mapping[str, Any], live: Live) -> bool:
        """An object whose kind or namespace comes with this very run cannot be tried before."""
        namespace = Key("", "Namespace", "", key.namespace)
        comes = namespace in self._declared and live.get(namespace) is None
        return not comes and kind_of(obj) not in live.unknown

    def _dry_run_all(self, plan: Plan, new: Sequence[Key], different: Sequence[Key], live: Live) -> None:
        """Add what the dry runs show to the plan; raise everything that is rejected at once."""
        found: list[errors.SaltK8sError] = []
        replaceable = [key for key in different if key != self._record and self._may_replace(key)]
        changing = [key for key in different if key != self._record and key not in replaceable]
        answers = self._forced_dry_run.results([key for key in different if key == self._record])
        for attempt in (lambda: self._dry_run.check(new), lambda: answers.update(self._dry_run.results(changing))):
            try:
                attempt()
            except api_errors.NOT_ABOUT_AN_OBJECT:
                raise
            except errors.SaltK8sError as err:
                found.append(err)
        for key in replaceable:
            try:
                answers.update(self._dry_run.results([key]))
            except errors.Invalid as err:
                if is_immutable(err):
                    self._plan_replacement(plan, key, live)
                else:
                    found.append(err)
        error = api_errors.combined(found)
        if error:
            raise error
        for key, answer in answers.items():
            self._compare(plan, key, live, answer)

    def _may_replace(self, key: Key) -> bool:
        return self._options.may_replace(key, self._declared[key])

    def _plan_replacement(self, plan: Plan, key: Key, live: Live) -> None:
        if not self._options.may_delete(key):
            raise errors.Refused(
                f"{key.title}: it would have to be replaced, and objects of this kind hold data: "
                "nothing was done; to replace it, name it in unprotect, too"
            )
        old = live.existing(key)
        new = self._dry_run.replacement(key, old["metadata"]["uid"])  # rejected? then the old one stays
        plan.actions.append(Action(REPLACE, key, diff.fields(old, new)))

    def _compare(self, plan: Plan, key: Key, live: Live, answer: Mapping[str, Any]) -> None:
        old = live.existing(key)
        differences = ownership.differences(self._declared[key], old, answer)
        if key in live.members and not managed_fields.is_applied_by_us(old):  # it would not be pruned any more
            differences |= {("metadata", "managedFields"): (None, f"{MANAGER}: its fields are the set's again")}
        if differences:
            plan.actions.append(Action(ADOPT if key in live.others else CHANGE, key, differences))
        else:
            plan.unchanged += 1

    def _note_unknown_kinds(self, plan: Plan, live: Live) -> None:
        defined = defined_kinds(self._declared.values())
        missing = {kind_of(obj) for obj in self._declared.values()} & live.unknown
        for kind in sorted(kind for kind in missing if kind.gk not in defined):
            plan.blocked.append(
                f"the API server does not know the kind {kind.title} ({kind.version}): "
                "what brings its definition has to be applied first"
            )

    def _plan_pruning(self, plan: Plan, live: Live) -> None:
        for key, obj in live.members.items():
            if key in self._declared:
                continue
            if self._options.prune:
                self._plan_deletion(plan, key, obj, "is not declared any more")
            else:
                plan.notes.append(f"{key.title} is not declared any more, and kept because prune is off")

    def _plan_deletion(self, plan: Plan, key: Key, obj: Mapping[str, Any], why: str) -> None:
        if not managed_fields.is_applied_by_us(obj):
            # labels are copied: by controllers onto what they create, and by people
            plan.notes.append(f"{key.title} carries the set's label, but was not applied by {MANAGER}: kept")
        elif not self._options.may_delete(key):
            plan.notes.append(
                f"{key.title} {why}, but objects of this kind are deleted only when unprotect names them: kept"
            )
        elif obj["metadata"].get("deletionTimestamp"):
            plan.notes.append(f"{key.title} is being deleted")
        else:
            plan.actions.append(Action(DELETE, key))
