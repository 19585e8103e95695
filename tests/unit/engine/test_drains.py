"""What a plan's drains would meet, from objects as kubectl prints them."""

from __future__ import annotations

import pytest
from saltk8s.base import errors
from saltk8s.engine import drains
from saltk8s.engine.plan import Plan, Touched


def pod(name, node="w1", owner="ReplicaSet", app="web"):
    """A running pod in the namespace shop."""
    owners = [{"kind": owner, "name": "x", "uid": f"uid-{owner}", "controller": True}] if owner else []
    meta = {"name": name, "namespace": "shop", "uid": name, "labels": {"app": app}, "ownerReferences": owners}
    ready = [{"type": "Ready", "status": "True"}]
    return {
        "kind": "Pod",
        "metadata": meta,
        "spec": {"nodeName": node},
        "status": {"phase": "Running", "conditions": ready},
    }


def budget(name, allowed, app="web"):
    """A PodDisruptionBudget over the pods of one application."""
    return {
        "kind": "PodDisruptionBudget",
        "metadata": {"name": name, "namespace": "shop", "generation": 1},
        "spec": {"selector": {"matchLabels": {"app": app}}},
        "status": {"observedGeneration": 1, "disruptionsAllowed": allowed, "currentHealthy": 1, "desiredHealthy": 1},
    }


NODES = [{"kind": "Node", "metadata": {"name": name}, "spec": {}} for name in ("w1", "w2")]
DAEMONS = {"kind": "DaemonSet", "metadata": {"name": "x", "namespace": "shop", "uid": "uid-DaemonSet"}}


def found(*objects, names=("w1", "w2"), force=False):
    """The lines on drains of some nodes."""
    return drains.obstacles([*NODES, DAEMONS, *objects], names, force, 300)


def test_nothing_is_in_the_way():
    assert found(pod("a"), pod("b", owner="DaemonSet"), budget("ok", 1)) == []
    assert found(pod("alone", node="w2", owner=None), names=("w1", "gone")) == []


def test_pods_that_nothing_would_start_again():
    assert found(pod("alone", owner=None)) == [
        "the drains stop at these pods, because no controller re-creates them: shop/alone"
    ]
    assert found(pod("alone", owner=None), force=True) == [
        "deleted by the drains, and re-created by no controller: shop/alone"
    ]


def test_a_budget_is_named_once_with_all_its_nodes():
    assert found(pod("a"), pod("b", node="w2"), budget("tight", 0)) == [
        "PodDisruptionBudget shop/tight allows no eviction now (1 pods are healthy, 1 are required): while that is so, "
        "the drain of w1, w2 fails after 300 s"
    ]


def test_a_pod_with_several_budgets():
    assert found(pod("a"), budget("one", 1), budget("two", 1)) == [
        "shop/a blocks its node's drain: the API server evicts no pod with several PodDisruptionBudgets "
        "(shop/one, shop/two)"
    ]


class Kubectl:
    """Counts the calls, and answers or fails."""

    def __init__(self, objects=None):
        self.calls, self.answer = 0, objects

    def objects(self, *_, **__):
        self.calls += 1
        if self.answer is None:
            raise errors.Unreachable("connection refused")
        return self.answer


@pytest.mark.parametrize(("touched", "calls"), [({}, 0), ({"w1": Touched(False)}, 0), ({"w1": Touched(True)}, 1)])
def test_nothing_is_read_for_a_plan_that_drains_nothing(touched, calls):
    kubectl = Kubectl([*NODES, pod("alone", owner=None)])
    plan = Plan(options={"a": {"old": 1, "new": 2}}, touched=touched)
    drains.add(plan, kubectl, False, 300)
    assert kubectl.calls == calls
    assert len(plan.obstacles) == calls
    assert all(line in plan.lines() for line in plan.obstacles)


def test_an_api_server_that_does_not_answer_is_said():
    plan = Plan(options={"a": {"old": 1, "new": 2}}, touched={"w1": Touched(True)})
    drains.add(plan, Kubectl(), False, 300)
    assert "is not known: the API server does not answer" in plan.notes[0]
