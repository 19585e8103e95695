"""From what is declared and what is live to what a run would do. Nothing in here changes the cluster."""

from __future__ import annotations

from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.compare import dry_run
from saltk8s.kubectl.manifests.identity import Key, Kind, defined_kinds, kind_of
from saltk8s.kubectl.sets import membership
from saltk8s.kubectl.sets.actions import CREATE, DELETE, Action, Plan
from saltk8s.kubectl.sets.admission import contradictions, enabling, limits, schemas
from saltk8s.kubectl.sets.options import Options
from saltk8s.kubectl.sets.reader import Live, Objects
from saltk8s.kubectl.sets.trial import Trial


class Planner:
    """Computes what there is to do for a set; ``declared`` as manifest.declare() gives it, with the set's record."""

    def __init__(self, kubectl: Kubectl, set_name: str, declared: Objects, options: Options):
        self._kubectl = kubectl
        self._set = set_name
        self._declared = declared
        self._options = options

    def trial(self, live: Live) -> Trial:
        """Return the plan with what tried it, which tries again while the plan is carried out.

        Objects that look different locally, and new ones, go through a dry run.
        """
        membership.refuse_objects_of_other_sets(self._set, self._declared, live, self._options)
        plan = Plan()
        membership.plan_leaving(plan, self._declared, live, self._options)
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
                if not needs and kind not in bring:  # the others come with this very run, and cannot be tried before
                    tried.append(key)
            elif bring.get(kind, True):
                tried.append(key)
        plan.blocked += [_not_served(kind, live) for kind in sorted(kind for kind, keys in bring.items() if not keys)]
        trial = Trial(self._kubectl, self._set, self._declared, self._options, live, plan)
        trial.run(tried)
        contradictions.refuse(plan, self._declared, live)
        foreseen = limits.rejected(self._kubectl, plan, self._declared)
        foreseen |= schemas.rejected(self._kubectl, plan, self._declared, live)
        error = dry_run.combined(trial.set_aside(foreseen))
        if error:
            raise error
        membership.refuse_lost_releases(plan, live)
        self._plan_lost_objects(plan, live)
        plan.sort()
        return trial

    def deletion(self, live: Live) -> Plan:
        """Return the plan that deletes the whole set."""
        plan = Plan()
        membership.plan_deletion(plan, live, self._options)
        plan.sort()
        return plan

    def _bringing(self, live: Live) -> dict[Kind, list[Key]]:
        """Return what of this run brings each kind that the API server does not serve at its version."""
        missing = {kind_of(obj) for obj in self._declared.values()} & (live.unknown | live.not_served.keys())
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


def _not_served(kind: Kind, live: Live) -> str:
    other = live.not_served.get(kind)
    found = (
        f"serves the kind {kind.title} at {other.version}, not at {kind.version}"
        if other
        else f"does not know the kind {kind.title} ({kind.version})"
    )
    return f"the API server {found}: what brings its definition has to be applied first"
