"""Giving a cluster up, and the orchestrations' questions, in a Salt minion: twice, in test mode, and interrupted."""

from __future__ import annotations

import json

import pytest
from salt.exceptions import CommandExecutionError
from saltk8s.base import files
from tests.functional.engine.test_k8s_cluster import NAMES, admin  # noqa: F401
from tests.support import fake_rke, pillars


def declared(admin, **cluster):  # noqa: F811
    """The pillar: two nodes, both of them workers, so that one may leave."""
    pillar = admin.pillar(**cluster)
    pillar["k8s"]["nodes"]["k8s-cp1"]["roles"] = ["controlplane", "etcd", "worker"]
    return pillar


def up(admin):  # noqa: F811
    """A minion with a cluster."""
    minion = admin.loaders(pillar=declared(admin))
    for function in ("k8s_cluster.prepared", "k8s_cluster.up"):
        assert minion.state(function, "the cluster")["result"] is True
    return minion


def without(admin, name, **cluster):  # noqa: F811
    """A minion whose pillar does not declare a node any more."""
    pillar = declared(admin, **cluster)
    del pillar["k8s"]["nodes"][name]
    return admin.loaders(pillar=pillar)


def test_a_cluster_is_given_up_once_and_no_run_builds_it_again(admin):  # noqa: F811
    minion = up(admin)
    before = admin.files()
    refused = minion.state("k8s_cluster.removed", "gone", cluster="tests")
    assert refused["result"] is False and "'tests' is not the name of this cluster, test" in refused["comment"]
    would = minion.state("k8s_cluster.removed", "gone", test=True, cluster="test")
    assert would["result"] is None and would["changes"] == {"cluster": {"old": "test", "new": None}}, would
    assert admin.files() == before
    did = minion.state("k8s_cluster.removed", "gone", cluster="test")
    assert did["result"] is True and did["changes"]["cluster"] == {"old": "test", "new": None}, did
    (kept,) = admin.dir.glob("removed-*")
    names = {"cluster.rkestate", "cluster.yml", "kube_config_cluster.yml", "last-run.json", "cluster.rkestate.whole"}
    assert {path.name for path in kept.iterdir()} == names and kept.stat().st_mode & 0o777 == files.PRIVATE_FOLDER
    ups = len(fake_rke.ups(admin.fake))
    for test in (True, False):
        again = minion.state("k8s_cluster.removed", "gone", test=test, cluster="test")
        assert (again["result"], again["changes"]) == (True, {}), again
        new = minion.state("k8s_cluster.up", "the cluster", test=test)
        assert new["result"] is False and "was removed on" in new["comment"], new
        assert "removed.json, then apply" in new["comment"]
    assert len(fake_rke.ups(admin.fake)) == ups
    assert minion.call("k8s_cluster.remove", "test", test=True)["nodes"] == sorted(NAMES)
    # the nodes are clean: a new cluster under the same name
    for number in range(1, len(NAMES) + 1):
        admin.nodes.containers(number, {})
    (admin.dir / "removed.json").unlink()
    assert minion.state("k8s_cluster.up", "the cluster")["result"] is True


def test_an_interruption_half_way_goes_on(admin):  # noqa: F811
    minion = up(admin)
    (admin.dir / "removed.json").write_text(json.dumps({"cluster": "test", "time": "now", "nodes": ["k8s-w1"]}))
    (admin.dir / "removed-now").mkdir(mode=0o700)
    (admin.dir / "cluster.rkestate").rename(admin.dir / "removed-now" / "cluster.rkestate")
    assert minion.state("k8s_cluster.removed", "gone", cluster="test")["result"] is True
    assert not (admin.dir / "kube_config_cluster.yml").exists() and len(list(admin.dir.glob("removed-*"))) == 1


def test_what_is_left_to_do_follows_from_what_is_there(admin):  # noqa: F811
    minion = up(admin)
    objects = json.loads((admin.fake / "objects.json").read_text())
    objects["items"] = [pillars.merge(one, {"metadata": {"uid": one["metadata"]["name"]}}) for one in objects["items"]]
    (admin.fake / "objects.json").write_text(json.dumps(objects))
    asked = minion.call("k8s_cluster.taking_out", "k8s-w1")
    assert "take it out of k8s:nodes" in asked["refused"]
    asked = minion.call("k8s_cluster.taking_out", "k8s-w1", exchange=True)
    assert "machine=k8s-w1" in asked["refused"], asked
    asked = minion.call("k8s_cluster.taking_out", "k8s-w1", exchange=True, machine="k8s-w1")
    assert asked["todo"] == ["leave", "clean"], asked
    with pytest.raises(CommandExecutionError, match="k8s-w1 is a node of the cluster"):
        minion.call("k8s_cluster.forget", "k8s-w1")

    leaving = without(admin, "k8s-w1", allow_removal=["k8s-w1"])  # what the plan of taking it out asks
    assert leaving.call("k8s_cluster.forget", "k8s-w1", test=True) == {"changes": {}, "lines": ["k8s-w1 leaves first"]}
    left = minion.state("k8s_cluster.without", "exchange", node="k8s-w1")
    assert left["result"] is True and left["changes"]["nodes"] == {"k8s-w1": {"old": ["worker"], "new": None}}, left
    assert minion.state("k8s_cluster.without", "exchange", node="k8s-w1")["changes"] == {}
    asked = minion.call("k8s_cluster.taking_out", "k8s-w1", exchange=True, machine="k8s-w1")
    assert asked["todo"] == ["clean", "join"], asked
    # the kubelet came back, and registered itself again
    gone = without(admin, "k8s-w1", allow_removal=["k8s-w1"])
    assert gone.call("k8s_cluster.taking_out", "k8s-w1")["todo"] == ["clean", "forget"]
    assert gone.state("k8s_cluster.forgotten", "it", test=True, node="k8s-w1")["result"] is None
    assert gone.state("k8s_cluster.forgotten", "it", node="k8s-w1")["changes"]
    assert gone.state("k8s_cluster.forgotten", "it", node="k8s-w1")["changes"] == {}
    assert gone.call("k8s_cluster.taking_out", "k8s-w1")["todo"] == ["clean"]
