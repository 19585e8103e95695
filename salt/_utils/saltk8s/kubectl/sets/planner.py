"""From what is declared and what is live to what a run would do. Nothing in here changes the cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltk8s.base import errors
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.compare import managed_fields
from saltk8s.kubectl.manifests.identity import MANAGER, Key, Kind, defined_kinds, kind_of, set_of
from saltk8s.kubectl.sets.actions import CREATE, DELETE, Action, Plan
from saltk8s.kubectl.sets.admission import contradictions, enabling
from saltk8s.kubectl.sets.options import Options
from saltk8s.kubectl.sets.reader import Live, Objects
from saltk8s.kubectl.sets.trial import Trial

SHOWN = 10


class Planner:
    """Computes what there is to do for a set; ``declared`` as manifest.declare() gives it, with the set's record."""

    def __init__(self, kubectl: Kubectl, set_name: str, declared: Objects, options: Options):
        self._kubectl = kubectl
        self._set = set_name
        self._declared = declared
        self._options = options

    def plan(self, live: Live) -> Plan:
        """Return the plan. Objects that look different locally, and new ones, go through a dry run."""
        return self.trial(live).plan

    def trial(self, live: Live) -> Trial:
        """Return the plan with what tried it, which tries again while the plan is carried out."""
        self._refuse_objects_of_other_sets(live)
        plan = Plan()
        self._plan_pruning(plan, live)
        plan.unchanged = len(live.equal & self._declared.keys())
        different = [key for key in self._declared if key not in live.equal]
        tried = []
        bring = self._bringing(live)
        for key in different:
            kind, namespace = kind_of(self._declared[key]), Key("", "Namespace", "", key.namespace)
            needs = [namespace] if namespace in self._declared and live.get(namespace) is None else []
            needs += bring.get(kind, ())
            if live.get(key) is None:
                plan.put(Action(CREATE, key, depends=tuple(needs)))
            if not needs and kind not in live.unknown:  # the others come with this very run, and cannot be tried before
                tried.append(key)
        plan.blocked += [
            f"the API server does not know the kind {kind.title} ({kind.version}): "
            "what brings its definition has to be applied first"
            for kind in sorted(kind for kind, keys in bring.items() if not keys)
        ]
        trial = Trial(self._kubectl, self._set, self._declared, self._options, live, plan)
        trial.run(tried)
        contradictions.refuse(plan, self._declared, live)
        self._plan_lost_objects(plan, live)
        plan.sort()
        return trial

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

    def _bringing(self, live: Live) -> dict[Kind, list[Key]]:
        """Return what of this run brings each kind that the API server does not know."""
        missing = {kind_of(obj) for obj in self._declared.values()} & live.unknown
        return enabling.bringing(missing, [obj for key, obj in self._declared.items() if key not in live.equal])

    def _plan_lost_objects(self, plan: Plan, live: Live) -> None:
        """Create again what is deleted together with a definition that is replaced; the others are gone with it."""
        for definition in plan.replaced():
            kinds = defined_kinds([live.existing(definition)])
            plan.put(*(Action(DELETE, key, depends=(definition,)) for key in plan.deletes() if key[:2] in kinds))
            for key in [key for key in self._declared if key[:2] in kinds and live.get(key) is not None]:
                plan.unchanged -= key not in plan.actions
                plan.put(Action(CREATE, key, depends=(definition,)))
                live.forget(key)

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
            plan.put(Action(DELETE, key))
