"""Which objects are the set's: those of other sets, copies, and those that leave it: pruned, kept or released."""

from __future__ import annotations

from saltk8s.base import errors
from saltk8s.kubectl.compare import managed_fields
from saltk8s.kubectl.manifests.identity import (
    MANAGER,
    OBJECT_ANNOTATION,
    SET_LABEL,
    Key,
    defined_kinds,
    set_of,
)
from saltk8s.kubectl.sets.actions import DELETE, RELEASE, Action, Plan, titles
from saltk8s.kubectl.sets.options import Options
from saltk8s.kubectl.sets.reader import Live, Objects

SHOWN = 10  # objects of other sets that an error names
NAMED = 5  # copies that a note names


def refuse_objects_of_other_sets(set_name: str, declared: Objects, live: Live, options: Options) -> None:
    """Raise Refused for declared objects that another set has, unless they are to be taken over."""
    for name in options.take_over:
        if not options.named((name,), declared):
            raise errors.Refused(f"take_over: {name} is not declared by the set {set_name!r}: nothing was done")
    taken = [
        f"{key.title} belongs to the set {set_of(obj)!r}"
        for key, obj in live.others.items()
        if set_of(obj) not in (None, set_name) and not options.takes_over(key)
    ]
    if taken:
        more = [f"and {len(taken) - SHOWN} more"] if len(taken) > SHOWN else []
        advice = "to move an object into this set, take it out of the other's manifests, and name it in take_over here"
        raise errors.Refused(
            "\n".join(["an object can be in one set only, nothing was done:", *taken[:SHOWN], *more, advice])
        )


def plan_leaving(plan: Plan, declared: Objects, live: Live, options: Options) -> None:
    """Plan what happens to the objects of the set that are not declared any more."""
    still = options.named(options.release, declared)
    if still:
        raise errors.Refused(
            f"release: {still[0].title} is still declared by the set: nothing was done; take it out of the manifests"
        )
    leaving = [key for key in live.members if key not in declared]
    released = options.named(options.release, leaving)
    for key in leaving:
        if key in released:
            plan.put(Action(RELEASE, key))
        elif options.prune:
            _plan_deletion(plan, key, live, options, "is not declared any more")
        else:
            plan.notes.append(f"{key.title} is not declared any more, and kept because prune is off")
    _note_copies(plan, live)
    for kind in sorted(live.unlisted):
        plan.notes.append(
            f"the API server serves the kind {kind.title} at no version: objects of the set that are of this kind "
            "cannot be looked for, and the set's record keeps the kind"
        )


def plan_deletion(plan: Plan, live: Live, options: Options) -> None:
    """Plan the deletion of the whole set."""
    for key in live.members:
        _plan_deletion(plan, key, live, options, "is part of the set")
    with_definition = defined_kinds(live.members[key] for key in plan.deletes())
    unlisted = sorted(kind for kind in live.unlisted if kind.gk not in with_definition)
    if unlisted:
        names = ", ".join(kind.title for kind in unlisted)
        raise errors.Refused(
            f"the API server serves these kinds of the set at no version: {names}: their objects cannot be looked for, "
            "nothing was deleted; serve a version of them, or delete their CustomResourceDefinitions, objects included"
        )
    _note_copies(plan, live)


def _plan_deletion(plan: Plan, key: Key, live: Live, options: Options, why: str) -> None:
    if not options.may_delete(key):
        plan.notes.append(
            f"{key.title} {why}, but objects of this kind are deleted only when unprotect names them: kept"
        )
    else:  # also what somebody deletes already: the run waits until it is gone
        plan.put(Action(DELETE, key))


def refuse_lost_releases(plan: Plan, live: Live) -> None:
    """Raise Refused for what is released and would be deleted with its namespace or its definition."""
    deleted = {*plan.deletes(), *plan.replaced()}
    kinds = defined_kinds(live.existing(key) for key in deleted)
    for key in plan.releases():
        if Key("", "Namespace", "", key.namespace) in deleted or (key.group, key.kind) in kinds:
            raise errors.Refused(
                f"release: {key.title} would be deleted with its namespace or its CustomResourceDefinition, which this "
                "run deletes: nothing was done"
            )


def _note_copies(plan: Plan, live: Live) -> None:
    """Note what carries the label and is not the set's: controllers, people and backups copy labels."""
    foreign = {key for key, obj in live.copies.items() if not managed_fields.is_applied_by_us(obj)}
    copied = live.copies.keys() - foreign
    for keys, one, many in (
        (foreign, f"was not applied by {MANAGER}", f"were not applied by {MANAGER}"),
        (copied, "is a copy", "are copies"),
    ):
        if keys:
            carry, be = ("carries", one) if len(keys) == 1 else ("carry", many)
            why = f" (the annotation {OBJECT_ANNOTATION} names another object, or is missing)" if keys is copied else ""
            plan.notes.append(
                f"{titles(sorted(keys), NAMED)} {carry} the set's label, but {be}{why}: kept, and no part of the set; "
                f"take off the label with kubectl label KIND NAME {SET_LABEL}-"
            )
