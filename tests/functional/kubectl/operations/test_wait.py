"""``kubectl wait``, on a real API server; what controllers write, the tests write."""

from __future__ import annotations

import threading

import pytest
from salt.exceptions import CommandExecutionError
from tests.support import kubectl as objects

WELL = {"observedGeneration": 99, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2, "readyReplicas": 2}


def test_wait_for_a_condition_a_field_and_the_end(apiserver, call):
    apiserver.apply(objects.deployment("awaited"))
    condition = {"type": "Available", "status": "True"}
    apiserver.set_status("deployment", "awaited", WELL | {"conditions": [condition]})
    told = call("wait", "Deployment.apps", "awaited", condition="Available", timeout_s=10)
    assert [(one["kind"], one["name"], one["ready"]) for one in told["objects"]] == [("Deployment", "awaited", True)]
    for path in (".status.readyReplicas=2", "{.status.readyReplicas}=2", ".status.conditions"):
        assert call("wait", "Deployment.apps", "awaited", jsonpath=path, timeout_s=10)["objects"]
    with pytest.raises(
        CommandExecutionError,
        match="timed out after 0 s waiting for condition=Progressing: Deployment default/awaited "
        r"\(Available=True\)",
    ) as raised:
        call("wait", "Deployment.apps", "awaited", condition="Progressing", timeout_s=0)
    assert raised.value.details == {"error": "timeout"}
    with pytest.raises(
        CommandExecutionError, match="timed out after 1 s waiting for delete: Deployment default/awaited"
    ):
        call("wait", "Deployment.apps", "awaited", deleted=True, timeout_s=1)
    apiserver.kubectl("delete", "deployment", "awaited")
    for _ in range(2):  # gone is gone, also for who comes late
        assert call("wait", "Deployment.apps", "awaited", deleted=True, timeout_s=10)["objects"] == []


def test_what_is_not_there_yet_is_waited_for(apiserver, call):
    answers, mark = [], apiserver.mark()
    wait = {"selector": "group=late", "jsonpath": ".data.a=1", "timeout_s": 60}
    thread = threading.Thread(target=lambda: answers.append(call("wait", "configmap", **wait)))
    thread.start()
    while not any("configmaps" in request.uri for request in apiserver.requests(mark)):
        assert thread.is_alive()
    late = objects.config_map("late", a="1")
    late["metadata"]["labels"] = {"group": "late"}
    apiserver.apply(late)
    thread.join()
    assert [one["name"] for one in answers[0]["objects"]] == ["late"]
    with pytest.raises(
        CommandExecutionError, match="timed out after 1 s waiting for jsonpath={.data.a}=1: no such object exists"
    ):
        call("wait", "configmap", "never", jsonpath=".data.a=1", timeout_s=1)


def test_wait_wants_one_thing_of_one_sort(call):
    for wrong in ({}, {"condition": "Ready", "deleted": True}):
        with pytest.raises(CommandExecutionError, match="expected one of condition, jsonpath, deleted"):
            call("wait", "pods", "x", **wrong)
    with pytest.raises(CommandExecutionError, match="expected a name or a selector"):
        call("wait", "pods", condition="Ready")
    with pytest.raises(CommandExecutionError, match="does not know the kind"):
        call("wait", "nosuchkind", "x", condition="Ready", timeout_s=5)
