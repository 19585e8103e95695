"""A node's turn from its beginning to its end: a real API server, the real kubectl, real SSH to the nodes."""

from __future__ import annotations

import pytest
from saltk8s.base import errors
from saltk8s.engine import gate, ssh, state_folder
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.operations.drain import DrainIncomplete, Options
from saltk8s.nodes import turn
from saltk8s.nodes.turn import Turn
from saltk8s.turns import record, turns
from tests.support.kubectl_nodes import budget, node, pod, put, writes  # noqa: F401  a fixture
from tests.support.ssh_nodes import Nodes

OPTIONS = Options(timeout_s=3, grace_s=0)
ROLES = {"turn-cp": ["controlplane", "etcd"], "turn-w1": ["worker"], "turn-w2": ["worker"]}


class Site:
    """A cluster's turns; ``reasons`` is why it is not healthy."""

    def __init__(self, folder, nodes, apiserver, binaries):
        self.nodes, self.folder, self.reasons, self.sent = nodes, folder, [], []
        ips = {name: nodes.start(number) for number, name in enumerate(ROLES, 1)}
        model = {"nodes": {name: {"roles": roles, "ip": ips[name]} for name, roles in ROLES.items()}}
        model["paths"] = {"state_dir": str(folder)}
        self.apiserver = apiserver
        kubectl = Kubectl(str(apiserver.kubeconfig), binary=str(binaries["kubectl"]))
        known = str(folder / state_folder.KNOWN_HOSTS)
        login = {"user": "rke", "port": nodes.port}
        prober = ssh.Prober(login, ssh.Inspection("Docker", "", ()), str(nodes.key), known, False)

        def report(phase, data):
            self.sent.append((phase, data.get("node")))

        self.turns = turns.Turns(model, lambda: {"reasons": self.reasons}, kubectl, prober, report)

    def place(self, name):
        """The folder that is a node's home."""
        return self.nodes.place(list(ROLES).index(name) + 1)

    def granted(self):
        """The nodes that believe that it is their turn."""
        return [name for name in ROLES if turn.read(self.place(name), name)]

    def cordoned(self):
        """The nodes that are cordoned."""
        return [name for name in ROLES if self.apiserver.get("node", name)["spec"].get("unschedulable")]


@pytest.fixture
def site(tmp_path, apiserver, binaries, node, monkeypatch):  # noqa: F811
    """Three nodes, which answer on SSH and are in the cluster."""
    monkeypatch.setattr(turns, "GATE_S", 0)
    for name in ROLES:
        node(name)
    with Nodes(tmp_path) as running:
        folder = tmp_path / "state"
        folder.mkdir()
        yield Site(folder, running, apiserver, binaries)


def test_one_node_has_a_turn_at_a_time(site):
    put(site.apiserver, pod("turna-1", "turn-w1"))
    mark = site.apiserver.mark()
    foretold = site.turns.begin("turn-w1", True, OPTIONS, test=True)
    assert "Pod default/turna-1" in "\n".join(foretold["lines"])
    assert (writes(site.apiserver, mark), site.granted(), site.turns.open) == ([], [], None)
    done = site.turns.begin("turn-w1", True, OPTIONS)
    assert foretold["changes"] == done["changes"] == {"turn-w1": {"old": "no turn", "new": "turn"}}
    assert (site.granted(), site.cordoned()) == (["turn-w1"], ["turn-w1"])
    assert turn.read(site.place("turn-w1"), "turn-w1") == Turn("turn-w1", True)
    for test in (True, False):
        with pytest.raises(errors.Refused, match=r"turn-w1 has its turn since .*k8s_nodes.end turn-w1"):
            site.turns.begin("turn-w2", False, OPTIONS, test=test)
    assert site.turns.order(ROLES) == ["turn-w1", "turn-w2", "turn-cp"]
    assert site.turns.order(["turn-cp"]) == ["turn-w1", "turn-cp"]
    assert site.turns.end("turn-w1", 0, test=True)["changes"] and site.granted() == ["turn-w1"]
    assert site.turns.end("turn-w1", 0)["changes"] == {"turn-w1": {"old": "turn", "new": "no turn"}}
    assert (site.granted(), site.cordoned(), site.turns.open) == ([], [], None)
    assert site.turns.end("turn-w1", 0)["changes"] == {}
    site.turns.begin("turn-w2", False, OPTIONS)
    assert (site.granted(), site.cordoned()) == (["turn-w2"], [])
    assert site.sent == [("begin", "turn-w1"), ("end", "turn-w1"), ("begin", "turn-w2")]


def test_the_gate_is_before_and_after_it(site):
    site.reasons = ["etcd on turn-cp does not answer"]
    for test in (True, False):
        with pytest.raises(errors.NotReady, match="etcd on turn-cp does not answer"):
            site.turns.begin("turn-w1", True, OPTIONS, test=test)
    assert (site.granted(), site.cordoned(), site.turns.open) == ([], [], None)
    site.reasons = []
    site.turns.begin("turn-w1", True, OPTIONS)
    site.reasons = ["node turn-w1 is not Ready: KubeletNotReady"]
    with pytest.raises(errors.NotReady, match="it stays cordoned|stays cordoned"):
        site.turns.end("turn-w1", 0)
    assert site.cordoned() == ["turn-w1"] and site.turns.open.node == "turn-w1"
    with pytest.raises(errors.Refused):
        site.turns.begin("turn-w2", True, OPTIONS)
    site.turns.begin("turn-w1", True, OPTIONS)  # it is gone on with, whatever the cluster is like
    assert site.granted() == ["turn-w1"]
    assert site.turns.end("turn-w1", 0, force=True)["changes"]
    assert site.turns.open is None and site.cordoned() == ["turn-w1"]


def test_a_drain_that_is_blocked_leaves_the_node_as_it_was(site):
    put(site.apiserver, pod("turnb-1", "turn-w1"))
    budget(site.apiserver, "turnb", 0)
    try:
        with pytest.raises(DrainIncomplete, match="turnb"):
            site.turns.begin("turn-w1", True, OPTIONS)
    finally:
        site.apiserver.kubectl("delete", "poddisruptionbudget", "turnb", "--namespace=default")
    assert (site.granted(), site.cordoned(), site.turns.open) == ([], [], None)
    put(site.apiserver, pod("turnc-1", "turn-w2", owner=None))
    with pytest.raises(errors.Refused, match="turnc-1"):
        site.turns.begin("turn-w2", True, OPTIONS)
    assert (site.granted(), site.cordoned(), site.turns.open) == ([], [], None)


def test_a_node_that_somebody_cordoned_stays_so(site):
    site.apiserver.kubectl("cordon", "turn-w1")
    site.turns.begin("turn-w1", True, OPTIONS)
    site.turns.end("turn-w1", 0)
    assert (site.cordoned(), site.turns.open) == (["turn-w1"], None)


def test_it_ends_after_the_reboot_alone(site):
    site.turns.begin("turn-w1", True, OPTIONS)
    (site.place("turn-w1") / "reboot").write_text("")
    with pytest.raises(errors.NotReady, match="turn-w1 has not rebooted yet"):
        site.turns.end("turn-w1", 0)
    site.nodes.stop(site.nodes.address(2))
    with pytest.raises(errors.NotReady, match="turn-w1 does not answer on SSH"):
        site.turns.end("turn-w1", 0)
    (site.place("turn-w1") / "reboot").unlink()  # /run is empty after a boot
    site.nodes.start(2)
    assert site.turns.end("turn-w1", 0)["changes"]


def test_an_interrupted_beginning_is_gone_on_with(site, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(site.turns, "_send", interrupted)
    with pytest.raises(KeyboardInterrupt):
        site.turns.begin("turn-w1", True, OPTIONS)
    monkeypatch.undo()
    assert site.turns.order(ROLES)[0] == "turn-w1" and site.granted() == []
    site.turns.begin("turn-w1", False, OPTIONS)
    assert turn.read(site.place("turn-w1"), "turn-w1") == Turn("turn-w1", True)
    site.turns.end("turn-w1", 0)
    assert site.cordoned() == []


def test_a_run_of_the_engine_and_a_turn_keep_each_other_out(site):
    with state_folder.lock(site.folder / state_folder.LOCK, "k8s_cluster.up"):
        with pytest.raises(errors.Refused, match="locked by another run"):
            site.turns.begin("turn-w1", False, OPTIONS)
    assert site.turns.open is None
    site.turns.begin("turn-w1", False, OPTIONS)
    found = state_folder.read_record(site.folder / state_folder.TURN)
    gate.check_turn(found, False)
    gate.check_turn(None, True)
    with pytest.raises(gate.BeyondRepair, match="k8s_nodes.end turn-w1") as raised:
        gate.check_turn(found, True)
    assert raised.value.details()["nodes"] == ["turn-w1"], "services go on being applied"


def test_nodes_that_there_are_not_and_a_damaged_record(site):
    with pytest.raises(errors.Refused, match="k8s:nodes has no turn-w9"):
        site.turns.begin("turn-w9", True, OPTIONS)
    record.write(site.folder, record.Open("turn-w1", "then", True, False))
    (site.folder / state_folder.TURN).write_text("{")
    with pytest.raises(errors.Refused, match="is damaged"):
        site.turns.begin("turn-w1", True, OPTIONS)
