"""What a run of ``rke`` is refused for, besides what holds for every engine: pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from saltk8s.engine import guards
from saltk8s.engine.plan import Plan
from saltk8s.engine.rke.planning.consequences import OWNER
from saltk8s.pillar.vocabulary.roles import ETCD


def check(
    plan: Plan,
    running: Mapping[str, Any],
    allow_removal: Iterable[str],
    etcd_down: Iterable[str] = (),
    exchange: Mapping[str, str] | None = None,
) -> None:
    """Raise Refused, with every reason in it, for a plan that could lose the cluster. See saltk8s.engine.guards."""
    if not plan.create:
        found = guards.reasons(plan, running, allow_removal, etcd_down, exchange)
        guards.refuse([*_owner(plan, running), *found])


def _owner(plan: Plan, running: Mapping[str, Any]) -> list[str]:
    """rke gives etcd's files to another user, and does not take that for a reason to run etcd as that user."""
    change = plan.options.get(OWNER)
    if not change or not change["old"]:
        return []  # root may read and write them all the same
    members = [name for name, node in running.items() if ETCD in node["roles"] and name not in plan.removed]
    left = [name for name in members if name not in plan.touched or "etcd" not in plan.touched[name].recreated]
    if not left:
        return []
    return [
        f"k8s:cluster:etcd:uid would change from {change['old']} to {change['new'] or 'nothing'}, but etcd on "
        f"{', '.join(left)} would go on running as {change['old']}, without its files: change it together with what "
        "recreates etcd, another minor version of Kubernetes or a flag of k8s:cluster:extra_args:etcd"
    ]
