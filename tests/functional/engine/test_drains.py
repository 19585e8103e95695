"""A plan's drains against a real API server: one call of the real kubectl reads what they would meet."""

from __future__ import annotations

from saltk8s.engine import drains
from saltk8s.engine.plan import Plan, Touched
from saltk8s.kubectl.client.program import Kubectl
from tests.support.kubectl_nodes import node, pod, put  # noqa: F401  a fixture


def test_pods_and_budgets_are_named(apiserver, binaries, node):  # noqa: F811
    node("drained-1")
    node("other-1")
    put(
        apiserver,
        pod("lone-1", "drained-1", owner=None),
        pod("web-1", "drained-1"),
        pod("lone-2", "other-1", owner=None),
    )
    meta = {"name": "tight", "namespace": "default"}
    spec = {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}
    apiserver.apply({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": meta, "spec": spec})
    plan = Plan(options={"a": {"old": 1, "new": 2}}, touched={"drained-1": Touched(True), "other-1": Touched(False)})
    try:
        drains.add(plan, Kubectl(str(apiserver.kubeconfig), binary=str(binaries["kubectl"])), False, 300)
    finally:
        apiserver.kubectl("delete", "poddisruptionbudget", "tight", "--namespace=default")
    assert plan.notes == []
    assert len(plan.obstacles) == 2
    assert plan.obstacles[0].endswith("re-creates them: default/lone-1")
    assert "default/tight allows no eviction now" in plan.obstacles[1]
    assert "the drain of drained-1 fails" in plan.obstacles[1]
