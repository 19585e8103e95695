"""Whether a node has room for an upgrade, by the answer of its ``df``."""

from __future__ import annotations

import pytest
from saltk8s.engine import ssh
from saltk8s.engine.rke.preflight import disk

GIB = 2**20  # in KiB


def probe(*lines):
    return ssh.read_answer(ssh.Probe("w1", "10.0.0.1"), "".join(f"{line}\n" for line in lines), disk.INSPECTION)


def problems(*lines, etcd=0):
    return disk.problems({"w1": probe(*lines)}, etcd)


def line(what, size, used, path):
    return f"disk {what} {size * GIB} {used * GIB} {(size - used) * GIB} {path}"


def test_a_node_with_room():
    assert problems(line("docker", 100, 20, "/data/my docker"), line("etcd", 100, 20, "/var/lib/etcd")) == ([], [])


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (line("docker", 20, 17, "/srv/docker"), "/srv/docker has 3.0 GiB free, and the upgrade needs 4.0"),
        (line("docker", 100, 88, "/srv/docker"), "/srv/docker would be 92% full, and at 90% the kubelet evicts pods"),
        (line("kubelet", 100, 95, "/var/lib/kubelet"), "/var/lib/kubelet would be 95% full"),
        (line("etcd", 10, 8, "/var/lib/etcd"), "/var/lib/etcd has 2.0 GiB free, and the upgrade needs 3.0"),
        (line("snapshots", 10, 6, "/opt/rke"), "/opt/rke has 4.0 GiB free, and the upgrade needs 5.0"),
    ],
)
def test_a_node_without(found, words):
    (bad,), unknown = problems(found, etcd=2 * GIB)
    assert bad.startswith(f"w1: {words}") and unknown == []


@pytest.mark.parametrize("found", ["", "disk docker many few some /x", "disk docker 1 2", "other 1"])
def test_an_answer_that_says_nothing_is_not_enough_room(found):
    assert problems(found) == ([], ["w1: its disks are not known"])


def test_a_node_that_does_not_answer():
    silent = ssh.Probe("w1", "10.0.0.1", "silent", "timed out after 20 s")
    assert disk.problems({"w1": silent}, 0) == ([], ["w1: timed out after 20 s"])
