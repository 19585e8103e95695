"""When a cluster is healthy. How its pods are explained when it is not: tests/functional/engine/rke/test_engine.py."""

from __future__ import annotations

import pytest
from saltk8s.engine import health
from saltk8s.engine.rke import workloads
from tests.support import pillars
from tests.support import rke as sample

CASES = sample.case("health")
NODES = ["cp1", "w1"]


@pytest.mark.parametrize("name", CASES)
def test_health(name):
    case = CASES[name]
    objects = []
    for item in sample.healthy_objects(NODES):
        if f"{item['kind']}/{item['metadata']['name']}" != case.get("object"):
            objects.append(item)
        elif "change" in case:
            objects.append(pillars.merge(item, case["change"]))
    reasons = health.check(objects, NODES, workloads.of(sample.model(case.get("model"))))
    if "reason" in case:
        assert len(reasons) == 1
        assert case["reason"] in reasons[0]
    else:
        assert reasons == []


def test_cordoned_nodes_are_listed():
    objects = sample.healthy_objects(NODES)
    objects[1]["spec"]["unschedulable"] = True
    assert health.cordoned(objects) == ["w1"]
