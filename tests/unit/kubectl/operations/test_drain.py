"""Which pods a drain evicts, what it loses and what blocks it, decided without a cluster."""

from __future__ import annotations

import pytest
from saltk8s.kubectl.operations import drain

CORDON = "node.kubernetes.io/unschedulable"
NODE = {"kind": "Node", "metadata": {"name": "w1"}, "spec": {}}
READY = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}


def pod(name="a", owner="ReplicaSet", namespace="web", status=READY, labels=None, **spec):
    meta = {"name": name, "namespace": namespace, "uid": f"uid-{name}", "labels": labels or {"app": "a"}}
    if owner:
        meta["ownerReferences"] = [{"kind": owner, "name": "o", "uid": f"owner-{owner}", "controller": True}]
    return {"kind": "Pod", "metadata": meta, "spec": spec, "status": status}


def budget(allowed=0, healthy=1, desired=2, policy=None, selector=None, generation=1, namespace="web"):
    spec = {"selector": {"matchLabels": {"app": "a"}} if selector is None else selector}
    spec |= {"unhealthyPodEvictionPolicy": policy} if policy else {}
    status = {
        "observedGeneration": 1,
        "disruptionsAllowed": allowed,
        "currentHealthy": healthy,
        "desiredHealthy": desired,
    }
    return {
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "b", "namespace": namespace, "generation": generation},
        "spec": spec,
        "status": status,
    }


def daemon_set(uid="owner-DaemonSet"):
    return {"kind": "DaemonSet", "metadata": {"name": "o", "namespace": "web", "uid": uid}}


@pytest.mark.parametrize(
    ("one", "others", "goes", "unmanaged", "emptydir"),
    [
        (pod(), [], True, False, False),
        (pod(owner="Job"), [], True, False, False),
        (pod(owner=None), [], True, True, False),
        (pod(owner="DaemonSet"), [daemon_set()], False, False, False),
        (pod(owner="DaemonSet"), [daemon_set("another")], True, True, False),
        (pod(volumes=[{"name": "x", "emptyDir": {}}]), [], True, False, True),
        (pod(volumes=[{"name": "x", "configMap": {}}]), [], True, False, False),
        (
            pod(owner=None, volumes=[{"name": "x", "emptyDir": {}}], status={"phase": "Succeeded"}),
            [],
            True,
            False,
            False,
        ),
        (pod(owner="DaemonSet", status={"phase": "Failed"}), [daemon_set()], True, False, False),
        (pod(owner="DaemonSet", volumes=[{"name": "x", "emptyDir": {}}]), [daemon_set()], False, False, False),
    ],
)
def test_who_goes_and_what_is_lost(one, others, goes, unmanaged, emptydir):
    plan = drain.plan_for(NODE, [one], others)
    assert (list(plan.evict), list(plan.left)) == ((["web/a"], []) if goes else ([], ["web/a"]))
    assert (plan.unmanaged, plan.emptydir) == (["web/a"] if unmanaged else [], ["web/a"] if emptydir else [])


def test_a_static_pod_stays():
    static = pod(owner="Node")
    static["metadata"]["annotations"] = {drain.MIRROR: "x"}
    assert list(drain.plan_for(NODE, [static], []).left) == ["web/a"]


def test_what_is_allowed_is_no_obstacle():
    plan = drain.plan_for(NODE, [pod(owner=None, volumes=[{"name": "x", "emptyDir": {}}])], [])
    assert len(plan.obstacles(drain.Options())) == 2
    assert len(plan.obstacles(drain.Options(force=True))) == 1
    assert plan.obstacles(drain.Options(force=True, delete_emptydir_data=True)) == []


def test_changes_are_the_plan_or_what_is_done_of_it():
    plan = drain.plan_for(NODE, [pod("a"), pod("b")], [])
    assert set(plan.changes()) == {"unschedulable", "Pod web/a", "Pod web/b"}
    cordoned = {"metadata": {"name": "w1"}, "spec": {"unschedulable": True}}
    assert set(plan.completed(drain.plan_for(cordoned, [pod("b")], [])).changes()) == {"unschedulable", "Pod web/a"}
    another = pod("b")
    another["metadata"]["uid"] = "uid-of-a-later-one"
    assert "Pod web/b" in plan.completed(drain.plan_for(cordoned, [another], [])).changes()
    assert drain.plan_for(cordoned, [], []).changes() == {}


@pytest.mark.parametrize(
    ("toleration", "comes_back"),
    [
        ({"operator": "Exists"}, True),
        ({"operator": "Exists", "effect": "NoSchedule"}, True),
        ({"operator": "Exists", "key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}, True),
        ({"operator": "Exists", "effect": "NoExecute"}, False),
        ({"operator": "Exists", "key": "node-role.kubernetes.io/controlplane"}, False),
        # without an operator it is Equal, and the taint has no value
        ({"key": CORDON}, True),
        ({"key": CORDON, "effect": "NoSchedule"}, True),
        ({"key": CORDON, "effect": ""}, True),
        ({"key": CORDON, "operator": "", "value": ""}, True),
        ({"key": CORDON, "operator": "Equal", "effect": "NoSchedule"}, True),
        ({"key": CORDON, "operator": "Equal", "value": "true"}, False),
        ({"key": CORDON, "value": "true"}, False),
        ({"key": CORDON, "effect": "NoExecute"}, False),
        ({"key": CORDON, "effect": "PreferNoSchedule"}, False),
        ({"key": CORDON, "operator": "Gt", "value": "1"}, False),
        ({"key": "", "operator": "Exists", "tolerationSeconds": 30}, True),
        ({"key": None, "operator": "Exists", "effect": None}, True),
    ],
)
def test_a_pod_that_tolerates_the_cordon_is_evicted_once(toleration, comes_back):
    """Or a state would evict it in each run: on a node that is cordoned already it is left."""
    cordoned = {"metadata": {"name": "w1"}, "spec": {"unschedulable": True}}
    one = pod()
    one["spec"]["tolerations"] = [toleration]
    first = drain.plan_for(NODE, [one], [])
    assert list(first.evict) == ["web/a"]
    second = drain.plan_for(cordoned, [one], [])
    assert (second.changes() == {}) is comes_back
    assert "Pod web/a" not in first.completed(second).changes(), "it was not evicted: it is the same pod"
    beside = drain.plan_for(cordoned, [one, pod("b")], [])
    assert list(beside.evict) == ["web/a", "web/b"], "kubectl evicts all of them when it has to do with one"


@pytest.mark.parametrize(
    ("taint", "tolerations", "comes_back"),
    [
        ({"key": "gpu", "value": "a", "effect": "NoSchedule"}, [], False),
        ({"key": "gpu", "value": "a", "effect": "NoExecute"}, [], False),
        ({"key": "gpu", "value": "a", "effect": "PreferNoSchedule"}, [], True),
        ({"key": "gpu", "value": "a", "effect": "NoSchedule"}, [{"key": "gpu", "value": "a"}], True),
        ({"key": "gpu", "value": "a", "effect": "NoSchedule"}, [{"key": "gpu", "value": "b"}], False),
        ({"key": "gpu", "effect": "NoExecute"}, [{"key": "gpu", "tolerationSeconds": 10}], True),
        ({"key": "gpu", "effect": "NoSchedule"}, [{"operator": "Exists"}], True),
    ],
)
def test_a_pod_comes_back_only_where_it_tolerates_every_taint(taint, tolerations, comes_back):
    cordoned = {"metadata": {"name": "w1"}, "spec": {"unschedulable": True, "taints": [taint]}}
    one = pod()
    one["spec"]["tolerations"] = [{"key": CORDON}, *tolerations]
    assert (drain.plan_for(cordoned, [one], []).changes() == {}) is comes_back


# -- budgets, by the API server's rules for evictions


@pytest.mark.parametrize(
    ("one", "of", "blocks"),
    [
        (pod(), budget(allowed=0), True),
        (pod(), budget(allowed=1), False),
        (pod(), budget(allowed=1, generation=2), True),  # the number is of an older version of the budget
        (pod(status={"phase": "Pending"}), budget(), False),
        (pod(status={"phase": "Running"}), budget(), True),
        (pod(status={"phase": "Running"}), budget(policy="AlwaysAllow"), False),
        (pod(status={"phase": "Running"}), budget(healthy=2), False),  # enough others are healthy
        (pod(status={"phase": "Running"}), budget(healthy=0, desired=0), True),
        (pod(), budget(policy="AlwaysAllow"), True),
    ],
)
def test_which_budget_blocks(one, of, blocks):
    told = drain.plan_for(NODE, [one], [of]).budgets
    assert [item["blocks"] for item in told] == [blocks]
    assert bool(told[0]["reason"]) is blocks and told[0]["pods"] == ["web/a"]


def test_a_budget_whose_pods_cannot_be_counted_is_an_obstacle():
    """As over a Job's pods: it covers them for good, with whatever number it has."""
    of = budget(policy="AlwaysAllow")
    why = "jobs.batch does not implement the scale subresource"
    of["status"]["conditions"] = [
        {"type": "DisruptionAllowed", "status": "False", "reason": "SyncFailed", "message": why}
    ]
    plan = drain.plan_for(NODE, [pod()], [of])
    (told,) = plan.obstacles(drain.Options())
    assert why in told and "disable_eviction=True" in told and of["metadata"]["name"] in told
    assert plan.obstacles(drain.Options(disable_eviction=True)) == []
    unready = drain.plan_for(NODE, [pod(status={"phase": "Running"})], [of])
    assert unready.obstacles(drain.Options()) == [], "it may go"


@pytest.mark.parametrize(
    "of",
    [
        budget(namespace="other"),
        budget(selector={"matchLabels": {"app": "b"}}),
    ],
)
def test_which_budget_is_about_others(of):
    assert drain.plan_for(NODE, [pod()], [of]).budgets == []


def test_a_pod_that_is_going_already_needs_no_budget():
    going = pod()
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert drain.plan_for(NODE, [going], [budget()]).blocking() == []


def test_a_daemon_sets_pod_is_no_budgets_business():
    assert drain.plan_for(NODE, [pod(owner="DaemonSet")], [daemon_set(), budget()]).budgets == []
