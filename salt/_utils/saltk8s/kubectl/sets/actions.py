"""What a run would do. Computed once: test mode shows it, the real run carries it out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from saltk8s.base import errors
from saltk8s.kubectl.compare import diff
from saltk8s.kubectl.compare.managed_fields import Steps
from saltk8s.kubectl.manifests import order
from saltk8s.kubectl.manifests.identity import OBJECT_ANNOTATION, SET_LABEL, Key

CREATE, CHANGE, ADOPT, DELETE, REPLACE, RELEASE = "create", "change", "adopt", "delete", "replace", "release"
_PAST = {CREATE: "created", CHANGE: "changed", ADOPT: "adopted", DELETE: "deleted", REPLACE: "replaced"}
_PAST |= {RELEASE: "released"}
_NOT_WRITTEN = (DELETE, RELEASE)
_LABEL, _ANNOTATION = ("metadata", "labels", SET_LABEL), ("metadata", "annotations", OBJECT_ANNOTATION)


@dataclass(frozen=True)
class Action:
    """One object that would be written or deleted.

    differences: as diff.fields() gives them; depends: other actions, without which the object cannot be tried by a dry
    run; untried: another reason for that; removed: live fields that the write removes although they are not ours alone;
    replicas: the number with which a replaced object is created, although it is left to others.
    """

    verb: str
    key: Key
    differences: Mapping[diff.Path, tuple[Any, Any]] = field(default_factory=dict)
    depends: tuple[Key, ...] = ()
    untried: str = ""
    removed: tuple[Steps, ...] = ()
    replicas: int | None = None

    def change(self) -> dict[str, Any]:
        """Return the action as it stands in Salt's ``changes``."""
        if self.verb == CREATE:
            return {"old": None, "new": "created"}
        if self.verb == DELETE:
            return {"old": "present", "new": None}
        if self.verb == RELEASE:
            return {"old": "present", "new": "released"}
        return diff.show(self.key, self._shown())

    def _shown(self) -> Mapping[diff.Path, tuple[Any, Any]]:
        """Return the differences; the annotation comes with the label and says the same."""
        if _LABEL not in self.differences:
            return self.differences
        return {path: values for path, values in self.differences.items() if path != _ANNOTATION}

    def line(self, test: bool) -> str:
        """Return the action for people."""
        word = f"would {self.verb}" if test else _PAST[self.verb]
        text = f"{word} {self.key.title}"
        if self.verb == ADOPT:
            other = self.differences.get(_LABEL, (None,))[0]
            where = f"with the label of the set {other!r}" if other else "without the set's label"
            text += f" (it existed already, {where})"
        if self.verb == RELEASE:
            text += " (it is kept, without the set's label)"
        if self.verb == REPLACE:
            text += " (deleted and re-created)"
        if self.untried:
            text += f" ({self.untried})"
        elif test and self.depends and self.verb != DELETE:
            text += f" (depends on {titles(self.depends)}, not tried)"
        if self.differences:
            paths = [diff.text(path) for path in self._shown()]
            more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
            text += f": {', '.join(paths[:3])}{more}"
        return text


@dataclass
class Plan:
    """What there is to do for a set.

    actions: by object, in the order of the work; notes: what an operator should know and what is no change (objects
    kept); blocked: why a real run would fail although nothing is wrong with the set; unchanged: number of objects;
    waiting: objects that are rejected now and may be accepted once what they depend on is written, with the error;
    aside: objects of shared namespaces with which the run goes on without, with the error;
    unsaid: what is not shown, because it follows from the rest.
    """

    actions: dict[Key, Action] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    blocked: list[str] = field(default_factory=list)
    unchanged: int = 0
    waiting: dict[Key, errors.SaltK8sError] = field(default_factory=dict)
    aside: dict[Key, errors.SaltK8sError] = field(default_factory=dict)
    unsaid: set[Key] = field(default_factory=set)

    def put(self, *actions: Action) -> None:
        """Add actions, each in the place of the one that the object had."""
        self.actions |= {action.key: action for action in actions}

    def set_aside(self, failed: Mapping[Key, errors.SaltK8sError]) -> None:
        """Go on without objects: nothing more is done for them in this run."""
        for key, err in failed.items():
            self.actions.pop(key, None)
            self.waiting.pop(key, None)
            self.aside[key] = err

    def changes(self, only: Iterable[Key] | None = None) -> dict[str, Any]:
        """Return Salt's ``changes``; ``only``: those of these objects (what a failed run did)."""
        return {key.title: action.change() for key, action in self._shown(only)}

    def lines(self, test: bool, only: Iterable[Key] | None = None) -> list[str]:
        """Return everything for people, one line each."""
        shown = [action.line(test) for _, action in self._shown(only)]
        if self.unchanged:
            shown.append(f"{self.unchanged} object{'s are' if self.unchanged != 1 else ' is'} as declared")
        return [*shown, *self.notes, *self.blocked]

    def _shown(self, only: Iterable[Key] | None) -> list[tuple[Key, Action]]:
        wanted = (self.actions.keys() if only is None else set(only)) - self.unsaid
        return [(key, action) for key, action in self.actions.items() if key in wanted]

    def writes(self) -> list[Key]:
        """Return what is written, in order, without what has to wait."""
        return order.sort(
            key for key, a in self.actions.items() if a.verb not in _NOT_WRITTEN and key not in self.waiting
        )

    def replaced(self) -> set[Key]:
        """Return what is deleted before it is written."""
        return {key for key, action in self.actions.items() if action.verb == REPLACE}

    def releases(self) -> list[Key]:
        """Return what leaves the set and is kept."""
        return order.sort(key for key, action in self.actions.items() if action.verb == RELEASE)

    def deletes(self) -> list[Key]:
        """Return what is deleted, in the order of writing."""
        return order.sort(key for key, action in self.actions.items() if action.verb == DELETE)

    def sort(self) -> None:
        """Put the actions in the order of the work: writes, then deletions from the end."""
        deletes, writes = self.deletes(), order.sort(key for key, a in self.actions.items() if a.verb != DELETE)
        self.actions = {key: self.actions[key] for key in [*writes, *reversed(deletes)]}


def titles(keys: Iterable[Key], most: int = 3) -> str:
    """Return objects for people, the first few of many."""
    names = [key.title for key in keys]
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
