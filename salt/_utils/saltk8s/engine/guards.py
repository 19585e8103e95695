"""What a run is refused for, whatever the engine: pure. Each refusal says what would be lost, and the way that works.

A node never becomes another machine in one run: it leaves the cluster, and joins it in the next. Of the nodes with the
control plane or etcd, one leaves in a run; the others are declared as before until it is their turn.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from saltk8s.base import errors
from saltk8s.engine.plan import Plan
from saltk8s.pillar.vocabulary.roles import CONTROL_PLANE, ETCD, ROLES, WORKER, quorum

Nodes = Mapping[str, Mapping[str, Any]]
CENTRAL = {CONTROL_PLANE, ETCD}
NEEDED = {CONTROL_PLANE: "two", ETCD: "three", WORKER: "two"}  # so that one may leave; of etcd an odd number


def reasons(
    plan: Plan,
    running: Nodes,
    allow_removal: Iterable[str],
    etcd_down: Iterable[str] = (),
    exchange: Mapping[str, str] | None = None,
) -> list[str]:
    """Return why a plan could lose the cluster, or nodes of it that allow_removal does not name, and what to do.

    plan: what would be done; running: the cluster's nodes, ``{name: {"address", "internal_address", "roles"}}``;
    allow_removal: names of nodes that may go; etcd_down: nodes of the cluster whose etcd does not run; exchange: nodes
    that have to leave and join again for a reason of the engine's own, ``{name: the reason}``.
    """
    if plan.create:
        return []
    down, wrong = set(etcd_down), _other_machines(plan) | dict(exchange or {})
    held = _held(plan, running, wrong)
    turn, waiting = _turn(plan, running, wrong, held, down)
    members = {name for name, node in running.items() if ETCD in node["roles"]}
    found = [*wrong.values(), *(_renamed(name, old) for name, old in held.items())]
    done = f"{_names(turn)} has left"
    if missing := _missing(plan, running, turn, wrong, held, waiting):
        first = " and ".join(f"{NEEDED[role]} nodes with the role {role}" for role in missing)
        found.append(
            f"without {_names(turn)} no node of the cluster would have the role {' or '.join(missing)}: first have "
            f"exactly {first}, {_names(turn)} among them, and apply"
        )
        waiting, done = waiting | turn, "that is done"
    elif problem := _etcd(members, turn & members, down):
        found.append(problem)
    elif again := turn & wrong.keys():
        found.append(
            f"take {_names(again)} out of k8s:nodes and list {_it(again)} in k8s:cluster:allow_removal, apply, then "
            f"declare {_it(again)} again"
        )
    if waiting:
        facts = ", ".join(_facts(name, running[name]) for name in sorted(waiting))
        found.append(f"one node after the other, or data can be lost: until {done}, declare as before: {facts}")
    allowed = set(allow_removal) | waiting
    return [*(_not_allowed(name) for name in plan.removed if name not in allowed), *found]


def refuse(found: list[str]) -> None:
    """Raise Refused with every reason in it, when there is one."""
    if found:
        raise errors.Refused("\n".join(["refused, nothing was run:", *(f"  {reason}" for reason in found)]))


def _not_allowed(name: str) -> str:
    return f"{name} is in the cluster but no longer declared: to remove it, list {name} in k8s:cluster:allow_removal"


def _renamed(new: str, old: str) -> str:
    return (
        f"{new} has the address of {old}, which is in the cluster and cannot be renamed: take {new} out of k8s:nodes "
        f"until {old} has left"
    )


def _other_machines(plan: Plan) -> dict[str, str]:
    """Return the nodes that cannot become what is declared while they are in the cluster, with the reason."""
    found = {
        name: f"{name} is in the cluster with the address {change['old']}, not {change['new']}: that is another machine"
        for name, change in plan.moved.items()
    }
    for name, change in plan.reroled.items():
        if lost := CENTRAL & set(change["old"]) - set(change["new"]):
            found.setdefault(name, f"{name} would lose the role {' and '.join(sorted(lost))} while it runs")
    return found


def _held(plan: Plan, running: Nodes, wrong: Mapping[str, str]) -> dict[str, str]:
    """Return the new nodes that have to wait for a node of the cluster with the same address, ``{new: old}``."""
    taken = {running[name].get("address"): name for name in running if name in plan.removed or name in wrong}
    new = {name: address for name, address in plan.addresses.items() if name in plan.added}
    return {name: taken[address] for name, address in new.items() if address in taken}


def _turn(
    plan: Plan, running: Nodes, wrong: Mapping[str, str], held: Mapping[str, str], down: set[str]
) -> tuple[set[str], set[str]]:
    """Return which nodes leave in this run, and which of the others that have to leave wait for the next ones.

    A stopped member of etcd goes first, and those that come back before those that do not, which are needed meanwhile.
    Workers are removed at any time: they matter here when their name or their address stays.
    """
    leaving = sorted({*plan.removed, *wrong}, key=lambda name: (name not in down, name not in wrong, name))
    central = [name for name in leaving if CENTRAL & set(running[name]["roles"])]
    again = {*wrong, *held.values()}
    workers = again - set(central)
    if any(WORKER in running[name]["roles"] for name in again) and _missing(plan, running, again, wrong, held):
        workers |= plan.removed.keys() - set(central)  # one of them may be needed until the others are back
    turns = [*({name} for name in central), workers & again, *({name} for name in sorted(workers & again))]
    possible = [turn for turn in turns if turn and not _missing(plan, running, turn, wrong, held, workers)]
    turn = [*possible, *filter(None, turns), set()][0]
    return turn, {*central, *workers} - turn if turn else set()


def _missing(
    plan: Plan,
    running: Nodes,
    turn: set[str],
    wrong: Mapping[str, str],
    held: Mapping[str, str],
    waiting: Iterable[str] = (),
) -> list[str]:
    """Return the roles of those whose turn it is that no other node would have."""
    going = turn | {name for name, roles in plan.removed.items() if not CENTRAL & set(roles)} - set(waiting)
    staying = {name: set(node["roles"]) for name, node in running.items() if name not in going}
    new = {name: set(roles) for name, roles in plan.added.items() if name not in held}
    new |= {name: set(change["new"]) for name, change in plan.reroled.items() if name not in wrong}
    # the cluster needs a member that has the data, while a worker may be new
    have = {role: staying if role in CENTRAL else staying | new for role in ROLES}
    needed = [role for role in ROLES if any(role in running[name]["roles"] for name in turn)]
    return [role for role in needed if not any(role in roles for roles in have[role].values())]


def _etcd(members: set[str], leaving: set[str], down: set[str]) -> str:
    """Return why a member cannot leave etcd, nothing when it can: most must run before it left, and after that."""
    working, left = members - down, members - leaving
    if not leaving:
        return ""
    if len(working) < quorum(len(members)):
        return (
            f"etcd has no quorum, so {_names(leaving)} cannot leave it: it runs on {len(working)} of {len(members)} "
            f"members. Start it on {_names(down & members)}, or restore a snapshot"
        )
    if len(working & left) < quorum(len(left)):
        stopped = _names(down & left)
        return (
            f"etcd would lose its quorum without {_names(leaving)}: it would run on {len(working & left)} of "
            f"{len(left)} members. First start it on {stopped}, or let {stopped} leave instead"
        )
    return ""


def _facts(name: str, node: Mapping[str, Any]) -> str:
    address = node["address"] if node["address"] != name else "dhcp"
    internal = node.get("internal_address") or node["address"]
    own = f", internal_address {internal}" if internal != node["address"] else ""
    return f"{name} (address {address}{own}, roles {' '.join(node['roles'])})"


def _names(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def _it(names: set[str]) -> str:
    return "it" if len(names) == 1 else "them"
