"""Pods and nodes: the network policies that the pillar declares."""

from __future__ import annotations

import pytest
from conftest import NODES
from manifests import client, listing

KUBELET, ETCD = "https://172.31.50.22:10250/healthz", "https://172.31.50.11:2379/health"
ASK = ("curl", "-sk", "-m", "3", "-o", "/dev/null", "-w", "%{http_code}")


def test_pods_do_not_reach_the_nodes_own_ports(lab, namespace):
    """Neither across nodes nor on their own; nodes among themselves do."""
    pods = [client("across", "k8s-w1"), client("own", "k8s-w2")]
    lab.kubectl("-n", namespace, "apply", "-f", "-", stdin=listing(*pods))
    lab.kubectl("-n", namespace, "wait", "--for=condition=Ready", "pod/across", "pod/own", "--timeout=120s")
    assert lab.ssh("k8s-w1", " ".join([*ASK, KUBELET]), check=False).strip() == "401", "the kubelet answers"
    for pod, url in (("across", KUBELET), ("own", KUBELET), ("across", ETCD)):
        assert lab.kubectl("-n", namespace, "exec", pod, "--", *ASK, url, check=False).strip() == "000", (pod, url)


@pytest.mark.parametrize("node", sorted(NODES))
def test_felix_shows_its_metrics(lab, node):
    shown = lab.ssh(node, "curl -s -m 5 http://127.0.0.1:9091/metrics")
    assert "felix_active_local_endpoints" in shown
