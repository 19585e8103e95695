"""The life of the cluster's machines, as docs/operations has it: `make e2e-life` runs this, many minutes long."""

from __future__ import annotations

import subprocess

import machines
import pytest
from conftest import ADMIN, NODES, changed, container_of, failed, until

pytestmark = pytest.mark.life


@pytest.fixture(autouse=True)
def lab_as_it_was(lab):
    yield
    machines.as_before(lab)


def ready(lab) -> set[str]:
    """Names of the nodes that are Ready and take pods."""
    return {
        node["metadata"]["name"]
        for node in lab.objects("nodes")["items"]
        if not node["spec"].get("unschedulable")
        and {"type": "Ready", "status": "True"}.items()
        <= next(one for one in node["status"]["conditions"] if one["type"] == "Ready").items()
    }


def test_scale_out_touches_no_other_node(lab):
    before = machines.containers(lab, *NODES)
    machines.declare(*NODES, "k8s-w3")
    plan = machines.orchestrate(lab, "scale_out", "test=True")
    assert "add node k8s-w3 (worker)" in plan["k8s-scale-out-plan"]["comment"]
    assert not [one for one in plan.values() if one["result"] is False], plan
    assert machines.containers(lab, *NODES) == before and "k8s-w3" not in lab.run("salt-key", "-L").stdout

    done = machines.orchestrate(lab, "scale_out")
    assert all(one["result"] for one in done.values()), done
    assert ready(lab) == {*NODES, "k8s-w3"}
    labels = lab.objects("node", "k8s-w3")["metadata"]["labels"]
    assert labels["node-role.kubernetes.io/worker"] == "true"
    assert machines.containers(lab, *NODES) == before

    again = machines.orchestrate(lab, "scale_out")
    assert again["k8s-scale-out-plan"]["comment"] == "nothing to do"
    assert not [name for name, one in again.items() if one["changes"] or not one["result"]]


def test_scale_out_is_refused_for_what_is_more_than_new_nodes(lab):
    machines.declare("k8s-cp1", "k8s-w1", "k8s-w3", leaving=("k8s-w2",))
    states = machines.orchestrate(lab, "scale_out", check=False)
    assert list(states) == ["k8s-scale-out-refused"]
    assert "more than new nodes (k8s-w2)" in states["k8s-scale-out-refused"]["comment"]
    assert "k8s-w3" not in lab.run("salt-key", "-L").stdout


def three_control_planes(lab):
    """Let two more join."""
    machines.declare(*NODES, "k8s-cp2", "k8s-cp3")
    done = machines.orchestrate(lab, "scale_out")
    assert all(one["result"] for one in done.values()), done


def test_three_control_planes_survive_the_first_and_become_one_again(lab):
    three_control_planes(lab)
    healthy = lab.salt(ADMIN, "k8s_cluster.status")[ADMIN]
    assert healthy["healthy"] and set(healthy["etcd"]) == {"k8s-cp1", "k8s-cp2", "k8s-cp3"}, healthy["reasons"]

    server = lab.kubectl("config", "view", "-o", "jsonpath={.clusters[0].cluster.server}")
    first = container_of(next(name for name, address in machines.config.MACHINES.items() if f"//{address}:" in server))
    subprocess.run(["docker", "pause", first], check=True, capture_output=True)
    try:
        assert lab.salt(ADMIN, "k8s_cluster.usable")[ADMIN]["changes"], "the kubeconfig led to the first one"
        until(lambda: lab.kubectl("get", "nodes", check=False), "kubectl works without the first control plane", 60)
        lab.kubectl("create", "configmap", "written-without-the-first")
        lab.kubectl("delete", "configmap", "written-without-the-first")
    finally:
        subprocess.run(["docker", "unpause", first], check=True, capture_output=True)
    until(lambda: lab.salt(ADMIN, "k8s_cluster.status")[ADMIN]["healthy"], "all three are well", 180)

    machines.declare(*NODES, leaving=("k8s-cp2", "k8s-cp3"))
    both = lab.salt(ADMIN, "state.apply", "k8s.cluster", "test=True", check=False)[ADMIN]
    assert "one node after the other" in " ".join(failed(both))
    machines.declare(*NODES, "k8s-cp2", "k8s-cp3")
    machines.take_out(lab, "k8s-cp3", "k8s-cp2")
    assert set(lab.salt(ADMIN, "k8s_cluster.status")[ADMIN]["etcd"]) == {"k8s-cp1"}
    assert not changed(lab.salt(ADMIN, "state.apply", "k8s")[ADMIN])


def test_a_lost_quorum_is_restored_from_a_snapshot(lab):
    """As docs/operations/control-planes.md has it; the lost machines never come back."""
    three_control_planes(lab)
    lab.kubectl("create", "configmap", "written-before")
    lab.salt(ADMIN, "k8s_etcd.save_snapshot", "before-the-loss")
    lab.kubectl("create", "configmap", "written-after")
    lost = ("k8s-cp2", "k8s-cp3")
    for name in lost:
        subprocess.run(["docker", "kill", container_of(name)], check=True, capture_output=True)
    until(lambda: "has no leader" in str(lab.salt(ADMIN, "k8s_cluster.status")[ADMIN]["reasons"]), "the loss is seen")

    machines.restore(lab, "before-the-loss", lost)
    machines.declare(*NODES)
    for name in lost:
        lab.run("salt-cloud", "-y", "-d", name)
    assert not failed(lab.salt(ADMIN, "state.apply", "k8s")[ADMIN])
    assert not changed(lab.salt(ADMIN, "state.apply", "k8s")[ADMIN])
    assert ready(lab) == set(NODES)
    assert lab.kubectl("get", "configmap", "written-before")
    assert not lab.kubectl("get", "configmap", "written-after", "--ignore-not-found")
    lab.kubectl("delete", "configmap", "written-before")
