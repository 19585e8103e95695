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


def test_three_control_planes_survive_the_first_and_become_one_again(lab):
    machines.declare(*NODES, "k8s-cp2", "k8s-cp3")
    done = machines.orchestrate(lab, "scale_out")
    assert all(one["result"] for one in done.values()), done
    healthy = lab.salt(ADMIN, "k8s_cluster.status")[ADMIN]
    assert healthy["healthy"] and set(healthy["etcd"]) == {"k8s-cp1", "k8s-cp2", "k8s-cp3"}, healthy["reasons"]

    first = container_of("k8s-cp1")
    subprocess.run(["docker", "pause", first], check=True, capture_output=True)
    try:
        usable = lab.salt(ADMIN, "k8s_cluster.usable")[ADMIN]
        assert not usable["waits"] if "waits" in usable else usable
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
