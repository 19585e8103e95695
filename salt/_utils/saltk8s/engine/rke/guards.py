"""What a run is refused for: pure. Each guard says what would be lost and what to do instead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from saltk8s.base import errors
from saltk8s.engine.plan import Plan

# containers that rke makes on a node under these very names
CONTAINERS = ("etcd", "kube-apiserver", "kubelet")


def check(plan: Plan, running: Mapping[str, Any], allow_removal: Iterable[str], etcd_down: Iterable[str] = ()) -> None:
    """Refuse a plan that could lose the cluster or a part of it that nobody gave up by name.

    plan: what would be done; running: the cluster's nodes as rke_state.parse gives them; allow_removal: names of
    nodes that may go; etcd_down: nodes of the cluster whose etcd does not run. Raises Refused, every reason in it.
    """
    if plan.create:
        return
    told = [*_renamed(plan, running), *_not_allowed(plan, set(allow_removal)), *_etcd(plan, running, set(etcd_down))]
    told += _control(plan, running)
    if told:
        raise errors.Refused("\n".join(["refused, nothing was run:", *(f"  {line}" for line in told)]))


def check_blank(found: Mapping[str, list[str]], state_file: str, backups: str) -> None:
    """Refuse to build a cluster on nodes that carry one already.

    found: {node name: traces of a cluster on it}; state_file, backups: where the state should be. Raises Refused.
    """
    if not found:
        return
    lines = [f"{name}: {', '.join(traces)}" for name, traces in sorted(found.items())]
    raise errors.Refused(
        f"there is no {state_file}, but a cluster is on these nodes; rke would make new keys and destroy it:\n  "
        + "\n  ".join(lines)
        + f"\nPut the state file back (backups: {backups}; without it, the Secret full-cluster-state in kube-system, "
        "or an etcd snapshot's archive), or clean the nodes if that cluster is given up"
    )


def _renamed(plan: Plan, running: Mapping[str, Any]) -> list[str]:
    addresses = {running[name]["address"]: name for name in plan.removed}
    return [
        f"{name} has the address of {addresses[address]}, which is still in the cluster: rke cannot rename a node; "
        f"remove {addresses[address]} in one run, add {name} in the next"
        for name, address in plan.addresses.items()
        if name in plan.added and address in addresses
    ]


def _not_allowed(plan: Plan, allowed: set[str]) -> list[str]:
    told = []
    for name in plan.removed:
        if name not in allowed:
            told.append(f"{name} is in the cluster but no longer declared: to remove it, {_allow(name)}")
    for name, change in plan.moved.items():
        if name not in allowed:
            told.append(
                f"{name} is in the cluster with the address {change['old']}, not {change['new']}: that is another "
                f"machine to rke; to replace it, {_allow(name)}"
            )
    for name, change in plan.reroled.items():
        lost = {"etcd", "controlplane"} & set(change["old"]) - set(change["new"])
        if lost and name not in allowed:
            told.append(f"{name} would lose the role {' and '.join(sorted(lost))}: to allow that, {_allow(name)}")
    return told


def _allow(name: str) -> str:
    return f"list {name} in k8s:cluster:allow_removal"


def _leaving(plan: Plan, running: Mapping[str, Any], role: str) -> set[str]:
    """Nodes that have the role now and will not, or that are replaced by another machine."""
    gone = {name for name, roles in plan.removed.items() if role in roles}
    gone |= {name for name, change in plan.reroled.items() if role in set(change["old"]) - set(change["new"])}
    return gone | {name for name in plan.moved if role in running[name]["roles"]}


def _etcd(plan: Plan, running: Mapping[str, Any], down: set[str]) -> list[str]:
    members = {name for name, node in running.items() if "etcd" in node["roles"]}
    leaving = _leaving(plan, running, "etcd")
    if not leaving:
        return []
    names = ", ".join(sorted(leaving))
    if len(leaving) > 1:
        return [f"{names} would leave etcd together: one member at a time, or its data can be lost"]
    left = members - leaving - down
    quorum = len(members) // 2 + 1
    if len(left) < quorum:
        stopped = sorted(down & members - leaving)
        because = f", and etcd does not run on {', '.join(stopped)}" if stopped else ""
        return [
            f"etcd would lose its quorum without {names}: {len(left)} of {len(members)} members would be left"
            f"{because}, {quorum} are needed. Add members first"
        ]
    return []


def _control(plan: Plan, running: Mapping[str, Any]) -> list[str]:
    control = {name for name, node in running.items() if "controlplane" in node["roles"]}
    leaving = _leaving(plan, running, "controlplane")
    if leaving and not control - leaving:
        names = ", ".join(sorted(leaving))
        return [f"{names} would be the last control plane to go: add another one in an earlier run"]
    return []
