"""When is a cluster healthy, and what is said when it is not."""

from __future__ import annotations

import pytest
from saltk8s.engine import health
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
            objects.append(sample.merged(item, case["change"]))
    reasons = health.check(objects, NODES, health.wanted(sample.model(case.get("model"))))
    if "reason" in case:
        assert len(reasons) == 1
        assert case["reason"] in reasons[0]
    else:
        assert reasons == []


def test_cordoned_nodes_are_told():
    objects = sample.healthy_objects(NODES)
    objects[1]["spec"]["unschedulable"] = True
    assert health.cordoned(objects) == ["w1"]


def test_containers_that_do_not_run_are_told_with_their_reason():
    waiting = {"reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting"}
    pods = [
        {
            "metadata": {"name": "coredns-1"},
            "status": {
                "phase": "Running",
                "containerStatuses": [
                    {"name": "coredns", "ready": False, "restartCount": 7, "state": {"waiting": waiting}},
                    {"name": "side", "ready": True, "state": {"running": {}}},
                ],
            },
        },
        {"metadata": {"name": "job-1"}, "status": {"phase": "Succeeded", "containerStatuses": [{"name": "x"}]}},
        {
            "metadata": {"name": "canal-1"},
            "status": {
                "phase": "Running",
                "initContainerStatuses": [
                    {"name": "install", "ready": False, "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}
                ],
                "containerStatuses": [{"name": "felix", "ready": False, "state": {"running": {}}}],
            },
        },
        {
            "metadata": {"name": "metrics-1"},
            "status": {
                "phase": "Pending",
                "conditions": [
                    {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/2 nodes"}
                ],
            },
        },
    ]
    assert health.pods(pods) == [
        ("coredns-1", "coredns", "CrashLoopBackOff: back-off 5m0s restarting (7 restarts)"),
        ("canal-1", "felix", "runs, but is not ready"),
        ("metrics-1", "", "Unschedulable: 0/2 nodes"),
    ]
