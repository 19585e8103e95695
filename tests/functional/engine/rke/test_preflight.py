"""Before the version of Kubernetes changes: what would stop the upgrade is found while nothing is changed yet."""

from __future__ import annotations

import json

import pytest
from labkit import versions
from saltk8s.base import errors
from tests.support import fake_rke, pillars
from tests.support import rke as sample

OLD = "v1.31.10-rancher1-1"
FLOW = "flowcontrol.apiserver.k8s.io"
REQUESTED = (
    f'apiserver_requested_deprecated_apis{{group="{FLOW}",removed_release="1.32",resource="flowschemas",subresource="",'
    'version="v1beta3"} 1\n'
)
QUESTIONS = ("/metrics", "jsonpath={.items}", "PodDisruptionBudget")
LITTLE = "/dev/sda1 104857600 103809024 1048576 99% /\n"


def asked(site, since=0):
    """The questions of the checks among the calls since some number of calls."""
    return [call for call in fake_rke.calls(site.fake)[since:] if any(words in call for words in QUESTIONS)]


def refused(engine):
    """What both modes refuse."""
    with pytest.raises(errors.Refused) as planned:
        engine.up(test=True)
    with pytest.raises(errors.Refused) as run:
        engine.up()
    assert str(planned.value) == str(run.value)
    return str(run.value)


@pytest.fixture
def old(site):
    """A cluster of the version before."""
    site.engine(version=OLD).up()
    return site


def test_an_upgrade_that_nothing_stands_against(old):
    found = old.engine().preflight()
    assert (found["ok"], found["old"], found["new"]) == (True, OLD, versions.CLUSTER)
    assert {name: one["state"] for name, one in found["checks"].items()} == dict.fromkeys(
        ("version", "health", "snapshot", "services", "deprecated APIs", "etcd", "disk space", "images", "drains"), "ok"
    )
    assert found["lines"][0] == f"Kubernetes {OLD} -> {versions.CLUSTER}"
    before = old.files()
    assert old.engine().up(test=True).changes["version"] == {"old": OLD, "new": versions.CLUSTER}
    assert old.files() == before
    assert old.engine().up().ran


def test_any_other_run_asks_nothing(old):
    calls = len(fake_rke.calls(old.fake))
    for test in (True, False):
        assert old.engine(version=OLD).up(test=test).changes == {}
    assert old.engine(version=OLD).preflight() == {
        "old": OLD,
        "new": OLD,
        "ok": True,
        "checks": {},
        "lines": [f"Kubernetes {OLD} -> {OLD}: nothing changes"],
    }
    old.engine(version=OLD, audit_log={"keep_days": 90}).up()
    assert asked(old, calls) == []


def test_an_api_that_goes_and_was_requested(old):
    (old.fake / "metrics").write_text(REQUESTED)
    ups = fake_rke.ups(old.fake)
    text = refused(old.engine())
    assert f"deprecated APIs: flowschemas of {FLOW}/v1beta3, which 1.32 does not serve, was requested" in text
    assert fake_rke.ups(old.fake) == ups
    accepted = old.engine(upgrade={"accept_removed": [f"{FLOW}/v1beta3"]})
    assert accepted.preflight()["ok"]
    (old.fake / "metrics").unlink()  # nobody does any more, and the API server was restarted
    assert old.engine().up().ran


def test_a_repair_goes_on_and_says_so(old):
    (old.fake / "metrics").write_text(REQUESTED)
    plan = old.engine().plan(repair=True)
    assert any(line.startswith("blocked  deprecated APIs: flowschemas") for line in plan.notes)
    assert old.engine().up(repair=True).ran


def test_a_set_of_ours_and_somebody_elses_object(old):
    entries = [{"manager": one, "apiVersion": f"{FLOW}/v1beta3"} for one in ("saltk8s", "kubectl-create")]
    meta = {"name": "site", "managedFields": entries}
    found = {"apiVersion": f"{FLOW}/v1", "kind": "FlowSchema", "metadata": meta}
    (old.fake / "managed.json").write_text(json.dumps([found]))
    check = old.engine().preflight()["checks"]["deprecated APIs"]
    assert check["state"] == "blocked"
    assert check["lines"][0] == f"a set of ours has FlowSchema site as {FLOW}/v1beta3: change its manifest and apply"
    assert check["lines"][-1] == f"kubectl-create once wrote objects as {FLOW}/v1beta3"


def test_no_room_on_a_node(old):
    (old.nodes.place(2) / "df").write_text(LITTLE)
    text = refused(old.engine())
    assert "disk space: w1: " in text and "1.0 GiB free, and the upgrade needs 4.0" in text
    assert "w2" not in text and "cp1" not in text


def test_a_budget_that_allows_no_eviction(old):
    pod = {"kind": "Pod", "metadata": {"name": "web-1", "namespace": "shop", "labels": {"app": "web"}}}
    pod["metadata"]["uid"] = "web-1"
    pod |= {"spec": {"nodeName": "w1"}, "status": {"phase": "Running"}}
    pod["status"]["conditions"] = [{"type": "Ready", "status": "True"}]
    pod["metadata"]["ownerReferences"] = [{"kind": "ReplicaSet", "name": "web", "controller": True}]
    budget = {"kind": "PodDisruptionBudget", "metadata": {"name": "tight", "namespace": "shop", "generation": 1}}
    budget["spec"] = {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}
    budget["status"] = {"observedGeneration": 1, "currentHealthy": 1, "desiredHealthy": 1, "disruptionsAllowed": 0}
    objects = [*sample.healthy_objects(list(old.declared)), pod, budget]
    (old.fake / "objects.json").write_text(json.dumps({"kind": "List", "items": objects}))
    assert "drains: PodDisruptionBudget shop/tight allows no eviction now" in refused(old.engine())
    assert old.engine(version=OLD, audit_log={"keep_days": 90}).up().ran, "another change is not stopped by it"


def test_a_service_that_does_not_go_with_the_new_version(old):
    vsphere = {"enabled": True, "version": "v3.3.1", "cpi_version": "v1.30.0"}
    old.over = pillars.merge(old.over, {"services": {"vsphere": vsphere}})
    check = old.engine().preflight()["checks"]["services"]
    assert check["state"] == "blocked"
    assert check["lines"] == [
        "k8s:services:vsphere:cpi_version v1.30.0 does not go with both Kubernetes 1.31 and Kubernetes 1.32; first "
        "apply v1.31, which does"
    ]


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ("v1.30.14-rancher1-1", "this rke does not offer"),
        ("v1.33.2-rancher1-1", "this rke does not offer"),
    ],
)
def test_a_version_that_cannot_follow(old, wanted, words):
    found = old.engine().preflight(wanted)
    assert not found["ok"] and words in found["checks"]["version"]["lines"][0]


def test_there_is_no_cluster_yet(site):
    with pytest.raises(errors.Refused, match="there is no cluster yet"):
        site.engine().preflight()


def test_an_unfinished_upgrade_goes_on_without_being_asked_again(old):
    old.mode("fail")
    with pytest.raises(errors.CommandError):
        old.engine().up()
    old.mode("ok")
    (old.fake / "metrics").write_text(REQUESTED)
    assert old.engine().up().ran
