"""Which steps taking a node out, or exchanging it, still needs: from facts, so that an interrupted one goes on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

LEAVE, CLEAN, FORGET, JOIN = "leave", "clean", "forget", "join"


class Facts(NamedTuple):
    """What is known of a node: whether the pillar declares it, and lets it leave (allow_removal); whether the cluster
    has it, and the uid of its object in Kubernetes, "" without one.
    """

    declared: bool
    allowed: bool
    member: bool
    uid: str


@dataclass
class Steps:
    """refused: why nothing is done, and the way that works, "" when it is; todo: steps, in order; lines: said of it."""

    refused: str = ""
    todo: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return them as data."""
        return {"refused": self.refused, "todo": self.todo, "lines": self.lines}


def take_out(name: str, facts: Facts) -> Steps:
    """Return what is left to do until a node is out of the cluster and clean."""
    if facts.declared:
        return Steps(
            f"refused, nothing was done: {name} is declared, and the next run would add it again: take it out of "
            f"k8s:nodes and list it in k8s:cluster:allow_removal first"
        )
    if facts.member and not facts.allowed:
        return Steps(f"refused, nothing was done: list {name} in k8s:cluster:allow_removal first")
    if facts.member:
        return Steps("", [LEAVE, CLEAN, FORGET], [f"{name} is drained, leaves the cluster, and is cleaned"])
    said = f"{name} is not in the cluster: what is left on it is removed"
    return Steps("", [CLEAN, *([FORGET] if facts.uid else [])], [said])


def exchange(name: str, facts: Facts, machine: str) -> Steps:
    """Return what is left to do until another machine is the node. machine: the uid of the node that goes."""
    if not facts.declared:
        return Steps(
            f"refused, nothing was done: {name} is not declared. For a machine under another name declare that one, "
            f"list {name} in k8s:cluster:allow_removal, and run take_out for {name}"
        )
    there = facts.uid or "gone"
    if facts.member and not machine:
        return Steps(
            f"refused, nothing was done: say which machine goes: machine={there}. It is the uid that Kubernetes gave "
            f"the node; the new machine has another one, so that running this again does not take that out"
        )
    if facts.member and machine == there:
        said = f"{name} is drained, leaves the cluster, and is cleaned; then exchange the machine, and run this again"
        return Steps("", [LEAVE, CLEAN], [said])
    if facts.member:
        return Steps("", [JOIN], [f"{name} is another machine already"])
    return Steps("", [*([] if facts.uid and facts.uid != machine else [CLEAN]), JOIN], [f"{name} joins the cluster"])
