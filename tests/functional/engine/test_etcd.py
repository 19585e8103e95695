"""etcd's health, asked over real SSH from a real etcd of three members; ``docker`` on the nodes is a stand-in."""

from __future__ import annotations

import time

import pytest
from saltk8s.engine import etcd, ssh
from saltk8s.engine.rke import node
from saltk8s.engine.rke.running import containers
from tests.support.etcd_members import QUOTA, Members
from tests.support.ssh_nodes import Nodes

ROLES = {f"cp{number}": ["controlplane", "etcd"] for number in (1, 2, 3)}
NUMBERS = {name: number for number, name in enumerate(ROLES, 1)}


class Cluster:
    """Three control planes, as an admin sees them."""

    def __init__(self, nodes: Nodes, members: Members, folder):
        self.nodes, self.members = nodes, members
        place = {"user": "rke", "port": nodes.port}
        self._prober = ssh.Prober(place, node.INSPECTION, str(nodes.key), str(folder / "known_hosts"))

    def probes(self):
        """What every node answers now."""
        return self._prober.probe_all({name: self.nodes.address(number) for name, number in NUMBERS.items()})

    def problems(self, roles=None, **more):
        """What is wrong now."""
        return containers.problems(roles or ROLES, self.probes(), **more)

    def stop(self, number, status="Exited (137) 5 minutes ago", restarts=0):
        """End a member, as its node then shows it."""
        self.members.kill(number)
        self.nodes.container(number, "etcd", status, restarts, self.members.log(number).read_text())


@pytest.fixture
def cluster(tmp_path, binaries):
    """A healthy one."""
    with Nodes(tmp_path) as nodes:
        for number in NUMBERS.values():
            nodes.start(number, dict.fromkeys(node.expected(["controlplane", "etcd"]), "Up 2 hours"))
        with Members(tmp_path, binaries, nodes) as members:
            yield Cluster(nodes, members, tmp_path)


def texts(problems):
    return [str(problem) for problem in problems]


def until(condition):
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.5)


def test_healthy_members_say_who_leads_and_how_much_they_store(cluster):
    assert cluster.problems(quota=QUOTA) == []
    found = etcd.table(containers.members(cluster.probes()))
    assert set(found) == set(ROLES) and [one["leader"] for one in found.values()].count(True) == 1
    assert all(one["answers"] and one["size"] >= one["used"] > 0 and not one["errors"] for one in found.values())
    assert {one["version"] for one in found.values()} == {cluster.members.ctl("version").split()[2]}


def test_a_member_that_exited_one_that_hangs_and_a_lost_quorum(cluster):
    cluster.stop(3)
    assert texts(cluster.problems()) == ["etcd on cp3 does not run (Exited (137) 5 minutes ago)"]
    assert cluster.problems({name: ROLES[name] for name in ("cp1", "cp2")}, leaving={"cp3"}) == [], "it goes"
    cluster.members.kill(2)  # its container still says that it runs
    found = texts(cluster.problems())
    assert found[0].startswith("etcd on cp3 does not run")
    assert found[2].startswith("etcd on cp2 does not answer: ") and "context deadline exceeded" in found[2]
    assert "etcd on cp1 gets no answer from too many members: " in found[1] or "etcd on cp1 has no leader" in found[1]
    until(lambda: "etcd on cp1 has no leader: too few members reach each other" in texts(cluster.problems()))
    down = {name: containers.etcd_is_down(probe) for name, probe in cluster.probes().items()}
    assert down == {"cp1": False, "cp2": True, "cp3": True}


def test_a_full_database_and_its_alarm(cluster):
    assert any("GiB; full, it takes no write" in text for text in texts(cluster.problems(quota=1000)))
    for number in range(8):
        cluster.members.ctl("put", f"key-{number}", "x" * 100_000)
    for number in range(30):
        cluster.members.ctl("put", f"more-{number}", "x" * 100_000)
    found = cluster.problems(quota=QUOTA)
    assert found and not any(problem.mends for problem in found)
    assert all(
        "has the alarm NOSPACE: its database is full, and every write is refused" in text for text in texts(found)
    )


def test_a_machine_that_was_rebuilt_under_its_old_name(cluster):
    """Before rke runs again it is blank; afterwards etcd dies there, because rke starts it as a new cluster."""
    cluster.members.kill(3)
    cluster.nodes.containers(3, {})
    for text in texts(found := cluster.problems()):
        assert text.startswith("etcd on cp3 has lost its data") and "In one run take cp3 out of k8s:nodes" in text
    assert len(found) == 1 and not found[0].mends
    cluster.members.start(3, "blank").wait(60)
    assert etcd.BOOTSTRAPPED in cluster.members.log(3).read_text()
    cluster.nodes.containers(3, dict.fromkeys(node.expected(["controlplane", "etcd"]), "Up 2 hours"))
    cluster.nodes.container(3, "etcd", "Restarting (1) 5 seconds ago", 9, cluster.members.log(3).read_text())
    assert texts(cluster.problems()) == texts(found)


def test_when_every_member_lost_its_data_no_empty_cluster_is_started(cluster):
    for number in NUMBERS.values():
        cluster.members.kill(number)
        cluster.nodes.containers(number, {})
    found = cluster.problems()
    assert all("rke would start an empty cluster" in text for text in texts(found)) and len(found) == 3


def test_members_that_never_started_and_those_of_no_node(cluster):
    # etcd refuses another member until all of its own have been connected for some seconds
    until(lambda: cluster.members.ctl("member", "add", "etcd-cp4", "--peer-urls=http://127.0.0.1:1"))
    waits = cluster.problems()
    assert len(waits) == 1 and waits[0].mends
    assert "etcd waits for a member that never started; " in waits[0].text
    number = waits[0].text.rpartition(" ")[2]
    cluster.members.ctl("member", "remove", number)
    assert cluster.problems() == []
    cluster.stop(3)
    left = {name: ROLES[name] for name in ("cp1", "cp2")}  # as after a removal that etcd did not take part in
    found = cluster.problems(left)
    assert len(found) == 1 and "etcd counts etcd-cp3 as a member, which is no node of the cluster" in found[0].text
    cluster.members.ctl("member", "remove", found[0].text.rpartition(" ")[2])
    assert cluster.problems(left) == []
    assert "etcd does not count cp3 as a member: in one run" in " ".join(texts(cluster.problems()))
