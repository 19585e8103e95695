"""Statuses of custom resources in forms that nobody expects, on a real API server: judged, waited for and explained."""

from __future__ import annotations

import pytest
from tests.support import kubectl as objects

GROUP = "foreign.example.org"


@pytest.fixture(scope="module")
def served(apiserver):
    """A kind whose status may be anything, and which has a generation of its own."""
    made = objects.definition("Oddity", GROUP)
    schema = made["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    schema["properties"]["status"] = {"x-kubernetes-preserve-unknown-fields": True}
    made["spec"]["versions"][0]["subresources"] = {"status": {}}
    apiserver.apply(made)
    apiserver.kubectl("wait", "--for=condition=Established", f"crd/{made['metadata']['name']}", "--timeout=30s")


def ready(status, **more):
    """A status with one condition Ready."""
    return {"conditions": [{"type": "Ready", "status": status} | more]}


READY = {
    "a text": "Ready",
    "a number": 3,
    "a list": ["Ready", None, []],
    "conditions as texts": {"conditions": ["Ready", "Synced"]},
    "conditions as a map": {"conditions": {"Ready": {"status": "False"}}},
    "conditions as nothing": {"conditions": None},
    "conditions of everything": {"conditions": [None, 1, "x", [], [{"type": "Ready", "status": "False"}], {}]},
    "conditions as a text": {"conditions": "Ready"},
    "a condition without status": {"conditions": [{"type": "Ready"}]},
    "a condition without type": {"conditions": [{"status": "False"}]},
    "a type that is a map": {"conditions": [{"type": {"a": 1}, "status": "False"}]},
    "true as a boolean": ready(True),
    "observed as text": {"observedGeneration": "1"},
    "observed as a word": {"observedGeneration": "latest"},
    "observed as a map": {"observedGeneration": {"spec": 0}},
    "replicas as anything": {"replicas": "many", "readyReplicas": None, "phase": ["x"]},
    "reasons as maps": ready("True", reason={"a": 1}, message=["b"]),
}
NOT_READY = {
    "False": (ready("False", message="no disk"), "is not Ready: no disk"),
    "Unknown": (ready("Unknown", reason="NoAnswer"), "is not Ready (Unknown): NoAnswer"),
    "false as a boolean": (ready(False), "is not Ready"),
    "reason as a map": (ready("False", reason={"code": 7}), "is not Ready: {'code': 7}"),
    "behind things that are none": (
        {"conditions": [None, "x", *ready("False")["conditions"]]},
        "is not Ready",
    ),
    "an earlier generation": (
        {"observedGeneration": 0} | ready("True"),
        "its controller has not observed the change yet",
    ),
    "an earlier generation as text": ({"observedGeneration": "0"}, "its controller has not observed the change yet"),
    "of the condition": (ready("True", observedGeneration=0), "its controller has not observed the change yet"),
}


def oddities(prefix, forms):
    """Objects, by the form that their status gets."""
    return {form: objects.custom("Oddity", GROUP, f"{prefix}-{form.replace(' ', '-').lower()}") for form in forms}


def test_what_says_nothing_is_no_obstacle(apiserver, run, served):
    made = oddities("well", READY)
    assert run("applied", "odd", objects=[*made.values()], timeout_s=0)["result"] is True
    for form, obj in made.items():
        apiserver.set_status(f"oddity.{GROUP}", obj["metadata"]["name"], READY[form])
    for test in (True, False):
        answer = run("applied", "odd", objects=[*made.values()], timeout_s=0, test=test)
        assert answer["result"] is True and answer["changes"] == {}, answer["comment"]
    assert run("ready", "odd", timeout_s=0)["result"] is True


def test_what_is_not_ready_is_waited_for(apiserver, run, call, served):
    made = oddities("ill", NOT_READY)
    assert run("applied", "ill", objects=[*made.values()], timeout_s=0)["result"] is True
    texts = []
    for form, obj in made.items():
        status, text = NOT_READY[form]
        apiserver.set_status(f"oddity.{GROUP}", obj["metadata"]["name"], status)
        texts.append(f"Oddity.{GROUP} default/{obj['metadata']['name']} {text}")
    foretold = run("applied", "ill", objects=[*made.values()], test=True)
    real = run("applied", "ill", objects=[*made.values()], timeout_s=0)
    ready = run("ready", "ill", timeout_s=0)
    assert [answer["result"] for answer in (foretold, real, ready)] == [None, False, False]
    for answer in (foretold, real, ready):
        assert [text for text in texts if text not in answer["comment"]] == []
    rows = call("list_set", "ill")
    assert {row["ready"] for row in rows if row["kind"].startswith("Oddity")} == {False}


def test_a_change_is_observed(apiserver, run, served):
    first, second = (objects.custom("Oddity", GROUP, "observed", size=size) for size in (1, 2))
    run("applied", "observed", objects=[first], timeout_s=0)
    apiserver.set_status(f"oddity.{GROUP}", "observed", {"observedGeneration": 1} | ready("True"))
    assert run("applied", "observed", objects=[first], timeout_s=0)["result"] is True
    answer = run("applied", "observed", objects=[second], timeout_s=0)
    assert answer["result"] is False and "has not observed the change yet" in answer["comment"]
    apiserver.set_status(f"oddity.{GROUP}", "observed", {"observedGeneration": 2} | ready("True"))
    assert run("applied", "observed", objects=[second], timeout_s=0)["result"] is True


def test_a_budget_is_observed(apiserver, run):
    def budget(least):
        spec = {"minAvailable": least, "selector": {"matchLabels": {"app": "x"}}}
        meta = {"name": "budget", "namespace": "default"}
        return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": meta, "spec": spec}

    assert run("applied", "budget", objects=[budget(1)], timeout_s=0)["result"] is True
    seen = {"observedGeneration": 1, "currentHealthy": 0, "desiredHealthy": 1, "disruptionsAllowed": 0}
    apiserver.set_status("pdb", "budget", seen | {"expectedPods": 0})
    answer = run("applied", "budget", objects=[budget(2)], timeout_s=0)
    assert answer["result"] is False
    assert "PodDisruptionBudget default/budget its controller has not observed the change yet" in answer["comment"]
