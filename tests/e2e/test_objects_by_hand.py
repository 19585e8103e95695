"""Imperative functions and single states, as operators use them, on a cluster whose pods run, crash and move."""

from __future__ import annotations

import json

import pytest
from conftest import ADMIN, CLIENT, NODES, failed, states_of, until
from manifests import client, listing, web
from test_chain import audit_length, writes_since

NODE = "k8s-w2"
GIB = 1024**3


@pytest.fixture(scope="module", autouse=True)
def synced(lab):
    """The lab's minion has the modules of the work tree, also when the lab is older than they are."""
    lab.salt(ADMIN, "saltutil.sync_all")


def ask(lab, function, *args, check=True):
    """Run a function of the module on the admin; return its answer, a text when it failed."""
    return lab.salt(ADMIN, f"kubectl.{function}", *args, check=check)[ADMIN]


def state(lab, function, name, *args):
    """Run one state on the admin; return its answer."""
    answer = lab.salt(ADMIN, "state.single", f"kubectl.{function}", name, *args, check=False)[ADMIN]
    return states_of(answer)[0]


def check_thrice(lab, function, name, *args):
    """Run a state with test=True, then twice: test mode writes nothing and predicts, the second run changes nothing."""
    line = audit_length(lab)
    predicted = state(lab, function, name, *args, "test=True")
    assert writes_since(lab, line) == []
    assert predicted["result"] is None, predicted["comment"]
    real = state(lab, function, name, *args)
    assert real["result"] is True, real["comment"]
    assert predicted["changes"] == real["changes"] != {}
    line = audit_length(lab)
    again = state(lab, function, name, *args)
    assert again["result"] is True and again["changes"] == {}, again
    assert writes_since(lab, line) == []
    return real["changes"]


def script(name, text):
    """A Deployment of one container that runs a line of shell."""
    deployment = web(name)
    box = {"name": "main", "image": CLIENT, "command": ["sh", "-c", text]}
    deployment["spec"]["template"]["spec"]["containers"] = [box]
    return deployment


def test_a_rollout_and_its_undo(lab, namespace):
    where = ("Deployment.apps", "site", f"namespace={namespace}")
    lab.kubectl("-n", namespace, "apply", "-f", "-", stdin=listing(web("site", 2)))
    first = ask(lab, "rollout_status", *where, "timeout_s=120")
    assert first == {"ready": True, "reason": "", "wanted": 2, "updated": 2, "available": 2, "revision": 1}
    lab.kubectl("-n", namespace, "set", "env", "deployment/site", "EDITION=2")
    assert ask(lab, "rollout_status", *where, "timeout_s=120")["revision"] == 2
    predicted = ask(lab, "rollout_undo", *where, "test=True")
    assert "EDITION" in lab.kubectl("-n", namespace, "set", "env", "deployment/site", "--list")
    undone = ask(lab, "rollout_undo", *where)
    assert predicted == undone and (undone["old"], undone["new"]) == (2, 1)
    assert "EDITION" in json.dumps(undone["changes"])
    assert ask(lab, "rollout_status", *where, "timeout_s=120")["revision"] == 3
    assert "EDITION" not in lab.kubectl("-n", namespace, "set", "env", "deployment/site", "--list")


def test_more_replicas_and_fewer(lab, namespace):
    lab.kubectl("-n", namespace, "apply", "-f", "-", stdin=listing(web("site")))
    where = f"namespace={namespace}"
    assert ask(lab, "scale", "Deployment.apps", "site", "3", where) == {"old": 1, "new": 3}
    done = ask(lab, "wait", "Deployment.apps", "site", where, "jsonpath=.status.readyReplicas=3", "timeout_s=120")
    assert [one["ready"] for one in done["objects"]] == [True]
    assert ask(lab, "scale", "Deployment.apps", "site", "0", where) == {"old": 3, "new": 0}
    gone = ask(lab, "wait", "pods", "selector=app=site", where, "deleted=True", "timeout_s=120")
    assert gone["objects"] == []


def test_logs_and_events(lab, namespace):
    where = f"namespace={namespace}"
    objects = [script("talker", "echo one; echo two; exec sleep infinity"), client("alone", "k8s-w1")]
    lab.kubectl("-n", namespace, "apply", "-f", "-", stdin=listing(*objects))
    ask(lab, "rollout_status", "Deployment.apps", "talker", where, "timeout_s=120")
    every = until(lambda: ask(lab, "logs", "talker", where, "kind=Deployment.apps"), "it has spoken")
    assert every == ["one", "two"]
    assert ask(lab, "logs", "talker", where, "kind=Deployment.apps", "tail=1") == ["two"]
    ask(lab, "wait", "pods", "alone", where, "condition=Ready", "timeout_s=120")
    assert ask(lab, "logs", "alone", where) == []
    told = ask(lab, "events", where)
    times = [one["time"].rstrip("Z") for one in told]  # some have fractions of a second
    assert times == sorted(times)
    assert ("Pod", "Started") in {(one["object"].split()[0], one["reason"]) for one in told}
    assert {one["object"] for one in ask(lab, "events", where, "name=alone")} == {f"Pod {namespace}/alone"}


def test_usage_is_measured(lab):

    def measured():
        used = ask(lab, "top", check=False)
        return used if isinstance(used, dict) and set(used) == set(NODES) else None

    nodes = until(measured, "all nodes are measured")
    for name, used in nodes.items():
        assert 0 < used["cpu_cores"] < used["cpu_cores_allocatable"] * 2, name
        assert used["memory_bytes"] > GIB / 20, name
    pods = ask(lab, "top", "pods", "namespace=kube-system")
    assert any(one["name"].startswith("canal-") and len(one["containers"]) == 2 for one in pods)


def test_who_may_do_what(lab, namespace):
    assert ask(lab, "can_i", "create", "deployments", f"namespace={namespace}") is True
    account = f"as_user=system:serviceaccount:{namespace}:default"
    assert ask(lab, "can_i", "create", "deployments", f"namespace={namespace}", account) is False
    lab.kubectl(
        "-n", namespace, "create", "rolebinding", "edit", "--clusterrole=edit", f"--serviceaccount={namespace}:default"
    )
    until(lambda: ask(lab, "can_i", "create", "deployments", f"namespace={namespace}", account) is True, "it holds")
    assert ask(lab, "can_i", "create", "deployments", "namespace=kube-system", account) is False


def test_a_crashing_pod_is_explained(lab, namespace):
    where = f"namespace={namespace}"
    lab.kubectl("-n", namespace, "apply", "-f", "-", stdin=listing(script("broken", "echo no database here; exit 7")))

    def crashing():
        told = ask(lab, "explain_failure", "Deployment.apps", "broken", where)
        boxes = [box for pod in told["pods"] for box in pod["containers"]]
        return told if any("CrashLoopBackOff" in box["reason"] for box in boxes) else None

    told = until(crashing, "the container restarts", timeout_s=120)
    assert told["ready"] is False and told["reason"] == "0 of 1 replicas are available"
    assert any(text.startswith("Available=False") for text in told["conditions"])
    pod = told["pods"][0]
    assert pod["pod"].startswith(f"{namespace}/broken-") and pod["node"] in NODES
    assert "BackOff" in {one["reason"] for one in pod["events"]}
    box = pod["containers"][0]
    assert box["exit_code"] == 7 and box["restarts"] > 0 and box["log"] == ["no database here"]
    late = ask(lab, "rollout_status", "Deployment.apps", "broken", where, "timeout_s=2", check=False)
    assert "log no database here" in late


def guarded(name, node, keep):
    """A Deployment of one pod that can run on one node only, and a budget that keeps ``keep`` of it."""
    deployment = web(name)
    deployment["spec"]["template"]["spec"]["nodeSelector"] = {"kubernetes.io/hostname": node}
    budget = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": name},
        "spec": {"minAvailable": keep, "selector": {"matchLabels": {"app": name}}},
    }
    return deployment, budget


@pytest.fixture
def in_service(lab):
    """Afterwards the node is uncordoned, and what was evicted is healthy."""
    yield NODE
    ask(lab, "uncordon", NODE)
    until(lambda: all(one["ready"] for one in ask(lab, "list_rollouts")), "workloads are ready again", timeout_s=300)
    assert not failed(lab.salt(ADMIN, "state.apply", "k8s", "test=True")[ADMIN])


@pytest.mark.slow
def test_a_node_is_drained_once_its_budget_allows(lab, namespace, in_service):
    lab.kubectl("-n", namespace, "apply", "-f", "-", stdin=listing(*guarded("guarded", NODE, 1)))
    ask(lab, "rollout_status", "Deployment.apps", "guarded", f"namespace={namespace}", "timeout_s=120")
    line = audit_length(lab)
    mine = f"{namespace}/guarded"

    def blocking():
        plan = ask(lab, "drain", NODE, "delete_emptydir_data=True", "test=True")
        return plan if [one["name"] for one in plan["budgets"] if one["blocks"]] == [mine] else None

    plan = until(blocking, "the budget is counted")
    assert writes_since(lab, line) == []
    assert plan["obstacles"] == []
    assert [pod for pod in plan["evicted"] if pod.startswith(f"{mine}-")]
    assert any(why.startswith("DaemonSet canal") for why in plan["left"].values())

    options = ("delete_emptydir_data=True", "grace_s=1")
    stuck = ask(lab, "drain", NODE, *options, "timeout_s=45", check=False)
    assert isinstance(stuck, str) and f"node {NODE} is not drained: timed out after 45 s, it stays cordoned" in stuck
    assert f"PodDisruptionBudget {mine} allows 0 disruptions now" in stuck
    assert ask(lab, "list_nodes")[NODE]["schedulable"] is False

    lab.kubectl("-n", namespace, "apply", "-f", "-", stdin=listing(guarded("guarded", NODE, 0)[1]))

    def strangers(pods):
        # rke's own come back to a cordoned node, and are evicted with the others
        return [pod for pod in pods if not pod.removeprefix("Pod ").startswith((f"{mine}-", "kube-system/"))]

    def alone():
        plan = ask(lab, "drain", NODE, *options, "test=True")
        return not strangers(plan["evicted"]) and not any(one["blocks"] for one in plan["budgets"])

    until(alone, "only the guarded pod is left, and it may go")
    changes = check_thrice(lab, "drained", NODE, *options, "timeout_s=120")
    assert [one for one in changes if one.startswith(f"Pod {mine}-")] and not strangers(changes)
    assert ask(lab, "uncordon", NODE) is True
    assert ask(lab, "uncordon", NODE) is False
    back = ask(lab, "rollout_status", "Deployment.apps", "guarded", f"namespace={namespace}", "timeout_s=120")
    assert back["ready"] is True


def test_labels_and_taints_of_a_node_are_set_and_removed(lab):
    node = "k8s-w1"
    labels = check_thrice(lab, "node_labelled", node, "labels={e2e.example/disk: ssd}")
    assert labels == {"e2e.example/disk": {"old": None, "new": "ssd"}}
    taint = "e2e.example/spare=yes:PreferNoSchedule"
    taints = check_thrice(lab, "node_tainted", node, f"taints=['{taint}']")
    assert taints == {"e2e.example/spare:PreferNoSchedule": {"old": None, "new": taint}}
    assert taint in ask(lab, "list_nodes")[node]["taints"]
    check_thrice(lab, "node_labelled", node, "labels={e2e.example/disk: null}")
    check_thrice(lab, "node_tainted", node, "absent=[e2e.example/spare]")
    assert taint not in ask(lab, "list_nodes")[node]["taints"]
    assert "e2e.example/disk" not in lab.objects("node", node)["metadata"]["labels"]
