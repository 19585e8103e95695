"""Drain nodes, on a real API server; the numbers of the budgets are written by the tests, not by their controller."""

from __future__ import annotations

import threading

import pytest
from salt.exceptions import CommandExecutionError
from tests.support.kubectl_nodes import allow, budget, check_thrice, pod, put, writes


def test_a_plan_tells_what_goes_what_stays_and_what_is_in_the_way(apiserver, call, node):
    name = node("plan-1")
    meta = {"name": "plan-agent-owner", "namespace": "default"}
    template = {"metadata": {"labels": {"app": "plan-agent"}}, "spec": {"containers": [{"name": "a", "image": "a:1"}]}}
    apiserver.apply(
        {
            "apiVersion": "apps/v1",
            "kind": "DaemonSet",
            "metadata": meta,
            "spec": {"selector": {"matchLabels": {"app": "plan-agent"}}, "template": template},
        }
    )
    uid = apiserver.get("daemonset", "plan-agent-owner")["metadata"]["uid"]
    put(
        apiserver,
        pod("plan-agent", name, "DaemonSet", uid=uid),
        pod("plan-static", name, None, static=True),
        pod("plana-1", name),
        pod("planb-1", name, empty=True),
        pod("planc-1", name, None),
    )
    budget(apiserver, "plana", 0)
    budget(apiserver, "planb", 1)
    mark = apiserver.mark()
    told = call("drain", name, test=True)
    assert writes(apiserver, mark) == []
    assert told["evicted"] == ["default/plana-1", "default/planb-1", "default/planc-1"]
    assert set(told["left"]) == {"default/plan-agent", "default/plan-static"}
    assert told["left"]["default/plan-agent"] == "DaemonSet plan-agent-owner manages it"
    assert told["emptydir"] == ["default/planb-1"] and told["unmanaged"] == ["default/planc-1"]
    assert [one["name"] for one in told["budgets"]] == ["default/plana", "default/planb"]
    assert told["budgets"][0] == {
        "name": "default/plana",
        "disruptions_allowed": 0,
        "pods": ["default/plana-1"],
        "blocks": True,
        "reason": "1 pods are healthy, 2 are required",
    }
    assert (told["budgets"][1]["blocks"], told["budgets"][1]["disruptions_allowed"]) == (False, 1)
    assert len(told["obstacles"]) == 2
    mark = apiserver.mark()
    with pytest.raises(CommandExecutionError) as raised:
        call("drain", name)
    assert writes(apiserver, mark) == [], "refused before anything is done"
    assert raised.value.details == {"error": "refused"}
    for text in (
        "nothing was done",
        "no controller re-creates these pods (force=True deletes them): default/planc-1",
        "emptyDir volumes of these pods would be lost (delete_emptydir_data=True allows it): default/planb-1",
    ):
        assert text in str(raised.value)
    allowed = call("drain", name, test=True, force=True, delete_emptydir_data=True)
    assert allowed["obstacles"] == [] and len(allowed["changes"]) == 4
    assert "PodDisruptionBudget default/plana allows 0 disruptions now" in "\n".join(allowed["lines"])


def test_a_node_is_drained_and_stays_so(apiserver, run, node):
    name = node("drain-1")
    put(apiserver, pod("draina-1", name), pod("drainb-1", name, empty=True), pod("drainc-1", name, None))
    budget(apiserver, "draina", 1)
    options = {"grace_s": 0, "force": True, "delete_emptydir_data": True, "timeout_s": 60}
    real = check_thrice(apiserver, lambda **kw: run("drained", name, **options, **kw))
    assert real["changes"] == {
        "unschedulable": {"old": False, "new": True},
        **{f"Pod default/{pod}-1": {"old": "present", "new": None} for pod in ("draina", "drainb", "drainc")},
    }
    assert apiserver.get("pods", "--field-selector", f"spec.nodeName={name}") is None
    put(apiserver, pod("draind-1", name))
    later = check_thrice(apiserver, lambda **kw: run("drained", name, **options, **kw))
    assert list(later["changes"]) == ["Pod default/draind-1"]


def test_what_would_be_lost_is_refused_in_both_modes(apiserver, run, node):
    name = node("refused-1")
    put(apiserver, pod("refuseda-1", name, None), pod("refusedb-1", name, empty=True))
    mark = apiserver.mark()
    for test in (True, False):
        answer = run("drained", name, test=test)
        assert answer["result"] is False and answer["changes"] == {}
        assert "default/refuseda-1" in answer["comment"] and "default/refusedb-1" in answer["comment"]
    assert writes(apiserver, mark) == []


def test_a_budget_that_blocks_is_foretold_and_named_when_the_time_is_over(apiserver, run, node):
    name = node("blocked-1")
    put(apiserver, pod("blockeda-1", name), pod("blockedb-1", name))
    budget(apiserver, "blockeda", 0)
    foretold = run("drained", name, grace_s=0, test=True)
    said = (
        "PodDisruptionBudget default/blockeda allows 0 disruptions now (1 pods are healthy, 2 are required); "
        "it covers default/blockeda-1"
    )
    assert foretold["result"] is None and said in foretold["comment"]
    real = run("drained", name, grace_s=0, timeout_s=2)
    assert real["result"] is False
    assert real["changes"] == {
        "unschedulable": {"old": False, "new": True},
        "Pod default/blockedb-1": {"old": "present", "new": None},
    }
    first = f"node {name} is not drained: timed out after 2 s, it stays cordoned; not evicted: default/blockeda-1"
    assert real["comment"].splitlines() == [first, said]


def test_a_budget_that_never_lets_go_is_passed_by_deleting(apiserver, run, node):
    name = node("deleted-1")
    put(apiserver, pod("deleteda-1", name))
    budget(apiserver, "deleteda", 0)
    options = {"grace_s": 0, "timeout_s": 30, "disable_eviction": True}
    assert "allows 0 disruptions" not in run("drained", name, test=True, **options)["comment"]
    real = run("drained", name, **options)
    assert real["result"] is True and "Pod default/deleteda-1" in real["changes"], real["comment"]
    assert apiserver.get("pod", "deleteda-1") is None


def test_a_budget_that_lets_go_in_time(apiserver, call, node):
    name = node("letsgo-1")
    put(apiserver, pod("letsgo-1", name))
    budget(apiserver, "letsgo", 0)
    answers, mark = [], apiserver.mark()
    thread = threading.Thread(target=lambda: answers.append(call("drain", name, grace_s=0, timeout_s=120)))
    thread.start()
    while not any("eviction" in request.uri for request in apiserver.requests(mark)):
        assert thread.is_alive() and not answers  # it waits until the first eviction was refused
    allow(apiserver, "letsgo", 1)
    thread.join()
    assert list(answers[0]["changes"]) == ["unschedulable", "Pod default/letsgo-1"]
    assert 429 in [request.code for request in apiserver.requests(mark)], "it was refused first"
    assert apiserver.get("pod", "letsgo-1") is None


def test_a_pod_that_does_not_end_is_named(apiserver, call, node):
    name = node("slow-1")
    put(apiserver, pod("slow-1", name))
    with pytest.raises(CommandExecutionError) as raised:
        call("drain", name, grace_s=600, timeout_s=2)
    first = f"node {name} is not drained: timed out after 2 s, it stays cordoned; not evicted: default/slow-1"
    assert str(raised.value) == first
    assert raised.value.details == {"error": "timeout", "changes": {"unschedulable": {"old": False, "new": True}}}


def test_what_a_drain_that_failed_did_not_evict_is_not_told(apiserver, run, node):
    """A cordon keeps this pod away no more than its successor: the node is as wanted, but the pod never went."""
    name = node("returns-1")
    one = pod("stays-1", name)
    one["spec"]["tolerations"] = [{"operator": "Exists"}]
    put(apiserver, one)
    budget(apiserver, "stays", 0)
    real = run("drained", name, grace_s=0, timeout_s=2)
    assert real["result"] is True and real["changes"] == {"unschedulable": {"old": False, "new": True}}
    assert "stays-1" not in real["comment"]
    assert apiserver.get("pod", "stays-1") is not None
    again = run("drained", name, grace_s=0, timeout_s=2)
    assert again["result"] is True and again["changes"] == {}


def test_two_budgets_over_one_pod_are_refused_as_the_api_server_would(apiserver, call, node):
    name = node("double-1")
    put(apiserver, pod("double-1", name))
    budget(apiserver, "double", 1)
    budget(apiserver, "double", 1, name="double-too")
    told = call("drain", name, test=True)
    text = "default/double-1: the API server refuses to evict a pod with several PodDisruptionBudgets: "
    way_out = " (disable_eviction=True deletes it)"
    assert told["obstacles"] == [f"{text}default/double, default/double-too{way_out}"]
    assert call("drain", name, test=True, disable_eviction=True)["obstacles"] == []


def test_an_unready_pod_goes_when_its_budget_allows_that(apiserver, call, node):
    name = node("unready-1")
    put(apiserver, pod("unready-1", name), ready=False)
    budget(apiserver, "unready", 0)
    patch = '{"spec": {"unhealthyPodEvictionPolicy": "AlwaysAllow"}}'
    assert call("drain", name, test=True)["budgets"][0]["blocks"] is True
    apiserver.kubectl("patch", "pdb", "unready", "--type=merge", "-p", patch)
    apiserver.set_status("pdb", "unready", {"observedGeneration": 2})
    assert call("drain", name, test=True)["budgets"][0]["blocks"] is False
    assert call("drain", name, grace_s=0, timeout_s=30)["evicted"] == ["default/unready-1"]
    assert apiserver.get("pod", "unready-1") is None
