"""A DaemonSet while a node is dead, on a real API server: by its pods on the other nodes, and it is said."""

from __future__ import annotations

import copy

import pytest

NODES = {"w1": "True", "w2": "True", "w3": "Unknown"}
AGENT = {
    "apiVersion": "apps/v1",
    "kind": "DaemonSet",
    "metadata": {"name": "agent", "namespace": "default"},
    "spec": {
        "selector": {"matchLabels": {"app": "agent"}},
        "template": {
            "metadata": {"labels": {"app": "agent"}},
            "spec": {"containers": [{"name": "agent", "image": "agent:1"}], "tolerations": [{"operator": "Exists"}]},
        },
    },
}
SHORT = {"desiredNumberScheduled": 3, "currentNumberScheduled": 3, "updatedNumberScheduled": 3, "numberAvailable": 2}
WITHOUT = "DaemonSet default/agent is without its pods on w3, which is not Ready"


class Cluster:
    """Three nodes and an agent on each, whose set is applied by ``run``."""

    def __init__(self, apiserver, run):
        self.apiserver, self.run = apiserver, run
        for name, ready in NODES.items():
            apiserver.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}})
            conditions = [{"type": "MemoryPressure", "status": "False"}, {"type": "Ready", "status": ready}]
            apiserver.set_status("node", name, {"conditions": conditions})
        self.apply(wait=False)
        self.live = apiserver.get("daemonset", "agent")
        for node, ready in NODES.items():
            self.pod(node, ready == "True")
        self.status()

    def apply(self, test=False, function="applied", **arguments):
        objects = {"objects": [copy.deepcopy(AGENT)]} if function == "applied" else {}
        return self.run(function, "agents", test=test, **objects, **arguments)

    def pod(self, node, ready, **labels):
        owner = {key: self.live[key] for key in ("apiVersion", "kind")}
        owner |= {key: self.live["metadata"][key] for key in ("name", "uid")}
        meta = {"name": f"agent-{node}", "namespace": "default", "ownerReferences": [owner]}
        meta["labels"] = {"app": "agent", "pod-template-generation": "1"} | labels
        containers = [{"name": "agent", "image": "agent:1"}]
        spec = {"nodeName": node, "containers": containers, "terminationGracePeriodSeconds": 0}
        self.apiserver.apply({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec})
        state = {"type": "Ready", "status": "True" if ready else "False"}
        self.apiserver.set_status("pod", meta["name"], {"phase": "Running", "conditions": [state]})

    def status(self, **over):
        seen = {"observedGeneration": self.live["metadata"]["generation"], "numberMisscheduled": 0, "numberReady": 2}
        self.apiserver.set_status("daemonset", "agent", SHORT | seen | over)


@pytest.fixture
def cluster(apiserver, run):
    """What lies in the way of other tests is deleted."""
    yield Cluster(apiserver, run)
    apiserver.kubectl("delete", "node,pod", "--all", "--wait=false", "--force", "--grace-period=0")
    apiserver.kubectl("delete", "daemonset", "agent")


def test_pods_on_a_dead_node_do_not_count_and_are_named(cluster, call):
    done = cluster.apply(timeout_s=5)
    assert (done["result"], done["changes"]) == (True, {}), done
    assert WITHOUT in done["comment"].splitlines()
    assert cluster.apply(test=True)["result"] is True
    assert cluster.apply(function="ready", timeout_s=5)["result"] is True
    row = next(row for row in call("list_set", "agents") if row["kind"] == "DaemonSet")
    assert (row["ready"], row["reason"]) == (True, WITHOUT.partition("agent ")[2])
    rows = call("list_rollouts", "default")
    assert [row["reason"] for row in rows if row["name"] == "agent"] == [row["reason"]]


@pytest.mark.parametrize("spoilt", ["not ready", "of an older template", "missing"])
def test_pods_on_the_other_nodes_count(cluster, spoilt):
    if spoilt == "not ready":
        cluster.pod("w2", ready=False)
        cluster.status(numberAvailable=1)
    elif spoilt == "missing":
        cluster.apiserver.kubectl("delete", "pod", "agent-w2", "--force", "--grace-period=0")
        cluster.status(currentNumberScheduled=2)
    else:
        cluster.pod("w2", True, **{"pod-template-generation": "0"})
        cluster.status(updatedNumberScheduled=2)
    failed = cluster.apply(timeout_s=1)
    assert failed["result"] is False
    assert "of 3 pods are" in failed["comment"]
    assert cluster.apply(test=True)["result"] is None


def test_without_a_dead_node_every_pod_counts(cluster):
    cluster.apiserver.set_status("node", "w3", {"conditions": [{"type": "Ready", "status": "True"}]})
    failed = cluster.apply(timeout_s=1)
    assert failed["result"] is False
    assert "2 of 3 pods are available" in failed["comment"]


def test_a_whole_one_asks_for_no_node(cluster):
    cluster.status(numberAvailable=3)
    mark = cluster.apiserver.mark()
    assert "without" not in cluster.apply()["comment"]
    assert [request.uri for request in cluster.apiserver.requests(mark) if "/nodes" in request.uri] == []
