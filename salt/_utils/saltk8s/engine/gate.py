"""The gate: what changes a cluster that lives begins when it is healthy. Pure, and the same for every engine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from saltk8s.base import errors
from saltk8s.engine.etcd import Problem
from saltk8s.engine.plan import Plan
from saltk8s.pillar.vocabulary.roles import CONTROL_PLANE, ETCD

SHOWN = 10
WAIT_S = 120  # a cluster may only be recovering: the same highstate may just have restarted Docker on a node
_END = "It ends with the orchestration that began it, or with: k8s_nodes.end "
_WORKERS_ONLY = ("services.kubelet", "services.kubeproxy")


def changes(plan: Plan) -> bool:
    """Whether a run would change a cluster that lives, and not only bring it back to what it was."""
    found = (plan.added, plan.removed, plan.reroled, plan.moved, plan.version, plan.options)
    return not plan.create and any(found)


def between(plan: Plan) -> bool:
    """Whether a run asks for health between its nodes: it drains some, one after the other, and all of them stay."""
    moves = (plan.added, plan.removed, plan.reroled, plan.moved)
    return not plan.create and plan.turns > 1 and not any(moves)


def wants_snapshot(plan: Plan, schedule: Iterable[str] = ()) -> bool:
    """Whether a run touches what only a snapshot of etcd brings back: etcd, a control plane, what is stored.

    schedule: beginnings of paths of options that change the periodic snapshots alone.
    """
    membership = [*plan.added.values(), *plan.removed.values(), *(c["old"] + c["new"] for c in plan.reroled.values())]
    harmless = (*_WORKERS_ONLY, *schedule)
    return changes(plan) and (
        bool(plan.version or plan.moved)
        or any({ETCD, CONTROL_PLANE} & set(roles) for roles in membership)
        or any({"etcd", "kube-apiserver"} & set(one.recreated) for one in plan.touched.values())
        or any(not path.startswith(harmless) and not _of_a_node(path) for path in plan.options)
    )


def _of_a_node(path: str) -> bool:
    return path.startswith("nodes.") and path.endswith((".labels", ".taints"))


class _OnNodes(errors.SaltK8sError):
    """An error that left the cluster as it was. Its details name the nodes with a problem, so that a state knows that
    services can go on being applied.
    """

    def __init__(self, head: str, problems: list[Problem], *tail: str):
        self.nodes = sorted({problem.node for problem in problems if problem.node})
        super().__init__("\n".join([head, *_lines(problems), *tail]))

    def details(self) -> dict[str, Any]:
        """Return the code and the nodes' names."""
        return super().details() | ({"nodes": self.nodes} if self.nodes else {})


class GateClosed(_OnNodes, errors.Refused):
    """A change was refused, because the cluster is not healthy."""


class BeyondRepair(_OnNodes, errors.NotReady):
    """The cluster is not healthy, and a run of the engine does not mend that."""


def check(change: bool, problems: list[Problem], idle: bool = False) -> None:
    """Refuse to change a cluster that is not healthy, or to run an engine that cannot help.

    change: whether the run changes the cluster; problems: of what stays in it; idle: nothing else is to be done.
    Raises GateClosed, or BeyondRepair when there is nothing to change.
    """
    hopeless = [problem for problem in problems if not problem.mends]
    if change and problems:
        raise GateClosed(
            "refused, nothing was run: the cluster is not healthy, and a change could make it worse:",
            problems,
            "Mend that first; an apply of what the cluster has already starts again what stopped. If this change is "
            "itself the repair: k8s_cluster.up repair=True on the admin, after k8s_cluster.plan repair=True",
        )
    if idle and all(problem.follows for problem in problems):  # a workload, say, whose pods are not ready
        hopeless = problems
    if hopeless:
        raise BeyondRepair(
            "the cluster is not healthy, and running the engine does not mend it; nothing was run:", hopeless
        )


def check_turn(turn: Mapping[str, Any] | None, runs: bool) -> None:
    """Refuse to run an engine while a node has its turn (saltk8s.turns): it is being interrupted, and comes back.

    turn: the record, None when no node has one; runs: whether the engine would run. Raises BeyondRepair.
    """
    if turn and runs:
        node = str(turn.get("node"))
        since = f"{node} has its turn since {turn.get('since')}, and is interrupted for its system or its Docker"
        raise BeyondRepair("nothing was run, because a node has its turn:", [Problem(since, node=node)], _END + node)


def _lines(problems: list[Problem]) -> list[str]:
    more = len(problems) - SHOWN
    return [*(f"  {problem}" for problem in problems[:SHOWN]), *([f"  and {more} more"] if more > 0 else [])]
