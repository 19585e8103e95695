"""Nodes taken out of service and back, labels and taints: on a real API server, with nodes and pods made by hand.

There is no kubelet: a pod with time to end stays, marked as being deleted, as one that does not end in its time. Told
to end at once it is gone. The budgets' numbers, which their controller would count, are written by the tests.
"""

from __future__ import annotations

import json
import threading

import pytest
from salt.exceptions import CommandExecutionError
from saltk8s.kubectl.operations import nodes

WORKER = {"kubernetes.io/hostname": "w"}


@pytest.fixture
def node(apiserver, request):
    """Make nodes that are taken away after the test: ``node("name", taints=[...])``."""
    made = []

    def make(name, taints=()):
        meta = {"name": name, "labels": dict(WORKER)}
        apiserver.apply({"apiVersion": "v1", "kind": "Node", "metadata": meta, "spec": {"taints": list(taints)}})
        # the API server marks a new node as not ready until its controller says otherwise
        patch = json.dumps({"spec": {"taints": list(taints) or None}})
        apiserver.kubectl("patch", "node", name, "--type=merge", "-p", patch)
        made.append(name)
        return name

    yield make
    for name in made:
        apiserver.kubectl("delete", "node", name, "--ignore-not-found")
        apiserver.kubectl("delete", "pods", "--field-selector", f"spec.nodeName={name}", "--grace-period=0", "--force")


def pod(name, on, owner="ReplicaSet", empty=False, static=False, uid="11111111-1111-1111-1111-111111111111"):
    """A pod on a node; owner: kind of its controller, None for none."""
    meta = {"name": name, "namespace": "default", "labels": {"app": name.rpartition("-")[0]}}
    if owner:
        meta["ownerReferences"] = [
            {"apiVersion": "apps/v1", "kind": owner, "name": f"{name}-owner", "uid": uid, "controller": True}
        ]
    if static:
        meta["annotations"] = {"kubernetes.io/config.mirror": "x", "kubernetes.io/config.hash": "x"}
    spec = {
        "nodeName": on,
        "containers": [{"name": "a", "image": "a:1"}],
        "tolerations": [{"operator": "Exists", "effect": "NoExecute"}],
    }
    if empty:
        spec["volumes"] = [{"name": "scratch", "emptyDir": {}}]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}


def put(apiserver, *pods, ready=True):
    """Make pods; they run, and are ready or not."""
    apiserver.apply(*pods)
    for one in pods:
        condition = {"type": "Ready", "status": "True" if ready else "False"}
        apiserver.set_status("pod", one["metadata"]["name"], {"phase": "Running", "conditions": [condition]})


def budget(apiserver, app, allowed, name=None):
    """A PodDisruptionBudget for the pods of an app, and what it allows just now."""
    name = name or app
    spec = {"minAvailable": 1, "selector": {"matchLabels": {"app": app}}}
    meta = {"name": name, "namespace": "default"}
    apiserver.apply({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": meta, "spec": spec})
    allow(apiserver, name, allowed)


def allow(apiserver, name, allowed):
    """What the controller writes into a budget when it has counted."""
    status = {
        "observedGeneration": 1,
        "disruptionsAllowed": allowed,
        "currentHealthy": allowed + 1,
        "desiredHealthy": 1 if allowed else 2,
        "expectedPods": 2,
    }
    apiserver.set_status("pdb", name, status)


def writes(apiserver, mark):
    """Writes that the API server accepted."""
    return [request for request in apiserver.requests(mark) if request.write and request.code < 400]


def check_thrice(apiserver, state):
    """Run a state as test, for real and again: test mode writes nothing and tells the truth, again changes nothing."""
    mark = apiserver.mark()
    foretold = state(test=True)
    assert writes(apiserver, mark) == []
    real = state()
    assert real["result"] is True, real["comment"]
    assert foretold["result"] is None, foretold["comment"]
    assert foretold["changes"] == real["changes"] != {}
    for test in (True, False):
        mark = apiserver.mark()
        again = state(test=test)
        assert again["result"] is True and again["changes"] == {}, again
        assert writes(apiserver, mark) == []
    return real


# -- cordon


def test_cordon_and_uncordon_say_whether_they_changed_anything(apiserver, call, node):
    name = node("cordon-1")
    mark = apiserver.mark()
    assert call("cordon", name, test=True) is True
    assert call("uncordon", name) is False
    assert writes(apiserver, mark) == []
    assert call("cordon", name) is True
    assert call("nodes")[name]["schedulable"] is False
    mark = apiserver.mark()
    assert call("cordon", name) is False
    assert call("uncordon", name, test=True) is True
    assert writes(apiserver, mark) == []
    assert call("uncordon", name) is True
    assert call("nodes")[name]["schedulable"] is True


@pytest.mark.parametrize(
    ("function", "args"),
    [
        ("cordon", ()),
        ("uncordon", ()),
        ("drain", ()),
        ("taint", (["a=b:NoSchedule"],)),
    ],
)
def test_a_node_that_is_not_there_is_one_clear_error(call, function, args):
    for test in (True, False):
        with pytest.raises(CommandExecutionError, match="^the cluster has no node 'nowhere'$"):
            call(function, "nowhere", *args, test=test)


def test_states_of_a_node_that_is_not_there(run):
    for test in (True, False):
        for state, more in (
            ("node_labelled", {"labels": {"a": "b"}}),
            ("drained", {}),
            ("node_tainted", {"taints": ["a:NoSchedule"]}),
        ):
            answer = run(state, "nowhere", test=test, **more)
            assert answer["result"] is False and answer["changes"] == {}
            assert "no" in answer["comment"] and "'nowhere'" in answer["comment"]
            assert "Traceback" not in answer["comment"] and len(answer["comment"].splitlines()) == 1


def test_a_name_is_never_taken_for_an_option(call):
    for name in ("--all", "-l", "a,b", "", "node/x"):
        with pytest.raises(CommandExecutionError, match="name: got .*; expected one name"):
            call("drain", name)


# -- labels


def test_labels_are_set_changed_and_taken_away(apiserver, run, node):
    name = node("labels-1")
    apiserver.kubectl("label", "node", name, "example.org/old=1", "example.org/size=small", "example.org/mine=yes")
    wanted = {
        "example.org/old": None,
        "example.org/size": "big",
        "example.org/new": True,
        "example.org/gone": None,
        "example.org/rack": 7,
    }
    real = check_thrice(apiserver, lambda **kw: run("node_labelled", name, labels=wanted, **kw))
    assert real["changes"] == {
        "example.org/old": {"old": "1", "new": None},
        "example.org/size": {"old": "small", "new": "big"},
        "example.org/new": {"old": None, "new": "true"},
        "example.org/rack": {"old": None, "new": "7"},
    }
    assert "example.org/size: small -> big" in real["comment"]
    labels = apiserver.get("node", name)["metadata"]["labels"]
    assert labels == WORKER | {
        "example.org/size": "big",
        "example.org/new": "true",
        "example.org/mine": "yes",
        "example.org/rack": "7",
    }


def test_an_invalid_label_is_named_in_both_modes(apiserver, call, run, node):
    name = node("labels-2")
    mark = apiserver.mark()
    for test in (True, False):
        answer = run("node_labelled", name, labels={"example.org/a": "not valid!"}, test=test)
        assert answer["result"] is False and "metadata.labels: Invalid value" in answer["comment"], answer["comment"]
        with pytest.raises(CommandExecutionError, match="labels: a: got list; expected text"):
            call("label", "node", name, {"a": ["b"]}, test=test)
    assert writes(apiserver, mark) == []


def test_labels_of_any_kind_but_not_those_that_a_set_declares(apiserver, call, run):
    declared = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "data": {"a": "1"},
        "metadata": {"name": "labelled", "namespace": "default", "labels": {"example.org/tier": "web"}},
    }
    run("applied", "labelled", objects=[declared], wait=False)
    done = call("label", "configmap", "labelled", {"example.org/note": "x"})
    assert done["changes"] == {"example.org/note": {"old": None, "new": "x"}}
    mark = apiserver.mark()
    for key in ("example.org/tier", "saltk8s.io/set"):
        for test in (True, False):
            with pytest.raises(CommandExecutionError, match="the set 'labelled' declares metadata.labels") as raised:
                call("label", "configmap", "labelled", {key: "db"}, test=test)
            assert raised.value.details == {"error": "refused"}
    assert writes(apiserver, mark) == []
    forced = call("label", "configmap", "labelled", {"example.org/tier": "db"}, force=True)
    assert forced["changes"] == {"example.org/tier": {"old": "web", "new": "db"}}
    again = run("applied", "labelled", objects=[declared], wait=False, force_conflicts=True)
    assert again["changes"] == {
        "ConfigMap default/labelled": {'metadata.labels["example.org/tier"]': {"old": "db", "new": "web"}}
    }


# -- taints


def test_taints_are_set_changed_and_taken_away_and_others_left(apiserver, run, node):
    name = node(
        "taints-1",
        [
            {"key": "example.org/gpu", "value": "one", "effect": "NoSchedule"},
            {"key": "example.org/gpu", "value": "one", "effect": "NoExecute"},
            {"key": "example.org/old", "effect": "NoSchedule"},
            {"key": "example.org/old", "effect": "PreferNoSchedule"},
            {"key": "node.example.org/theirs", "effect": "NoSchedule"},
        ],
    )
    wanted = {
        "taints": ["example.org/gpu=two:NoSchedule", "example.org/new:PreferNoSchedule"],
        "absent": ["example.org/old", "example.org/never:NoExecute"],
    }
    real = check_thrice(apiserver, lambda **kw: run("node_tainted", name, **wanted, **kw))
    assert real["changes"] == {
        "example.org/gpu:NoSchedule": {
            "old": "example.org/gpu=one:NoSchedule",
            "new": "example.org/gpu=two:NoSchedule",
        },
        "example.org/old:NoSchedule": {"old": "example.org/old=:NoSchedule", "new": None},
        "example.org/old:PreferNoSchedule": {"old": "example.org/old=:PreferNoSchedule", "new": None},
        "example.org/new:PreferNoSchedule": {"old": None, "new": "example.org/new=:PreferNoSchedule"},
    }
    there = apiserver.get("node", name)["spec"]["taints"]
    assert [f"{taint['key']}={taint.get('value', '')}:{taint['effect']}" for taint in there] == [
        "example.org/gpu=two:NoSchedule",
        "example.org/gpu=one:NoExecute",
        "node.example.org/theirs=:NoSchedule",
        "example.org/new=:PreferNoSchedule",
    ]


def test_the_last_taint_goes(apiserver, run, node):
    name = node("taints-2", [{"key": "a", "effect": "NoSchedule"}])
    check_thrice(apiserver, lambda **kw: run("node_tainted", name, absent=["a:NoSchedule"], **kw))
    assert "taints" not in apiserver.get("node", name)["spec"]


def test_what_is_no_taint_is_refused_whole(apiserver, call, node):
    name = node("taints-3")
    mark = apiserver.mark()
    with pytest.raises(CommandExecutionError, match="taints: got 'a=b', 'c:Never'; expected key=value:effect"):
        call("taint", name, ["a=b", "c:Never", "d:NoSchedule"])
    with pytest.raises(CommandExecutionError, match="got 'a=b:NoSchedule'; expected key or key:effect"):
        call("taint", name, absent="a=b:NoSchedule")
    with pytest.raises(CommandExecutionError, match="taints: a cannot be there and be absent"):
        call("taint", name, ["a:NoSchedule"], ["a"])
    assert writes(apiserver, mark) == []


def test_a_taint_that_a_controller_adds_in_between_is_kept(apiserver, call, node, minion, monkeypatch):
    name = node("taints-4")
    patch, beaten = nodes._patch, []

    def beat(kubectl, obj, *args):
        if not beaten:
            beaten.append(True)
            apiserver.kubectl("taint", "node", name, "theirs=1:NoSchedule")
        return patch(kubectl, obj, *args)

    monkeypatch.setattr(nodes, "_patch", beat)  # the moment between reading and writing cannot be hit otherwise
    call("taint", name, ["ours=1:NoSchedule"])
    assert {taint["key"] for taint in apiserver.get("node", name)["spec"]["taints"]} == {"theirs", "ours"}


# -- drain


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
    assert told["left"]["default/plan-agent"] == "DaemonSet plan-agent-owner runs it on every node"
    assert told["emptydir"] == ["default/planb-1"] and told["unmanaged"] == ["default/planc-1"]
    assert [one["name"] for one in told["budgets"]] == ["default/plana", "default/planb"]
    assert told["budgets"][0] == {
        "name": "default/plana",
        "disruptions_allowed": 0,
        "pods": ["default/plana-1"],
        "blocks": True,
        "reason": "1 pods are healthy, 2 have to be",
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
        "no controller starts these again (force deletes them): default/planc-1",
        "emptyDir volumes would be lost (delete_emptydir_data allows it): default/planb-1",
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
        "PodDisruptionBudget default/blockeda allows 0 disruptions now (1 pods are healthy, 2 have to be); "
        "it covers default/blockeda-1"
    )
    assert foretold["result"] is None and said in foretold["comment"]
    real = run("drained", name, grace_s=0, timeout_s=2)
    assert real["result"] is False
    assert real["changes"] == {
        "unschedulable": {"old": False, "new": True},
        "Pod default/blockedb-1": {"old": "present", "new": None},
    }
    first = f"node {name} is not empty after 2 s, and stays cordoned; still there: default/blockeda-1"
    assert real["comment"].splitlines() == [first, said]


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
    first = f"node {name} is not empty after 2 s, and stays cordoned; still there: default/slow-1"
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
    text = "default/double-1: several PodDisruptionBudgets cover it, the API server refuses to evict: "
    assert told["obstacles"] == [f"{text}default/double, default/double-too"]


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


# -- before there is a cluster


def test_before_the_cluster_exists(tmp_path, run):
    kubeconfig = str(tmp_path / "none")
    wanted = {
        "node_labelled": ({"labels": {"a": "b", "c": None}}, {"a": {"old": None, "new": "b"}}),
        "node_tainted": (
            {"taints": ["a:NoSchedule"], "absent": ["b"]},
            {"a:NoSchedule": {"old": None, "new": "a=:NoSchedule"}},
        ),
        "drained": ({}, {"unschedulable": {"old": False, "new": True}}),
    }
    for state, (more, changes) in wanted.items():
        foretold = run(state, "early", kubeconfig=kubeconfig, test=True, **more)
        assert foretold["result"] is None and foretold["changes"] == changes
        assert "the cluster does not exist yet" in foretold["comment"]
        real = run(state, "early", kubeconfig=kubeconfig, **more)
        assert real["result"] is False and real["changes"] == {}
        assert f"no kubeconfig {kubeconfig}" in real["comment"]
