"""The nodes over SSH: the real ``ssh`` program against real SSH servers; only ``docker`` on them is a stand-in."""

from __future__ import annotations

import hashlib

import pytest
from labkit import versions
from saltk8s.base import errors
from saltk8s.engine import etcd, ssh
from saltk8s.engine.rke.node import CA, ENCRYPTION, ETCD_DATA, INSPECTION, KEYS
from tests.support.ssh_nodes import Nodes, Silent


@pytest.fixture
def nodes(tmp_path):
    """Real SSH servers on loopback."""
    with Nodes(tmp_path) as running:
        yield running


@pytest.fixture
def prober(nodes, tmp_path):
    """Checks them as the deploy user."""
    return ssh.Prober({"user": "rke", "port": nodes.port}, INSPECTION, str(nodes.key), str(tmp_path / "known_hosts"))


def test_a_node_with_docker(nodes, prober, tmp_path):
    address = nodes.start(1, {"kubelet": "Up 3 minutes", "etcd": "Exited (1) 2 minutes ago", "k8s_etcd-x": "Up 1 hour"})
    probe = prober.probe("cp1", address)
    assert (probe.problem, probe.version) == (None, "27.5.1")
    assert probe.containers == {"kubelet": True, "etcd": False, "k8s_etcd-x": True}
    assert probe.traces == ["container etcd", "container kubelet"]
    assert address in (tmp_path / "known_hosts").read_text()


def test_a_blank_node_carries_nothing(nodes, prober):
    assert prober.probe("w1", nodes.start(1)).traces == []


def test_what_identifies_a_cluster_is_read_through_its_containers(nodes, prober):
    """Out of one that runs, or copied out of one that does not; only hashes come back."""
    address, keys = nodes.start(1), {CA: "certificate", ENCRYPTION: "CANARY\n"}
    sums = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in keys.items()}
    for containers in (
        {"kubelet": "Up 3 minutes"},
        {"kubelet": "Restarting (1) 2 seconds ago", "kube-proxy": "Up 3 minutes"},
        {"etcd": "Exited (2) 1 hour ago"},
    ):
        nodes.cluster(1, containers, keys, f"rancher/hyperkube:{versions.HYPERKUBE}")
        probe = prober.probe("cp1", address)
        assert probe.sums == sums, containers
        assert probe.images == dict.fromkeys(containers, f"rancher/hyperkube:{versions.HYPERKUBE}")
        assert probe.traces == [
            f"container {name}" for name in ("etcd", "kubelet", "kube-proxy") if name in containers
        ] + [KEYS]
        assert "CANARY" not in repr(probe)
    nodes.cluster(1, {"kubelet": "Up 3 minutes"}, {CA: "certificate"})
    assert prober.probe("w1", address).sums == {CA: sums[CA]}, "a worker has no key"
    nodes.cluster(1, {"kubelet": "Created"}, {})
    assert prober.probe("w1", address).sums == {}
    nodes.cluster(1, {"k8s_kubelet": "Up 3 minutes"}, keys)
    assert prober.probe("w1", address).sums == {}, "a pod's container is none of rke's"


@pytest.mark.parametrize("first", [etcd.STATUS, etcd.MEMBERS])
def test_an_answer_of_etcd_that_was_cut_off_does_not_run_into_the_other(first, nodes, prober):
    address, words = nodes.start(1, {"etcd": "Up 3 minutes"}), {etcd.STATUS: "status", etcd.MEMBERS: "list"}
    program = nodes.place(1) / "etcdctl"
    program.write_text(f'#!/bin/sh\ncase "$*" in *{words[first]}*) ;; *) sleep 0.3;; esac\nprintf "[half of it"\n')
    program.chmod(0o755)
    assert prober.probe("cp1", address).answers == {name: ["[half of it"] for name in words}


def test_etcds_data_is_a_trace(nodes, prober):
    address = nodes.start(1)
    (nodes.place(1) / "etcd" / "member").mkdir(parents=True)
    assert prober.probe("cp1", address).traces == [ETCD_DATA]
    (nodes.place(1) / "etcd" / "member").rmdir()
    assert prober.probe("cp1", address).traces == [], "rke empties the folder when a member leaves"


def test_a_paused_container_does_not_run():
    output = "runtime 27\ncontainer etcd Up 2 hours (Paused)\nimage etcd r/etcd:v3.5.16\ntrace /etc/kubernetes/ssl\n"
    probe = ssh.read_answer(ssh.Probe("a", "b"), output, INSPECTION)
    assert (probe.containers, probe.images) == ({"etcd": False}, {"etcd": "r/etcd:v3.5.16"})
    assert probe.traces == ["container etcd", "/etc/kubernetes/ssl"]


def test_every_reason_why_a_node_is_unusable_is_told_apart(nodes, prober):
    nodes.start(1)
    nodes.start(2, authorised=False)
    broken = nodes.start(3)
    (nodes.place(3) / "broken").touch()
    silent = nodes.address(5)
    with Silent(silent, nodes.port):
        probes = prober.probe_all(
            {
                "ok": nodes.address(1),
                "locked": nodes.address(2),
                "broken": broken,
                "off": nodes.address(4),
                "mute": silent,
            }
        )
    assert {name: probe.problem for name, probe in probes.items()} == {
        "ok": None,
        "locked": "denied",
        "broken": "runtime",
        "off": "silent",
        "mute": "silent",
    }
    assert "Cannot connect to the Docker daemon" in str(probes["broken"])
    assert "Connection refused" in str(probes["off"])
    assert str(probes["mute"]).startswith(f"mute ({silent}) does not answer on SSH")


def test_another_machine_under_the_same_address_is_refused_until_forgotten(nodes, prober, tmp_path):
    address = nodes.start(1)
    assert prober.probe("w1", address).problem is None
    nodes.stop(address)
    nodes.start(1)
    probe = prober.probe("w1", address)
    assert probe.problem == "key"
    assert "ssh-keygen -R" in str(probe)
    with pytest.raises(errors.Unreachable, match="SSH host key changed"):
        prober.wait({"w1": address}, [], 60)
    prober.forget([address])
    assert prober.probe("w1", address).problem is None


def test_a_check_in_test_mode_writes_nothing_and_still_knows_the_machines(nodes, prober, tmp_path):
    known = tmp_path / "known_hosts"
    address = nodes.start(1)
    reader = ssh.Prober({"user": "rke", "port": nodes.port}, INSPECTION, str(nodes.key), str(known), keep=False)
    assert reader.probe("w1", address).problem is None
    assert not known.exists()
    prober.probe("w1", address)
    before = known.read_bytes()
    nodes.stop(address)
    nodes.start(1)
    assert reader.probe("w1", address).problem == "key"
    assert known.read_bytes() == before


def test_waiting_ends_when_all_are_usable(nodes, prober, monkeypatch):
    monkeypatch.setattr(ssh, "POLL_S", 0.05)
    nodes.start(1)
    (nodes.place(1) / "broken").touch()
    reported = []

    def report(phase, data):
        reported.append((phase, data["nodes"]))
        (nodes.place(1) / "broken").unlink(missing_ok=True)
        nodes.start(2)

    probes = prober.wait({"w1": nodes.address(1), "w2": nodes.address(2)}, [], 60, report)
    assert reported == [("wait", ["w1", "w2"])]
    assert [probe.problem for probe in probes.values()] == [None, None]


def test_a_member_that_is_silent_is_not_waited_for_long(nodes, prober, monkeypatch):
    monkeypatch.setattr(ssh, "POLL_S", 0.05)
    monkeypatch.setattr(ssh, "MEMBER_GRACE_S", 0)
    nodes.start(1)
    addresses = {"w1": nodes.address(1), "w2": nodes.address(2)}
    with pytest.raises(errors.Unreachable) as raised:
        prober.wait(addresses, addresses, 600)
    assert "w2 (127.0.1.2) does not answer on SSH" in str(raised.value)
    assert "w1" not in str(raised.value)


def test_a_node_that_never_comes_is_named(nodes, prober, monkeypatch):
    monkeypatch.setattr(ssh, "POLL_S", 0.05)
    nodes.start(1)
    with pytest.raises(errors.Unreachable, match="new1.*does not answer"):
        prober.wait({"w1": nodes.address(1), "new1": nodes.address(2)}, [], 0.2)
