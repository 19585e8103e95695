"""What the platform's own programs may do, and what a node shows to others: the fences that are not a tenant's."""

from __future__ import annotations

import json

import pytest
from conftest import CLIENT, NODES

TRAEFIK = "--as=system:serviceaccount:traefik:traefik"
CONTROL_PLANE = NODES["k8s-cp1"]


def may(lab, who: str, verb: str, what: str, *more: str) -> bool:
    """Whether an account may do it."""
    return lab.kubectl("auth", "can-i", verb, what, who, *more, check=False).strip().endswith("yes")


def test_traefik_reads_secrets_where_it_serves_alone(lab):
    """Not the cluster's state, which has the key of its authority, in a ConfigMap or a Secret of kube-system."""
    assert may(lab, TRAEFIK, "list", "secrets", "-n", "grafana")
    for space in ("kube-system", "velero", "saltk8s-tenants"):
        for kind in ("secrets", "configmaps"):
            for verb in ("get", "list", "watch"):
                assert not may(lab, TRAEFIK, verb, kind, "-n", space), (verb, kind, space)
    assert not may(lab, TRAEFIK, "list", "secrets", "-A")


def test_a_namespace_that_nobody_labelled_is_baseline(lab, namespace):
    """The cluster's default of Pod Security: whoever may make a pod there is not root on a node."""
    labels = lab.objects("namespace", namespace)["metadata"]["labels"]
    assert "pod-security.kubernetes.io/enforce" not in labels
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "root"},
        "spec": {
            "hostPID": True,
            "containers": [{"name": "root", "image": CLIENT, "securityContext": {"privileged": True}}],
            "volumes": [{"name": "node", "hostPath": {"path": "/"}}],
        },
    }
    done = lab.run("kubectl", "-n", namespace, "create", "-f", "-", stdin=json.dumps(pod), check=False)
    assert done.returncode and 'violates PodSecurity "baseline:latest"' in done.stderr, done.stderr


@pytest.mark.parametrize("flag", ["--seccomp-default=true", "--pod-max-pids="])
def test_every_kubelet_bounds_its_pods(lab, flag):
    for node in NODES:
        argv = lab.ssh(node, "docker inspect kubelet --format '{{json .Args}}'")
        assert flag in argv, node


@pytest.mark.parametrize("port", [10257, 10259], ids=["controller manager", "scheduler"])
def test_what_is_the_nodes_own_listens_there_alone(lab, port):
    asked = "curl -sk -m 5 -o /dev/null -w '%{http_code}'"
    assert lab.ssh("k8s-cp1", f"{asked} https://127.0.0.1:{port}/healthz").strip() == "200"
    assert lab.ssh("k8s-w1", f"{asked} https://{CONTROL_PLANE}:{port}/healthz", check=False).strip() == "000"


def test_a_kubelet_shows_a_certificate_of_the_clusters(lab):
    """Whoever asks a kubelet can know that it is one."""
    asked = f"curl -s -m 5 -o /dev/null -w '%{{http_code}}' --cacert /etc/kubernetes/ssl/kube-ca.pem https://{CONTROL_PLANE}:10250/healthz"
    assert lab.ssh("k8s-w1", asked).strip() in ("401", "403"), "verified, and then it asks who we are"


def test_veleros_node_agent_does_not_act_as_velero(lab):
    """Whose account has all rights of the cluster."""
    agent = "--as=system:serviceaccount:velero:node-agent"
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "taken", "namespace": "velero"},
        "spec": {"serviceAccountName": "velero", "containers": [{"name": "box", "image": CLIENT}]},
    }
    done = lab.run("kubectl", agent, "create", "-f", "-", "--dry-run=server", stdin=json.dumps(pod), check=False)
    assert done.returncode and "the node agent starts pods as itself alone" in done.stderr, done.stderr
    assert not may(lab, agent, "create", "restores.velero.io", "-n", "velero")
    assert not may(lab, agent, "patch", "pods", "-n", "velero")
