"""What a run of ``rke`` is refused for, besides what holds for every engine: pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from saltk8s.engine import guards
from saltk8s.engine.plan import Plan


def check(plan: Plan, running: Mapping[str, Any], allow_removal: Iterable[str], etcd_down: Iterable[str] = ()) -> None:
    """Raise Refused, with every reason in it, for a plan that could lose the cluster. See saltk8s.engine.guards."""
    if not plan.create:
        guards.refuse([*_renamed(plan, running), *guards.reasons(plan, running, allow_removal, etcd_down)])


def _renamed(plan: Plan, running: Mapping[str, Any]) -> list[str]:
    addresses = {running[name]["address"]: name for name in plan.removed}
    return [
        f"{name} has the address of {addresses[address]}, which is still in the cluster: rke cannot rename a node; "
        f"remove {addresses[address]} in one run, add {name} in the next"
        for name, address in plan.addresses.items()
        if name in plan.added and address in addresses
    ]
