"""Nodes, pods and budgets for the tests of operations on nodes, written as their controllers would.

There is no kubelet: a pod with a grace period stays, marked as being deleted; with none it is deleted at once.
"""

from __future__ import annotations

import json

import pytest

WORKER = {"kubernetes.io/hostname": "w"}


@pytest.fixture
def node(apiserver, request):
    """Make nodes that are deleted after the test: ``node("name", taints=[...])``."""
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
