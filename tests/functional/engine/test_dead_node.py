"""A node that is unreachable: the cluster's state names it and fails, and what applies objects goes on."""

from __future__ import annotations

import json
import time

import pytest
from saltk8s.engine import ssh
from tests.functional.engine.test_k8s_cluster import NAMES, admin  # noqa: F401
from tests.support import fake_rke
from tests.support import rke as sample

NOT_HERE = [{"id": "k8s-cluster-kubectl-for-root"}]  # it writes to /etc
OBJECTS = """include: [k8s.cluster]
objects-applied:
  test.succeed_with_changes:
    - require: [{k8s_cluster: k8s-cluster-usable}]
"""


class Site:
    """An admin with the cluster's formula, and a state that requires what the services' states require."""

    def __init__(self, admin, folder):  # noqa: F811
        self.admin, self.roots = admin, folder
        folder.mkdir()
        (folder / "objects.sls").write_text(OBJECTS)

    def apply(self, test=False, **cluster):
        """Apply both; return the results by state id, and the states."""
        minion = self.admin.loaders(pillar=self.admin.pillar(**cluster), file_roots=[self.roots])
        states = minion.apply("objects", test=test, exclude=NOT_HERE)
        names = ("k8s-cluster-up", "k8s-cluster-usable", "objects-applied")
        assert [name for name in states if name in names] == [*names], "in this order"
        return [states[name]["result"] for name in names], states

    def not_ready(self):
        """Kubernetes has noticed that the worker is gone."""
        objects = sample.healthy_objects(list(NAMES))
        lost = {"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown", "message": "Kubelet stopped"}
        objects[1]["status"]["conditions"] = [lost]
        (self.admin.fake / "objects.json").write_text(json.dumps({"kind": "List", "items": objects}))


@pytest.fixture
def site(admin, tmp_path):  # noqa: F811
    """A cluster that is up."""
    made = Site(admin, tmp_path / "more")
    results, states = made.apply(test=True)
    assert results == [None, None, None], states
    results, states = made.apply()
    assert results == [True, True, True], states
    return made


def test_what_applies_objects_goes_on_and_the_node_is_named(site, monkeypatch):
    monkeypatch.setattr(ssh, "MEMBER_GRACE_S", 300)
    site.admin.nodes.stop(site.admin.nodes.address(2))
    site.not_ready()
    for test in (True, False):
        site.admin.sent.clear()
        start = time.monotonic()
        results, states = site.apply(test=test)
        assert results == [False, True, None if test else True], states
        assert time.monotonic() - start < 60, "Kubernetes says itself that it is gone: it is not waited for"
        up, usable = states["k8s-cluster-up"], states["k8s-cluster-usable"]
        first, second = up["comment"].splitlines()
        assert first.startswith("node k8s-w1 cannot be used")
        assert first.endswith("; nothing was run and nothing removed:")
        assert second.startswith("k8s-w1 (127.0.1.2) does not answer on SSH")
        assert second.endswith("for Kubernetes it is not Ready: NodeStatusUnknown: Kubelet stopped")
        assert up["warnings"] == ["the cluster is without k8s-w1"]
        assert usable["comment"] == "the API server answers\nwithout k8s-w1"
        assert (up["changes"], usable["changes"]) == ({}, {})
    tag, data = site.admin.sent[-1]
    assert (tag, data["nodes"], data["waiting"]) == ("saltk8s/test/rke/unusable", ["k8s-w1"], [])
    assert len(fake_rke.ups(site.admin.fake)) == 1


def test_a_change_of_the_cluster_waits_for_the_node_and_is_named(site):
    site.admin.nodes.stop(site.admin.nodes.address(2))
    for test in (True, False):
        results, states = site.apply(test=test, metrics_server=False)
        assert results == [False, True, None if test else True], states
        waits = states["k8s-cluster-up"]["comment"].partition("what waits until then:\n")[2]
        assert "  set monitoring.provider: metrics-server -> none" in waits.splitlines()
    assert len(fake_rke.ups(site.admin.fake)) == 1


def test_nothing_is_applied_without_an_api_server(site):
    site.admin.nodes.stop(site.admin.nodes.address(2))
    (site.admin.fake / "objects.json").unlink()
    for test in (True, False):
        results, states = site.apply(test=test)
        assert results == [False, False, False], states
        assert "the API server does not answer" in states["k8s-cluster-usable"]["comment"]


@pytest.mark.parametrize("file, content", [("offered", "v1.31.10-rancher1-1"), ("mode", "fail")])
def test_a_refusal_and_a_failure_of_rke_stop_what_applies_objects(site, file, content):
    (site.admin.fake / file).write_text(content)
    results, states = site.apply(metrics_server=False)
    assert results == [False, False, False], states
    assert states["k8s-cluster-usable"]["comment"].startswith("k8s_cluster.up failed in this run")
