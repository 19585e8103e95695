"""Machines that leave a cluster by a run: nothing of it goes on there, and their addresses are free for others.

Both are done before the run counts as done, and stand in its record until then: by the next run's plan they have left.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltk8s.engine import drains
from saltk8s.engine.base import Hooks
from saltk8s.engine.plan import Plan
from saltk8s.engine.ssh import Prober


def of(plan: Plan, addresses: Mapping[str, str], config: Mapping[str, Any], old: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a run's record has of them: ``leaving``, addresses; ``drained``, {name: address} where pods ran.

    addresses: {name: address} of the nodes that leave; config: the declared ``cluster.yml``; old: the record of the
    last run, which may have left some: what has the name or the address of one now is none of them.
    """
    declared = {entry[key] for entry in config["nodes"] for key in ("hostname_override", "address")}
    gone = [*addresses.values(), *(change["old"] for change in plan.moved.values())]
    drained = {name: addresses[name] for name in plan.leaving}
    kept = {name: at for name, at in old.get("drained", {}).items() if not declared & {name, at}}
    return {
        "leaving": [*gone, *(at for at in old.get("leaving", []) if at not in {*gone, *declared})],
        "drained": kept | drained,
    }


def finish(prober: Prober, record: Mapping[str, Any], hooks: Hooks) -> None:
    """Remove the pods' containers on machines that have left, and forget their host keys. Never raises for a node."""
    drains.stop(prober, record.get("drained", {}), hooks)
    prober.forget(record.get("leaving", []))
