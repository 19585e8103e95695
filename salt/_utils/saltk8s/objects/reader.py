"""What is live of a set, and what a run would do about it. Nothing in here keeps anything in the cluster."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from saltk8s import errors
from saltk8s.objects import compare, diff, record, refusals
from saltk8s.objects.client import Kubectl
from saltk8s.objects.identity import (
    PROTECTED,
    Key,
    Kind,
    defined_kinds,
    key_of,
    kind_of,
    matches,
    set_of,
)
from saltk8s.objects.plan import ADOPT, CHANGE, CREATE, DELETE, Action, Plan

Objects = dict[Key, dict[str, Any]]

# Their kinds are asked for when a set is deleted, recorded or not: they outlive the record.
_KEPT_KINDS = {Kind(group, kind, "v1") for group, kind in PROTECTED}


@dataclass
class Live:
    """What the API server has: ``members`` carry the set's label, ``others`` are declared and do not;
    ``unknown`` are the kinds that it does not serve, ``recorded`` those of earlier runs."""

    members: Objects = field(default_factory=dict)
    others: Objects = field(default_factory=dict)
    unknown: set[Kind] = field(default_factory=set)
    recorded: set[Kind] = field(default_factory=set)

    def get(self, key: Key) -> dict[str, Any] | None:
        """Return a live object, whatever its labels."""
        return self.members.get(key) or self.others.get(key)


def read(kubectl: Kubectl, set_name: str, declared: Mapping[Key, Mapping[str, Any]], adopt: bool = True) -> Live:
    """Read a set: one LIST a kind, and one GET for each declared object that does not carry its label.

    adopt: False leaves out the second part (a set that is deleted does not care for what it does not own).
    """
    versions = {key: obj["apiVersion"] for key, obj in declared.items()}
    kinds = {kind_of(obj) for obj in declared.values()} | {record.KIND}
    kinds |= set() if adopt else _without(_KEPT_KINDS, kinds)
    found, unknown = kubectl.set_objects(set_name, kinds)
    live = Live(_by_key(found, versions), {}, unknown)
    live.recorded = record.kinds(live.members.get(record.key(set_name)))
    earlier = _without(live.recorded, kinds)
    if earlier:
        found, unknown = kubectl.set_objects(set_name, earlier)
        live.members = _by_key(found, versions) | live.members
        live.unknown |= unknown
    if adopt:
        stubs = [stub(key, obj["apiVersion"]) for key, obj in declared.items()
                 if key not in live.members and kind_of(obj) not in live.unknown]
        live.others = _by_key(kubectl.existing(stubs), versions)
    return live


def stub(key: Key, api_version: str) -> dict[str, Any]:
    """Return what is enough of an object to ask for it or to delete it."""
    meta = {"name": key.name} | ({"namespace": key.namespace} if key.namespace else {})
    return {"apiVersion": api_version, "kind": key.kind, "metadata": meta}


def _without(kinds: Collection[Kind], others: Collection[Kind]) -> set[Kind]:
    known = {kind.gk for kind in others}
    return {kind for kind in kinds if kind.gk not in known}


def _by_key(objects: Sequence[dict[str, Any]], versions: Mapping[Key, str]) -> Objects:
    """Return objects by key; where one came in several versions, the declared version wins."""
    found: Objects = {}
    for obj in objects:
        key = key_of(obj)
        if key not in found or obj["apiVersion"] == versions.get(key):
            found[key] = obj
    return found


class Planner:
    """Computes what there is to do for a set.

    kubectl: the cluster; set_name: the set; declared: its objects as manifest.declare() gives them, the record among
    them; force: take over fields of other managers; prune: delete what is not declared any more; unprotect: names
    (``Kind namespace/name``) of protected objects that may be deleted as well.
    """

    def __init__(self, kubectl: Kubectl, set_name: str, declared: Objects, force: bool = False, prune: bool = True,
                 unprotect: Collection[str] = ()):
        self._kubectl = kubectl
        self._set = set_name
        self._declared = declared
        self._force = force
        self._prune = prune
        self._unprotect = tuple(unprotect)

    def plan(self, live: Live) -> Plan:
        """Return the plan. Objects that look different locally are asked about with a server-side dry run."""
        self._refuse_foreign(live)
        plan = Plan()
        ask: list[Key] = []
        for key, obj in self._declared.items():
            there = live.get(key)
            if there is None:
                plan.actions.append(Action(CREATE, key))
                if self._can_ask(key, obj, live):
                    ask.append(key)
            elif compare.looks_equal(obj, there):
                plan.unchanged += 1
            else:
                ask.append(key)
        answers = self._ask(ask)
        for key in ask:
            there = live.get(key)
            if there is not None:
                self._compare(plan, key, there, answers[key], key in live.others)
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
        taken = [f"{key.title} belongs to the set {set_of(obj)!r}" for key, obj in live.others.items()
                 if set_of(obj) not in (None, self._set)]
        if taken:
            raise errors.Refused("\n".join(["an object can be in one set only, nothing was done:", *taken]))

    def _can_ask(self, key: Key, obj: Mapping[str, Any], live: Live) -> bool:
        """An object whose kind or namespace comes with this very run cannot be tried before."""
        namespace = Key("", "Namespace", "", key.namespace)
        comes = namespace in self._declared and live.get(namespace) is None
        return not comes and kind_of(obj) not in live.unknown

    def _ask(self, keys: Sequence[Key]) -> Objects:
        objects = [self._declared[key] for key in keys]
        try:
            return {key_of(obj): obj for obj in self._kubectl.apply(objects, dry_run=True, force=self._force)}
        except refusals.GENERAL:
            raise
        except errors.SaltK8sError as err:
            raise self.attributed(keys) or err from err

    def attributed(self, keys: Sequence[Key]) -> errors.SaltK8sError | None:
        """Return the error of these objects with their names: kubectl does not say which of several is meant.

        Asked one by one, dry; None when none of them fails any more.
        """
        found: list[errors.SaltK8sError] = []
        for key in keys:
            try:
                self._kubectl.apply([self._declared[key]], dry_run=True, force=self._force, what=key.title)
            except refusals.GENERAL as err:
                return refusals.joined([*found, err])
            except errors.SaltK8sError as err:
                found.append(err)
        return refusals.joined(found)

    def _compare(self, plan: Plan, key: Key, there: Mapping[str, Any], answer: Mapping[str, Any], other: bool) -> None:
        differences = diff.fields(there, answer)
        if differences:
            plan.actions.append(Action(ADOPT if other else CHANGE, key, differences))
        else:
            plan.unchanged += 1

    def _say_blocked(self, plan: Plan, live: Live) -> None:
        defined = defined_kinds(self._declared.values())
        lost = {kind_of(obj) for obj in self._declared.values()} & live.unknown
        for kind in sorted(kind for kind in lost if kind.gk not in defined):
            plan.blocked.append(f"the API server does not know the kind {kind.title} ({kind.version}): "
                                "what brings its definition has to be applied first")

    def _leftovers(self, plan: Plan, live: Live) -> None:
        for key, obj in live.members.items():
            if key in self._declared:
                continue
            if self._prune:
                self._delete(plan, key, obj, "is not declared any more")
            else:
                plan.notes.append(f"{key.title} is not declared any more, and left because prune is off")

    def _delete(self, plan: Plan, key: Key, obj: Mapping[str, Any], why: str) -> None:
        if not compare.ours(obj):
            # labels are copied: by controllers onto what they make, and by people
            plan.notes.append(f"{key.title} carries the set's label, but was not written by it: left")
        elif key.protected and not any(matches(name, key) for name in self._unprotect):
            plan.notes.append(f"{key.title} {why}, but objects of this kind are deleted only when asked by name: left")
        elif obj["metadata"].get("deletionTimestamp"):
            plan.notes.append(f"{key.title} is being deleted")
        else:
            plan.actions.append(Action(DELETE, key))
