"""From what is declared and what is live to what a run would do. Nothing in here keeps anything in the cluster."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from saltk8s.base import errors
from saltk8s.kubectl.client import refusals
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.compare import diff, local
from saltk8s.kubectl.compare.dry_run import Trial, immutable
from saltk8s.kubectl.manifests.identity import MANAGER, REPLACE_ANNOTATION, Key, defined_kinds, kind_of, matches, set_of
from saltk8s.kubectl.sets import record
from saltk8s.kubectl.sets.actions import ADOPT, CHANGE, CREATE, DELETE, REPLACE, Action, Plan
from saltk8s.kubectl.sets.reader import Live, Objects

SHOWN = 10


class Planner:
    """Computes what there is to do for a set.

    kubectl: the cluster; set_name: the set; declared: its objects as manifest.declare() gives them, the record among
    them; force: take over fields of other managers; prune: delete what is not declared any more; unprotect, replace:
    names (``Kind namespace/name``) of protected objects that may be deleted as well, and of objects that may be
    deleted and made anew where a change is not possible otherwise.
    """

    def __init__(
        self,
        kubectl: Kubectl,
        set_name: str,
        declared: Objects,
        force: bool = False,
        prune: bool = True,
        unprotect: Collection[str] = (),
        replace: Collection[str] = (),
    ):
        self._set = set_name
        self._declared = declared
        self._prune = prune
        self._unprotect = tuple(unprotect)
        self._replace = tuple(replace)
        self.trial = Trial(kubectl, declared, force)
        self._of_ours = Trial(kubectl, declared, force=True)

    def plan(self, live: Live) -> Plan:
        """Return the plan. Objects that look different locally, and new ones, are tried with a dry run."""
        self._refuse_foreign(live)
        plan = Plan()
        new: list[Key] = []
        different: list[Key] = []
        for key, obj in self._declared.items():
            there = live.get(key)
            if there is None:
                plan.actions.append(Action(CREATE, key))
                if self._can_try(key, obj, live):
                    new.append(key)
            elif key in live.equal:
                plan.unchanged += 1
            else:
                different.append(key)
        self._try(plan, new, different, live)
        self._say_blocked(plan, live)
        self._leftovers(plan, live)
        plan.sort()
        return plan

    def deletion(self, live: Live) -> Plan:
        """Return the plan that deletes the whole set: everything that carries its label and that we wrote."""
        plan = Plan()
        for key, obj in live.members.items():
            self._delete(plan, key, obj, "is part of the set")
        plan.sort()
        return plan

    def _refuse_foreign(self, live: Live) -> None:
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

    def _can_try(self, key: Key, obj: Mapping[str, Any], live: Live) -> bool:
        """An object whose kind or namespace comes with this very run cannot be tried before."""
        namespace = Key("", "Namespace", "", key.namespace)
        comes = namespace in self._declared and live.get(namespace) is None
        return not comes and kind_of(obj) not in live.unknown

    def _try(self, plan: Plan, new: Sequence[Key], different: Sequence[Key], live: Live) -> None:
        """Try everything, and raise all that is refused at once."""
        found: list[errors.SaltK8sError] = []
        note = record.key(self._set)
        changing = [key for key in different if key != note and not self._may_replace(key)]
        answers = self._of_ours.changes([key for key in different if key == note])
        for attempt in (lambda: self.trial.news(new), lambda: answers.update(self.trial.changes(changing))):
            try:
                attempt()
            except refusals.GENERAL:
                raise
            except errors.SaltK8sError as err:
                found.append(err)
        for key in different:
            if key in changing or key == note:
                continue
            try:
                answers.update(self.trial.changes([key]))
            except errors.Invalid as err:
                if immutable(err):
                    self._plan_replacement(plan, key, live)
                else:
                    found.append(err)
        if found:
            raise refusals.joined(found)
        for key, answer in answers.items():
            self._compare(plan, key, live, answer)

    def _may_replace(self, key: Key) -> bool:
        noted = (self._declared[key]["metadata"].get("annotations") or {}).get(REPLACE_ANNOTATION) == "true"
        return noted or any(matches(name, key) for name in self._replace)

    def _plan_replacement(self, plan: Plan, key: Key, live: Live) -> None:
        if key.protected and not self._unprotected(key):
            raise errors.Refused(
                f"{key.title}: it would have to be replaced, and objects of this kind hold data: "
                "nothing was done; name it in unprotect, too, if that may go"
            )
        there = live.get(key)
        answer = self.trial.renamed(key, there["metadata"]["uid"])  # refused? then the old one stays
        plan.actions.append(Action(REPLACE, key, diff.fields(there, answer)))

    def _compare(self, plan: Plan, key: Key, live: Live, answer: Mapping[str, Any]) -> None:
        there = live.get(key)
        differences = diff.fields(there, answer)
        if key in live.members and not local.ours(there):  # forgotten: it would not be pruned any more
            differences |= {("metadata", "managedFields"): (None, f"{MANAGER}: its fields are the set's again")}
        if differences:
            plan.actions.append(Action(ADOPT if key in live.others else CHANGE, key, differences))
        else:
            plan.unchanged += 1

    def _say_blocked(self, plan: Plan, live: Live) -> None:
        defined = defined_kinds(self._declared.values())
        lost = {kind_of(obj) for obj in self._declared.values()} & live.unknown
        for kind in sorted(kind for kind in lost if kind.gk not in defined):
            plan.blocked.append(
                f"the API server does not know the kind {kind.title} ({kind.version}): "
                "what brings its definition has to be applied first"
            )

    def _leftovers(self, plan: Plan, live: Live) -> None:
        for key, obj in live.members.items():
            if key in self._declared:
                continue
            if self._prune:
                self._delete(plan, key, obj, "is not declared any more")
            else:
                plan.notes.append(f"{key.title} is not declared any more, and left because prune is off")

    def _delete(self, plan: Plan, key: Key, obj: Mapping[str, Any], why: str) -> None:
        if not local.ours(obj):
            # labels are copied: by controllers onto what they make, and by people
            plan.notes.append(f"{key.title} carries the set's label, but was not written by it: left")
        elif key.protected and not self._unprotected(key):
            plan.notes.append(f"{key.title} {why}, but objects of this kind are deleted only when asked by name: left")
        elif obj["metadata"].get("deletionTimestamp"):
            plan.notes.append(f"{key.title} is being deleted")
        else:
            plan.actions.append(Action(DELETE, key))

    def _unprotected(self, key: Key) -> bool:
        return any(matches(name, key) for name in self._unprotect)
