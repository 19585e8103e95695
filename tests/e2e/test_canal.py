"""Pods and nodes: the network policies that the pillar declares."""

from __future__ import annotations

import json

import pytest
from conftest import ADMIN, NODES, changed, failed
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


@pytest.mark.slow
def test_a_changed_mtu_takes_effect(lab, namespace):
    """On the interfaces of new pods, in both directions; a device that another backend left on a node is removed."""
    edit = json.dumps({"k8s": {"cluster": {"network": {"mtu": 1400}}}})
    lab.ssh("k8s-w2", "ip link show flannel-wg >/dev/null 2>&1 || ip link add flannel-wg type bridge")

    def mtu(pod: str) -> str:
        lab.kubectl("-n", namespace, "apply", "-f", "-", stdin=listing(client(pod, "k8s-w2")))
        lab.kubectl("-n", namespace, "wait", "--for=condition=Ready", f"pod/{pod}", "--timeout=120s")
        return lab.kubectl("-n", namespace, "exec", pod, "--", "cat", "/sys/class/net/eth0/mtu").strip()

    try:
        assert not failed(lab.salt(ADMIN, "state.apply", "k8s.cluster", f"pillar={edit}")[ADMIN])
        assert mtu("smaller") == "1400"
        links = lab.ssh("k8s-w2", "ip -brief link")
        assert "flannel.1" in links
        assert "flannel-wg" not in links
        assert not changed(lab.salt(ADMIN, "state.apply", "k8s.cluster", f"pillar={edit}")[ADMIN])
    finally:
        back = lab.salt(ADMIN, "state.apply", "k8s.cluster")[ADMIN]
    assert not failed(back)
    assert mtu("again") == "1450"
