"""What a run of ``rke`` is refused for, besides what holds for every engine: pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from saltk8s.base import errors
from saltk8s.engine import guards
from saltk8s.engine.plan import Plan


def check(plan: Plan, running: Mapping[str, Any], allow_removal: Iterable[str], etcd_down: Iterable[str] = ()) -> None:
    """Raise Refused, with every reason in it, for a plan that could lose the cluster. See saltk8s.engine.guards."""
    if not plan.create:
        guards.refuse([*_renamed(plan, running), *guards.reasons(plan, running, allow_removal, etcd_down)])


def check_blank(found: Mapping[str, list[str]], state_file: str, backups: str) -> None:
    """Refuse to build a cluster on nodes that belong to one already.

    found: {node name: traces of a cluster on it}; state_file, backups: where the state should be. Raises Refused.
    """
    if not found:
        return
    lines = [f"{name}: {', '.join(traces)}" for name, traces in sorted(found.items())]
    raise errors.Refused(
        f"there is no {state_file}, but a cluster is on these nodes; rke would make new keys and destroy it:\n  "
        + "\n  ".join(lines)
        + f"\nRestore the state file (backups: {backups}; without it, the Secret full-cluster-state in kube-system, "
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
