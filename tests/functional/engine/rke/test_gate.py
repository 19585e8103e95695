"""Runs of the engine on a cluster that is not healthy, the gate before a change, and the snapshot of etcd before it."""

from __future__ import annotations

import json

import pytest
from saltk8s.base import errors
from saltk8s.engine import etcd
from tests.support import fake_rke

CHANGE = {"audit_log": {"keep_days": 90}}
DEAD = "Exited (2) 3 minutes ago"
FATAL = '{"level":"fatal","msg":"discovery failed","error":"member 4eb0 has already been bootstrapped"}\n'


def snapshots(site):
    """The calls that take a snapshot, so far."""
    return [call for call in fake_rke.calls(site.fake) if call.startswith("rke etcd snapshot-save")]


@pytest.mark.parametrize(
    "container", ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet"]
)
def test_what_exited_is_seen_while_kubernetes_objects_are_ready_and_started_again(site, container):
    site.engine().up()
    site.nodes.container(1, container, DEAD, log="I1130 03:00:00 started\nE1130 03:00:01 no space left on device\n")
    status = site.engine().status()
    reason = f"{container} on cp1 does not run ({DEAD}): E1130 03:00:01 no space left on device"
    assert (status["healthy"], status["reasons"]) == (False, [reason])
    assert site.engine().up(test=True).changes == {"reasons": [f"not healthy: {reason}"]}
    assert site.engine().up().ran
    assert site.engine().up().changes == {}
    assert site.engine().status()["healthy"]
    assert snapshots(site) == [], "nothing was changed"


def test_a_change_waits_behind_the_gate_and_a_repair_does_not(site):
    site.engine().up()
    site.nodes.container(2, "kubelet", "Up 4 seconds", restarts=7)
    before = site.files()
    for test in (True, False):
        with pytest.raises(errors.Refused) as refused:
            site.engine(**CHANGE).up(test=test)
        assert "kubelet on w1 restarts in a loop (Up 4 seconds, restarted 7 times by Docker)" in str(refused.value)
        assert "k8s_cluster.up repair=True" in str(refused.value)
    assert refused.value.details()["nodes"] == ["w1"], "services go on"
    assert {k: v for k, v in site.files().items() if k != "lock"} == {k: v for k, v in before.items() if k != "lock"}
    assert "audit_log" in str(site.engine(**CHANGE).plan(repair=True).changes())
    (site.fake / "snapshot").write_text("etcd is not running on host")
    outcome = site.engine(**CHANGE).up(repair=True)
    assert outcome.ran and any(
        "no snapshot of etcd before the run (exit status 1): etcd is not running" in line for line in outcome.lines
    )
    assert site.engine(**CHANGE).up().changes == {}


def test_a_snapshot_before_what_touches_etcd_or_a_control_plane(site):
    site.engine().up()
    assert snapshots(site) == [], "a first build has nothing to save"
    site.declared["w1"]["labels"] = {"zone": "a"}
    assert site.engine().up().ran
    assert snapshots(site) == [], "a label"
    (site.fake / "snapshot").write_text("[etcd] Failed to take snapshot on all etcd hosts: no space left on device")
    ups = fake_rke.ups(site.fake)
    with pytest.raises(errors.CommandError, match="(?s)nothing was changed.*no space left on device"):
        site.engine(**CHANGE).up()
    assert fake_rke.ups(site.fake) == ups and site.engine().status()["last_run"]["status"] == "done"
    (site.fake / "snapshot").write_text("[etcd] Failed to upload etcd snapshot file to s3 on all etcd hosts")
    outcome = site.engine(**CHANGE).up()
    note = next(line for line in outcome.lines if line.startswith("snapshot of etcd before the run: "))
    assert note.endswith("_before-run_etcd.zip on the etcd nodes, but it could not be copied to the bucket")
    assert site.engine().status()["last_run"]["snapshot"] == note
    assert all(call.endswith("_before-run_etcd") for call in snapshots(site)) and len(snapshots(site)) == 2
    assert any("[etcd] Failed to upload" in line for line in site.logged)


def test_an_unfinished_run_goes_on_and_another_change_does_not(site):
    site.engine().up()
    site.mode("fail")
    with pytest.raises(errors.CommandError):
        site.engine(**CHANGE).up()
    assert len(snapshots(site)) == 1
    site.mode("ok")
    site.nodes.container(1, "kube-apiserver", DEAD)
    with pytest.raises(errors.Refused, match="kube-apiserver on cp1 does not run"):
        site.engine(metrics_server=False).up()
    assert site.engine(**CHANGE).up().ran
    assert len(snapshots(site)) == 1, "the one from its beginning"
    assert site.engine(**CHANGE).up().changes == {}


def test_a_dead_node_leaves_although_pods_were_on_it(site):
    site.engine().up()
    del site.declared["w2"]
    site.nodes.stop(site.nodes.address(3))
    left = {"status": {"desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberAvailable": 2}}
    site.healthy(change=lambda item: left if item["kind"] == "DaemonSet" else {})
    assert "canal" in str(site.engine().status()["reasons"])
    preview = site.engine(allow_removal=["w2"]).up(test=True)
    assert preview.changes["nodes"] == {"w2": {"old": ["worker"], "new": None}}
    site.nodes.container(1, "kube-scheduler", DEAD)
    with pytest.raises(errors.Refused, match="kube-scheduler on cp1 does not run"):
        site.engine(allow_removal=["w2"]).up(test=True)


def test_after_a_run_that_ended_well_the_nodes_are_asked(site):
    site.engine().up()
    (site.nodes.place(1) / "restarts").write_text("restarts /etcd 5\n")
    lines = (site.nodes.place(1) / "containers").read_text()
    (site.fake / "after").write_text(lines.replace("etcd Up 1 minute", "etcd Restarting (1) 2 seconds ago"))
    with pytest.raises(errors.NotReady, match=r"rke up succeeded, but .*\n.*etcd on cp1 does not run"):
        site.engine(**CHANGE, timeouts={"ready_s": 0}).up()


@pytest.mark.parametrize("test", [True, False])
def test_a_rebuilt_member_of_etcd_is_never_started_as_a_new_cluster(site, test):
    for name in ("w1", "w2"):
        site.declared[name]["roles"] = ["controlplane", "etcd"]
    site.engine().up()
    site.nodes.container(3, "etcd", "Restarting (1) 5 seconds ago", 9, FATAL)
    with pytest.raises(errors.NotReady) as failed:
        site.engine().up(test=test)
    assert "etcd on w2 has lost its data (a new disk, a rebuilt machine?)" in str(failed.value)
    assert etcd.BOOTSTRAPPED in str(failed.value) and "take w2 out of k8s:nodes" in str(failed.value)
    assert failed.value.details()["nodes"] == ["w2"], "services go on"
    assert len(fake_rke.ups(site.fake)) == 1


def test_the_only_member_lost_its_data(site):
    site.engine().up()
    site.nodes.containers(1, {})
    (site.fake / "objects.json").unlink()  # the API server is gone, too
    with pytest.raises(errors.Refused, match="rke would start an empty cluster under the same keys"):
        site.engine().up()
    assert len(fake_rke.ups(site.fake)) == 1


def test_a_record_of_an_older_release_is_read(site):
    site.engine().up()
    record = json.loads((site.dir / "last-run.json").read_text())
    (site.dir / "last-run.json").write_text(json.dumps(record | {"status": "failed"}))
    assert "did not finish" in str(site.engine(**CHANGE).up(test=True).changes["reasons"])
    site.nodes.container(1, "kube-scheduler", DEAD)
    with pytest.raises(errors.Refused):
        site.engine(**CHANGE).up()
    assert site.engine().up().ran, "back to what it was"
