"""Draining, taints, selectors and arguments without a cluster: what is decided before anything is asked or written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from saltk8s.base import errors
from saltk8s.kubectl.manifests import selectors
from saltk8s.kubectl.operations import drain, logs, nodes, permissions, rollout, target, wait_for

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


# -- who goes, who stays


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
    assert set(plan.done(drain.plan_for(cordoned, [pod("b")], [])).changes()) == {"unschedulable", "Pod web/a"}
    another = pod("b")
    another["metadata"]["uid"] = "uid-of-a-later-one"
    assert "Pod web/b" in plan.done(drain.plan_for(cordoned, [another], [])).changes()
    assert drain.plan_for(cordoned, [], []).changes() == {}


@pytest.mark.parametrize(
    ("toleration", "comes_back"),
    [
        ({"operator": "Exists"}, True),
        ({"operator": "Exists", "effect": "NoSchedule"}, True),
        ({"operator": "Exists", "key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}, True),
        ({"operator": "Exists", "effect": "NoExecute"}, False),
        ({"operator": "Exists", "key": "node-role.kubernetes.io/controlplane"}, False),
    ],
)
def test_what_a_cordon_does_not_keep_away_goes_once(toleration, comes_back):
    """Or a state would evict it for ever: on a node that is cordoned already it is left."""
    cordoned = {"metadata": {"name": "w1"}, "spec": {"unschedulable": True}}
    one = pod()
    one["spec"]["tolerations"] = [toleration]
    first = drain.plan_for(NODE, [one], [])
    assert list(first.evict) == ["web/a"]
    second = drain.plan_for(cordoned, [one], [])
    assert (second.changes() == {}) is comes_back
    assert "Pod web/a" not in first.done(second).changes(), "it was not evicted: it is the same pod"
    beside = drain.plan_for(cordoned, [one, pod("b")], [])
    assert list(beside.evict) == ["web/a", "web/b"], "kubectl evicts all of them when it has to do with one"


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


# -- selectors

EXPRESSIONS = [
    ({"key": "a", "operator": "In", "values": ["1", "2"]}, "a in (1,2)", {"1", "2"}),
    ({"key": "a", "operator": "NotIn", "values": ["1"]}, "a notin (1)", {"2", None}),
    ({"key": "a", "operator": "Exists"}, "a", {"1", "2"}),
    ({"key": "a", "operator": "DoesNotExist"}, "!a", {None}),
]


@pytest.mark.parametrize(("expression", "text", "fits"), EXPRESSIONS)
def test_a_selector_as_text_and_decided_here(expression, text, fits):
    selector = {"matchExpressions": [expression]}
    assert selectors.text(selector) == text
    for value in ("1", "2", None):
        labels = {"a": value} if value else {"b": "x"}
        assert selectors.selects(selector, labels) is (value in fits)


def test_an_empty_selector_means_all_and_none_means_none():
    assert selectors.selects({}, {"a": "1"}) and selectors.selects({}, None)
    assert not selectors.selects(None, {"a": "1"})
    assert selectors.text({"matchLabels": {"b": "2", "a": "1"}}) == "a=1,b=2"
    assert selectors.text({}) is None and selectors.text(None) is None


# -- taints and labels

KEYS = st.sampled_from(["a", "b", "example.org/c"])
TAINTS = st.dictionaries(st.tuples(KEYS, st.sampled_from(nodes.EFFECTS)), st.sampled_from(["", "1", "2"]), max_size=5)


@given(TAINTS, TAINTS, st.sets(st.tuples(KEYS, st.sampled_from([*nodes.EFFECTS, None])), max_size=3))
def test_taints_become_what_is_declared_and_stay_so(there, wanted, gone):
    wanted = {key: value for key, value in wanted.items() if key not in gone and (key[0], None) not in gone}
    live = [{"key": key, "effect": effect, "value": value} for (key, effect), value in there.items()]
    new = nodes.retainted(live, wanted, gone)
    found = {(one["key"], one["effect"]): one.get("value", "") for one in new}
    kept = {key: value for key, value in there.items() if key not in gone and (key[0], None) not in gone}
    assert found == kept | wanted and len(new) == len(found)
    assert nodes.taint_changes(new, nodes.retainted(new, wanted, gone)) == {}
    changes = nodes.taint_changes(live, new)
    assert set(changes) == {
        f"{key}:{effect}" for key, effect in {*there, *found} if there.get((key, effect)) != found.get((key, effect))
    }


@pytest.mark.parametrize("text", ["a", "a=b", "a=b:Never", "=b:NoSchedule", ":NoSchedule", "a b:NoSchedule", 7, None])
def test_what_is_no_taint(text):
    with pytest.raises(errors.Invalid, match="taints: got"):
        nodes.parse([text])


def test_taints_as_they_are_written():
    assert nodes.parse(["example.org/a=b:NoSchedule", "c:NoExecute"]) == {
        ("example.org/a", "NoSchedule"): "b",
        ("c", "NoExecute"): "",
    }
    assert nodes.parse_absent(["a", "b:NoExecute"]) == {("a", None), ("b", "NoExecute")}


def test_changes_for_people():
    changes = {"a": {"old": None, "new": "1"}, "b": {"old": "", "new": None}, "c": {"old": False, "new": True}}
    assert nodes.shown(changes) == ["a: absent -> 1", 'b: "" -> absent', "c: false -> true"]


# -- arguments


@pytest.mark.parametrize("word", ["", "-l", "--all", "a,b", "a/b", "a b", "a\nb"])
def test_what_kubectl_could_take_for_something_else(word):
    with pytest.raises(errors.Invalid, match="name: got .*; expected one name"):
        target.plain("name", word)


@pytest.mark.parametrize("value", [-1, "x", True, 1.5, "", None])
def test_what_is_no_whole_number(value):
    with pytest.raises(errors.Invalid, match="n: got .*; expected a whole number"):
        target.whole("n", value)


def test_what_to_wait_for_as_kubectl_wants_it():
    assert wait_for.expression("Ready", None, False) == "condition=Ready"
    assert wait_for.expression(None, ".status.phase=Running", False) == "jsonpath={.status.phase}=Running"
    assert wait_for.expression(None, ".status.ingress", False) == "jsonpath={.status.ingress}"
    assert wait_for.expression(None, "{.a[?(@.b=='c')].d}=e", False) == "jsonpath={.a[?(@.b=='c')].d}=e"
    assert wait_for.expression(None, None, True) == "delete"


def test_how_much_of_a_log():
    assert logs.options(None, None, False) == []
    assert logs.options(5, 60, True) == ["--tail=5", "--since=60s", "--previous"]


def test_who_is_asked_for():
    assert permissions.impersonation(None, None) == []
    assert permissions.impersonation("jane", ["a", "b"]) == ["--as=jane", "--as-group=a", "--as-group=b"]
    with pytest.raises(errors.Invalid):
        permissions.impersonation(None, "a")


def test_a_revision_is_current_by_annotation_or_by_number():
    known = {3: {}, 4: {}}
    deployment = {"kind": "Deployment", "metadata": {"annotations": {"deployment.kubernetes.io/revision": "3"}}}
    assert rollout.current(deployment, known) == 3
    assert rollout.current({"kind": "Deployment", "metadata": {}}, known) is None
    assert rollout.current({"kind": "DaemonSet", "metadata": {}}, known) == 4
