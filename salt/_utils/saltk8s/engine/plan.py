"""What a run of an engine would do: data, its lines for humans, its ``changes`` for Salt."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Change = dict[str, Any]  # {"old": ..., "new": ...}
SHOWN_NAMES = 8  # nodes that are named in one line


@dataclass
class Touched:
    """What a run does to a node that is running, and stays.

    drained: whether it is cordoned and drained; recreated: its containers that are replaced or made; others: whatever
    else happens to it, in words.
    """

    drained: bool = False
    recreated: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)

    def words(self) -> str:
        """Return it for a human to read, "" when nothing happens."""
        recreated = f"recreated: {', '.join(self.recreated)}" if self.recreated else ""
        how = ("drained" if self.drained else "not drained") if self.drained or recreated else ""
        return "; ".join(part for part in (how, recreated, *self.others) if part)


@dataclass
class Plan:
    """The difference between the declared cluster and the running one.

    create: there is no cluster yet; added, removed: {node name: its roles}; reroled, moved, options: {node name or
    path: {"old", "new"}}; version: the same for Kubernetes, None when it stays; reasons: why a run is needed although
    nothing of the above changed (the last one did not finish, the cluster is not healthy); touched: {running node that
    something happens to: what}; addons: {system add-on: what happens to it}; certificates: those that are made anew;
    obstacles: what the drains would meet; turns: how many drains follow one another; takes: how long the run takes, in
    words; always: what else a run does, whatever its reason; addresses: {declared node: its address}; leaving: nodes
    that are drained before the run, because they leave; notes: what to know that is not a change.
    """

    create: bool = False
    added: dict[str, list[str]] = field(default_factory=dict)
    removed: dict[str, list[str]] = field(default_factory=dict)
    reroled: dict[str, Change] = field(default_factory=dict)
    moved: dict[str, Change] = field(default_factory=dict)
    version: Change | None = None
    options: dict[str, Change] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    touched: dict[str, Touched] = field(default_factory=dict)
    addons: dict[str, str] = field(default_factory=dict)
    certificates: list[str] = field(default_factory=list)
    obstacles: list[str] = field(default_factory=list)
    turns: int = 0
    takes: str = ""
    always: list[str] = field(default_factory=list)
    addresses: dict[str, str] = field(default_factory=dict)
    leaving: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        found = (self.added, self.removed, self.reroled, self.moved, self.version, self.options, self.reasons)
        return not self.create and not any(found)

    def changes(self) -> dict[str, Any]:
        """Return what Salt shows as changes; empty when there is nothing to do."""
        if self.empty:
            return {}
        changes: dict[str, Any] = {}
        if self.create:
            changes["cluster"] = {"old": None, "new": f"{len(self.added)} nodes"}
        if self.version:
            changes["version"] = self.version
        nodes = {name: {"old": None, "new": roles} for name, roles in self.added.items()}
        nodes |= {name: {"old": roles, "new": None} for name, roles in self.removed.items()}
        for name, change in (self.reroled | self.moved).items():
            nodes.setdefault(name, change)
        if nodes:
            changes["nodes"] = nodes
        if self.options and not self.create:
            changes["options"] = self.options
        if self.reasons:
            changes["reasons"] = self.reasons
        return changes

    def lines(self) -> list[str]:
        """Return the plan for a human to read, one thing a line."""
        if self.empty:
            return ["nothing to do", *self.notes]
        lines = []
        if self.create:
            lines.append(f"build a cluster of {_nodes(len(self.added))}")
        lines += [f"run again: {reason}" for reason in self.reasons]
        if self.version:
            verb = "with" if self.create else "change"
            words = self.version["new"] if self.create else f"{self.version['old']} -> {self.version['new']}"
            lines.append(f"{verb} Kubernetes {words}")
        lines += [f"add node {name} ({', '.join(roles)})" for name, roles in self.added.items()]
        lines += [f"REMOVE node {name} ({', '.join(roles)})" for name, roles in self.removed.items()]
        lines += [f"change roles of {name}: {_arrow(change)}" for name, change in self.reroled.items()]
        lines += [f"change address of {name}: {_arrow(change)}" for name, change in self.moved.items()]
        if not self.create:
            lines += [f"set {path}: {_arrow(change)}" for path, change in self.options.items()]
            lines += self._consequences()
        return lines + self.notes

    def _consequences(self) -> list[str]:
        """What the changes do to the nodes that run, those together to which the same happens."""
        alike: dict[str, list[str]] = {}
        for name, touched in self.touched.items():
            alike.setdefault(touched.words(), []).append(name)
        lines = [f"touches {named(names)}: {words}" for words, names in alike.items() if words]
        lines += [f"the {name} add-on {what}" for name, what in self.addons.items()]
        if self.certificates:
            lines.append(f"certificates made anew: {named(self.certificates)}")
        return [*lines, *self.obstacles, *self.always, *([self.takes] if self.takes else [])]


def _nodes(count: int) -> str:
    return f"{count} node{'s' if count != 1 else ''}"


def named(names: list[str]) -> str:
    """Return names for a line of text: all of a few, else the first ones and how many more there are."""
    more = len(names) - SHOWN_NAMES
    return ", ".join(names[:SHOWN_NAMES]) + (f" and {more} more" if more > 0 else "")


def _arrow(change: Change) -> str:
    return f"{_words(change['old'])} -> {_words(change['new'])}"


def _words(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, list):
        return ", ".join(_words(item) for item in value) or "nothing"
    if isinstance(value, dict):
        return ", ".join(f"{key}={_words(item)}" for key, item in value.items()) or "nothing"
    return str(value)
