"""Nodes that leave: drained before rke takes them out, what blocks that is named, and nothing of them runs on."""

from __future__ import annotations

import json

import pytest
from saltk8s.base import errors
from saltk8s.engine.drains import without
from tests.support import fake_rke

POD = {
    "kind": "Pod",
    "apiVersion": "v1",
    "metadata": {
        "name": "web-0",
        "namespace": "shop",
        "uid": "1",
        "labels": {"app": "web"},
        "ownerReferences": [{"kind": "ReplicaSet", "name": "web", "uid": "2", "controller": True}],
    },
    "spec": {"nodeName": "w2", "containers": []},
    "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
}
BUDGET = {
    "kind": "PodDisruptionBudget",
    "apiVersion": "policy/v1",
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}},
    "status": {"disruptionsAllowed": 0, "currentHealthy": 1, "desiredHealthy": 1, "expectedPods": 1},
}


@pytest.fixture
def site(site):
    """A site with a cluster, from which w2 is to leave."""
    site.engine().up()
    (site.nodes.place(3) / "pods").write_text("0a1b2c3d4e5f\n")
    del site.declared["w2"]
    return site


def on_nodes(site, *items):
    (site.fake / "on_nodes.json").write_text(json.dumps({"kind": "List", "items": list(items)}))


def drains(site):
    return [call.split()[2] for call in fake_rke.calls(site.fake) if call.startswith("kubectl drain")]


def test_it_is_drained_first_and_its_pods_containers_are_removed(site):
    on_nodes(site, POD)
    preview = site.engine(allow_removal=["w2"]).up(test=True)
    assert "drained before the run, as they leave: w2" in preview.lines and not drains(site)
    before = len(fake_rke.ups(site.fake))
    assert site.engine(allow_removal=["w2"]).up().ran
    calls = fake_rke.calls(site.fake)
    order = [call.split()[1] for call in calls if call.startswith(("rke up", "kubectl drain"))]
    assert order == ["up", "drain", "up"] and before == 1 and drains(site) == ["w2"]
    assert (site.nodes.place(3) / "pods").read_text() == ""
    phases = [phase for phase, _ in site.sent if phase in ("drain", "drained", "left")]
    assert phases == ["drain", "drained", "left"]
    assert dict(site.sent)["drained"] == {"node": "w2", "evicted": ["shop/web-0"]}
    assert site.engine(allow_removal=["w2"]).up().changes == {}


def test_what_blocks_the_drain_is_named_and_rke_does_not_run(site):
    on_nodes(site, POD, BUDGET)
    before = len(fake_rke.ups(site.fake))
    with pytest.raises(errors.CommandError, match="w2 is not drained: timed out.*web-0[^$]*shop/web allows 0"):
        site.engine(allow_removal=["w2"]).up()
    assert len(fake_rke.ups(site.fake)) == before
    on_nodes(site, POD)  # the application was scaled: the next run goes on
    assert site.engine(allow_removal=["w2"]).up().ran


def test_a_pod_that_nothing_starts_again_is_refused_before_anything_is_done(site):
    lonely = {**POD, "metadata": {**POD["metadata"], "ownerReferences": []}}
    on_nodes(site, lonely)
    with pytest.raises(errors.Refused, match="w2 is not drained, nothing was done.*\n.*shop/web-0"):
        site.engine(allow_removal=["w2"]).up()
    assert drains(site) == []


def test_a_node_that_is_dead_is_not_drained(site):
    on_nodes(site, POD)
    site.nodes.stop(site.nodes.address(3))
    assert site.engine(allow_removal=["w2"]).up().ran
    assert drains(site) == []


def test_a_run_that_was_interrupted_after_the_drain_goes_on(site):
    on_nodes(site, POD)
    site.mode("fail")
    with pytest.raises(errors.CommandError):
        site.engine(allow_removal=["w2"]).up()
    site.mode("ok")
    assert site.engine(allow_removal=["w2"]).up().ran
    assert (site.nodes.place(3) / "pods").read_text() == ""


def test_what_cannot_be_stopped_there_is_said(site):
    (site.nodes.place(3) / "pods").unlink()
    (site.nodes.place(3) / "pods").mkdir()
    engine = site.engine(allow_removal=["w2"])
    assert engine.up().ran
    assert dict(site.sent)["left"]["node"] == "w2"


def test_one_run_goes_without_a_node_that_is_declared(site):
    engine = site.engine()
    with pytest.raises(errors.Refused, match="no node would have the role worker"):
        without(engine.model, ["w1"])
    engine.model["nodes"]["cp1"]["roles"] = ["controlplane", "etcd", "worker"]
    model = without(engine.model, ["w1"])
    assert set(model["nodes"]) == {"cp1"} and model["cluster"]["allow_removal"] == ["w1"]
    assert "w1" in engine.model["nodes"]
    with pytest.raises(errors.Refused, match="no node would have the role controlplane or etcd"):
        without(engine.model, ["cp1"])
    with pytest.raises(errors.Invalid, match="w9.*expected a node of k8s:nodes"):
        without(engine.model, ["w9"])
