"""Why a workload is not healthy, on a real API server with a stand-in for the kubelet."""

from __future__ import annotations

import pytest
from salt.exceptions import CommandExecutionError
from tests.support import kubectl as objects
from tests.support.kubectl_workloads import event, sick_pod


def test_why_a_workload_is_not_healthy(apiserver, call, kubelet):
    pod, status = sick_pod("why-1", "why")
    apiserver.apply(
        objects.deployment("why"),
        pod,
        event("why.1", ("Deployment", "why"), "no quota left", "2026-01-01T00:00:01Z"),
        event("why.2", ("Pod", "why-1"), "it crashed", "2026-01-01T00:00:02Z"),
    )
    apiserver.set_status("pod", "why-1", status)
    stuck = {"type": "Available", "status": "False", "reason": "MinimumReplicasUnavailable"}
    apiserver.set_status("deployment", "why", {"conditions": [stuck]})
    told = call("explain_failure", "Deployment.apps", "why")
    assert (told["object"], told["ready"]) == ("Deployment default/why", False)
    assert told["reason"] == "its controller has not observed the change yet"
    assert told["conditions"] == ["Available=False (MinimumReplicasUnavailable)"]
    assert [one["message"] for one in told["events"]] == ["no quota left"]
    assert len(told["pods"]) == 1
    sick = told["pods"][0]
    assert (sick["pod"], sick["node"], sick["phase"]) == ("default/why-1", "kubelet", "Running")
    assert [one["message"] for one in sick["events"]] == ["it crashed"]
    assert sick["containers"] == [
        {
            "name": "web",
            "reason": "CrashLoopBackOff: back-off 10s",
            "restarts": 3,
            "exit_code": 7,
            "log": ["why-1 web previous=true", "why-1 web tailLines=10"],
        }
    ]
    alone = call("explain_failure", "pod", "why-1")
    assert alone["reason"] == "is not Ready: ContainersNotReady"
    assert alone["pods"][0]["containers"] == sick["containers"]
    assert len(alone["events"]) == 1 and alone["pods"][0]["events"] == [], "told once"


def test_what_is_healthy_and_what_is_not_there(apiserver, call):
    apiserver.apply(objects.config_map("fine", a="1"))
    told = call("explain_failure", "configmap", "fine")
    assert told == {
        "object": "ConfigMap default/fine",
        "ready": True,
        "reason": "",
        "conditions": [],
        "events": [],
        "pods": [],
    }
    with pytest.raises(CommandExecutionError, match="pod 'nowhere' not found"):
        call("explain_failure", "pod", "nowhere")
