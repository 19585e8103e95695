"""What a run would do. Computed once: test mode shows it, the real run carries it out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from saltk8s.kubectl.compare import diff
from saltk8s.kubectl.manifests import order
from saltk8s.kubectl.manifests.identity import Key

CREATE, CHANGE, ADOPT, DELETE, REPLACE = "create", "change", "adopt", "delete", "replace"
_PAST = {CREATE: "created", CHANGE: "changed", ADOPT: "adopted", DELETE: "deleted", REPLACE: "replaced"}


@dataclass(frozen=True)
class Action:
    """One object that would be written or deleted; ``differences`` as diff.fields() gives them."""

    verb: str
    key: Key
    differences: Mapping[diff.Path, tuple[Any, Any]] = field(default_factory=dict)

    def change(self) -> dict[str, Any]:
        """Return the action as it stands in Salt's ``changes``."""
        if self.verb == CREATE:
            return {"old": None, "new": "created"}
        if self.verb == DELETE:
            return {"old": "present", "new": None}
        return diff.show(self.key, self.differences)

    def line(self, test: bool) -> str:
        """Return the action for people."""
        word = f"would {self.verb}" if test else _PAST[self.verb]
        text = f"{word} {self.key.title}"
        if self.verb == ADOPT:
            text += " (it existed already, without the set's label)"
        if self.verb == REPLACE:
            text += " (deleted and re-created)"
        if self.differences:
            paths = [diff.text(path) for path in self.differences]
            more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
            text += f": {', '.join(paths[:3])}{more}"
        return text


@dataclass
class Plan:
    """What there is to do for a set.

    actions: in the order of the work; notes: what an operator should know and what is not a change (objects kept);
    blocked: why a real run would fail although nothing is wrong with the set; unchanged: number of objects.
    """

    actions: list[Action] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    blocked: list[str] = field(default_factory=list)
    unchanged: int = 0

    def changes(self, only: Iterable[Key] | None = None) -> dict[str, Any]:
        """Return Salt's ``changes``; ``only``: those of these objects (what a failed run did)."""
        wanted = None if only is None else set(only)
        return {a.key.title: a.change() for a in self.actions if wanted is None or a.key in wanted}

    def lines(self, test: bool, only: Iterable[Key] | None = None) -> list[str]:
        """Return everything for people, one line each."""
        wanted = None if only is None else set(only)
        shown = [a.line(test) for a in self.actions if wanted is None or a.key in wanted]
        if self.unchanged:
            shown.append(f"{self.unchanged} object{'s are' if self.unchanged != 1 else ' is'} as declared")
        return [*shown, *self.notes, *self.blocked]

    def writes(self) -> list[Key]:
        """Return what is written, in order."""
        return order.sort(action.key for action in self.actions if action.verb != DELETE)

    def replaced(self) -> set[Key]:
        """Return what is deleted before it is written."""
        return {action.key for action in self.actions if action.verb == REPLACE}

    def deletes(self) -> list[Key]:
        """Return what is deleted, in the order of writing."""
        return order.sort(action.key for action in self.actions if action.verb == DELETE)

    def sort(self) -> None:
        """Put the actions in the order of the work: writes, then deletions from the end."""
        first = sorted((a for a in self.actions if a.verb != DELETE), key=lambda a: order.sort_key(a.key))
        last = sorted((a for a in self.actions if a.verb == DELETE), key=lambda a: order.sort_key(a.key), reverse=True)
        self.actions = first + last
