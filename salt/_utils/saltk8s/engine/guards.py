"""What a run is refused for, whatever the engine: pure. Each reason names what would be lost and what to do instead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from saltk8s.base import errors
from saltk8s.engine.plan import Plan
from saltk8s.pillar.vocabulary.roles import CONTROL_PLANE, ETCD, quorum


def reasons(
    plan: Plan, running: Mapping[str, Any], allow_removal: Iterable[str], etcd_down: Iterable[str] = ()
) -> list[str]:
    """Return why a plan could lose the cluster, or nodes of it that allow_removal does not name.

    plan: what would be done; running: the cluster's nodes, ``{name: {"address", "roles"}}``; allow_removal: names of
    nodes that may go; etcd_down: nodes of the cluster whose etcd does not run.
    """
    if plan.create:
        return []
    return [
        *_not_allowed(plan, set(allow_removal)),
        *_etcd(plan, running, set(etcd_down)),
        *_control_plane(plan, running),
    ]


def refuse(found: list[str]) -> None:
    """Raise Refused with every reason in it, when there is one."""
    if found:
        raise errors.Refused("\n".join(["refused, nothing was run:", *(f"  {reason}" for reason in found)]))


def _not_allowed(plan: Plan, allowed: set[str]) -> list[str]:
    found = []
    for name in plan.removed:
        if name not in allowed:
            found.append(
                f"{name} is in the cluster but no longer declared: to remove it, "
                f"list {name} in k8s:cluster:allow_removal"
            )
    for name, change in plan.moved.items():
        if name not in allowed:
            found.append(
                f"{name} is in the cluster with the address {change['old']}, not {change['new']}: that is another "
                f"machine; to replace it, {_in_two_runs(name)}"
            )
    for name, change in plan.reroled.items():
        lost = {ETCD, CONTROL_PLANE} & set(change["old"]) - set(change["new"])
        if lost and name not in allowed:
            found.append(
                f"{name} would lose the role {' and '.join(sorted(lost))}: to allow that, {_in_two_runs(name)}"
            )
    return found


def _in_two_runs(name: str) -> str:
    """The pillar's rules accept no declared node in allow_removal, so this advice is about two runs."""
    return (
        f"first take {name} out of k8s:nodes and list it in k8s:cluster:allow_removal, then, in a second run, declare "
        f"it again"
    )


def _leaving(plan: Plan, running: Mapping[str, Any], role: str) -> set[str]:
    """Nodes that have the role now and will not, or that are replaced by another machine."""
    gone = {name for name, roles in plan.removed.items() if role in roles}
    gone |= {name for name, change in plan.reroled.items() if role in set(change["old"]) - set(change["new"])}
    return gone | {name for name in plan.moved if role in running[name]["roles"]}


def _etcd(plan: Plan, running: Mapping[str, Any], down: set[str]) -> list[str]:
    members = {name for name, node in running.items() if ETCD in node["roles"]}
    leaving = _leaving(plan, running, ETCD)
    if not leaving:
        return []
    names = ", ".join(sorted(leaving))
    if len(leaving) > 1:
        return [f"{names} would leave etcd together: remove one member at a time, or its data can be lost"]
    left, needed = members - leaving - down, quorum(len(members))
    if len(left) < needed:
        stopped = sorted(down & members - leaving)
        because = f", and etcd does not run on {', '.join(stopped)}" if stopped else ""
        return [
            f"etcd would lose its quorum without {names}: {len(left)} of {len(members)} members would be left"
            f"{because}, {needed} are needed. Add members first"
        ]
    return []


def _control_plane(plan: Plan, running: Mapping[str, Any]) -> list[str]:
    nodes = {name for name, node in running.items() if CONTROL_PLANE in node["roles"]}
    leaving = _leaving(plan, running, CONTROL_PLANE)
    if leaving and not nodes - leaving:
        names = ", ".join(sorted(leaving))
        return [f"the cluster would have no control plane without {names}: add another one in an earlier run"]
    return []
