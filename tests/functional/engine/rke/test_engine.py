"""Whole runs of the engine: real SSH, real files and locks; ``rke`` and ``kubectl`` are stand-ins at the edge.

Only a stand-in can succeed here, or leave an unhealthy cluster, without a real one; the real rke is in
test_program.py, and a real cluster in the end-to-end tests.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time

import pytest
from labkit import versions
from saltk8s.base import errors
from saltk8s.engine import health, state_folder
from saltk8s.engine.rke import engine as rke_engine
from tests.support import fake_rke
from tests.support import rke as sample
from tests.support.site import NODES


def test_test_mode_before_the_cluster_plans_and_writes_nothing(site):
    loaded = site.engine()
    before = site.files()
    outcome = loaded.up(test=True)
    assert outcome.lines[0] == "build a cluster of 3 nodes"
    assert outcome.changes["nodes"]["w1"] == {"old": None, "new": ["worker"]}
    assert not outcome.ran
    assert site.files() == before
    assert fake_rke.ups(site.fake) == []


def test_test_mode_before_the_nodes_are_ready_is_no_error(site):
    site.nodes.stop(site.nodes.address(2))
    (site.nodes.place(3) / "broken").touch()
    outcome = site.engine().up(test=True)
    assert outcome.lines[0] == "build a cluster of 3 nodes"
    assert "not ready yet: w1, w2" in outcome.lines


def test_the_first_run_the_second_and_what_is_left(site):
    first = site.engine().up()
    assert first.ran
    assert set(first.changes) == {"cluster", "version", "nodes"}
    assert site.backups() == ["after"]
    before, ups = site.files(), fake_rke.ups(site.fake)
    second = site.engine().up()
    assert (second.changes, second.ran) == ({}, False)
    assert site.engine().up(test=True).changes == {}
    assert fake_rke.ups(site.fake) == ups == [f"rke up --config {site.dir}/cluster.yml"]
    assert {k: v for k, v in site.files().items() if k != "lock"} == {k: v for k, v in before.items() if k != "lock"}
    for path in site.dir.rglob("*"):
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path
    status = site.engine().status()
    assert (status["exists"], status["healthy"], status["version"]) == (True, True, versions.CLUSTER)
    assert status["last_run"]["status"] == "done"
    assert set(status["nodes"]) == set(NODES)


def test_rkes_lines_stream_to_the_log_and_as_events(site):
    site.engine().up()
    assert "rke: info: [etcd] Building up etcd plane.." in site.logged
    phases = [phase for phase, _ in site.sent]
    assert phases[0] == "start"
    assert phases[-1] == "done"
    assert [phase for phase in phases if phase in ("certificates", "etcd", "worker")] == [
        "certificates",
        "etcd",
        "worker",
    ]


def test_a_changed_option_runs_rke_once(site):
    site.engine().up()
    changed = {"audit_log": {"keep_days": 90}}
    preview = site.engine(**changed).up(test=True)
    assert len(fake_rke.ups(site.fake)) == 1
    done = site.engine(**changed).up()
    assert done.changes == preview.changes
    assert done.changes["options"] == {"services.kube-api.audit_log.configuration.max_age": {"old": 30, "new": 90}}
    assert site.backups() == ["after", "after"], "what was before is the copy of the first run"
    assert site.engine(**changed).up().changes == {}


def test_the_record_holds_no_secret_and_a_new_one_is_a_change(site):
    site.over = {"registry": {"url": "registry.osug.example", "username": "k8s", "password": "CANARY-ONE"}}
    site.engine().up()
    assert "CANARY" not in (site.dir / "last-run.json").read_text()
    assert site.engine().up().changes == {}
    site.over["registry"]["password"] = "CANARY-TWO"
    preview = site.engine().up(test=True).changes
    assert list(preview["options"]) == ["private_registries"] and "CANARY" not in str(preview)
    assert site.engine().up().ran
    assert site.engine().up().changes == {}


def test_any_docker_is_passed_as_the_flag_that_rke_heeds(site):
    site.engine(accept_any_docker=True).up()
    assert fake_rke.ups(site.fake)[0].endswith("--ignore-docker-version")


def test_a_failed_run_is_explained_keeps_the_state_and_the_next_one_converges(site):
    site.mode("fail")
    with pytest.raises(errors.CommandError) as failed:
        site.engine().up()
    assert failed.value.exit_status == 1
    assert "Failed to bring up Control Plane" in str(failed.value)
    assert "Failed to set up SSH tunneling" in str(failed.value)
    assert site.backups() == ["failed"]
    assert site.sent[-1][0] == "failed"
    site.mode("ok")
    assert "an earlier run made the keys" in " ".join(site.engine().up(test=True).lines)
    assert site.engine().up().ran
    assert site.engine().up().changes == {}


def test_rke_killed_in_the_middle_of_a_change(site):
    site.engine().up()
    site.mode("hang")
    outcome = {}

    def run():
        try:
            site.engine(metrics_server=False).up()
        except errors.SaltK8sError as err:
            outcome["error"] = err

    (site.fake / "pid").unlink()
    runner = threading.Thread(target=run)
    runner.start()
    deadline = time.monotonic() + 30
    while not (site.fake / "pid").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    with pytest.raises(errors.Refused, match="the cluster is locked by another run"):
        site.engine().up()
    os.kill(int((site.fake / "pid").read_text()), signal.SIGKILL)
    runner.join(30)
    assert "was killed (signal 9); apply again" in str(outcome["error"])
    assert site.backups() == ["after", "failed"]
    site.mode("ok")
    # even the old declaration runs again: nobody knows how far the killed run came
    assert "did not finish" in str(site.engine().up(test=True).changes["reasons"])
    assert site.engine().up().ran
    assert site.engine().up().changes == {}


def test_a_killed_minion_leaves_an_unfinished_run(site):
    site.engine().up()
    record = json.loads((site.dir / "last-run.json").read_text())
    state_folder.write_record(site.dir / "last-run.json", {**record, "status": "running"})
    assert "did not finish" in str(site.engine().up(test=True).changes["reasons"])
    assert site.engine().up().ran


def test_a_successful_run_with_an_unhealthy_cluster_is_an_error(site):
    def crash(item):
        return {"status": {"numberAvailable": 1}} if item["kind"] == "DaemonSet" else {}

    site.healthy(change=crash)
    (site.fake / "pods.json").write_text(json.dumps({"kind": "List", "items": sample.case("pods")}))
    (site.fake / "log").write_text("felix: no such interface ens192\n")
    with pytest.raises(errors.NotReady) as raised:
        site.engine(timeouts={"ready_s": 0}).up()
    text = str(raised.value)
    for words in (
        "canal: 1 of 3 pods",
        "Pod kube-system/coredns-1 is not Ready: ContainersNotReady",
        "container coredns: CrashLoopBackOff: back-off 5m0s restarting, 7 restarts",
        "container felix: not ready, 0 restarts",
        "log felix: no such interface ens192",
        "Pod kube-system/metrics-1 is not Ready",
        "PodScheduled=False (Unschedulable): 0/2 nodes",
    ):
        assert words in text
    assert "job-1" not in text, "it is complete"
    assert not any(f"container {name}" in text for name in ("side", "install")), "they are healthy"
    assert "logs coredns-1 --namespace kube-system --container coredns --tail=10 --previous" in "\n".join(
        fake_rke.calls(site.fake)
    ), "the container that runs now has no log yet"
    site.healthy()
    assert site.engine().up() == ({}, ["nothing to do"], False), "rke itself succeeded: there is nothing to repeat"


def test_an_unhealthy_cluster_is_run_again_although_nothing_changed(site):
    site.engine().up()
    site.healthy(names=["cp1", "w1"])
    preview = site.engine().up(test=True)
    assert preview.changes == {"reasons": ["not healthy: node w2 is not in the cluster"]}
    with pytest.raises(errors.NotReady, match="node w2 is not in the cluster"):
        site.engine(timeouts={"ready_s": 0}).up()
    assert len(fake_rke.ups(site.fake)) == 2
    site.healthy()
    assert not site.engine().up().ran


def test_a_cluster_that_recovers_by_itself_is_left_alone(site, monkeypatch):
    site.engine().up()
    monkeypatch.setattr(rke_engine, "GRACE_S", 30)
    (site.fake / "objects.json").unlink()
    loaded = site.engine()
    real, found = health.problems, []

    def problems(*args):
        found.append(real(*args))
        site.healthy()
        return found[-1]

    monkeypatch.setattr(health, "problems", problems)
    assert loaded.up().changes == {}
    assert "does not answer" in found[0][0]
    assert len(fake_rke.ups(site.fake)) == 1


def test_a_silent_member_is_an_error_that_names_it_in_both_modes(site):
    site.engine().up()
    before = site.files()
    site.nodes.stop(site.nodes.address(3))
    for test in (True, False):
        with pytest.raises(errors.Unreachable) as raised:
            site.engine(audit_log={"keep_days": 5}).up(test=test)
        assert "w2 (127.0.1.3)" in str(raised.value)
        assert "w1" not in str(raised.value)
    assert len(fake_rke.ups(site.fake)) == 1
    assert {k: v for k, v in site.files().items() if k != "lock"} == {k: v for k, v in before.items() if k != "lock"}


def test_a_removed_worker_needs_its_name_and_may_be_dead(site):
    site.engine().up()
    del site.declared["w2"]
    site.nodes.stop(site.nodes.address(3))
    with pytest.raises(errors.Refused, match="list w2 in k8s:cluster:allow_removal"):
        site.engine().up()
    site.healthy()
    preview = site.engine(allow_removal=["w2"]).up(test=True)
    assert "w2 does not answer: it leaves the cluster, but is not cleaned" in preview.lines
    assert site.engine(allow_removal=["w2"]).up().changes["nodes"] == {"w2": {"old": ["worker"], "new": None}}
    assert "127.0.1.3" not in (site.dir / "known_hosts").read_text()
    assert site.engine(allow_removal=["w2"]).up().changes == {}


def test_an_etcd_member_does_not_go_while_another_one_is_stopped(site):
    for name in ("w1", "w2"):
        site.declared[name]["roles"] = ["controlplane", "etcd"]
    site.engine().up()
    del site.declared["w2"]
    site.healthy()
    site.nodes.container(2, "etcd", "Exited (2) 1 minute ago")
    for test in (True, False):
        with pytest.raises(errors.Refused, match="would run on 1 of 2 members. First start it on w1"):
            site.engine(allow_removal=["w2"]).up(test=test)
    site.nodes.container(2, "etcd", "Up About a minute")
    assert site.engine(allow_removal=["w2"]).up().ran


def test_a_member_whose_machine_was_made_anew_is_exchanged_in_two_runs(site):
    site.declared["cp1"]["roles"] = ["controlplane", "etcd", "worker"]
    for name in ("w1", "w2"):
        site.declared[name]["roles"] = ["controlplane", "etcd", "worker"]
    site.engine().up()
    site.nodes.containers(3, {})
    for test in (True, False):
        with pytest.raises(
            errors.Refused, match="(?s)w2 is a member of etcd, but its machine.*take w2 out of k8s:nodes"
        ):
            site.engine(metrics_server=False).up(test=test)
    node = site.declared.pop("w2")
    site.healthy()
    assert site.engine(allow_removal=["w2"]).up().ran
    site.declared["w2"] = node
    site.healthy()
    assert site.engine().up().changes["nodes"] == {"w2": {"old": None, "new": node["roles"]}}
    assert site.engine().up().changes == {}


def test_a_cluster_whose_data_is_gone_is_not_begun_anew(site):
    site.engine().up()
    site.nodes.containers(1, {})
    for test in (True, False):
        with pytest.raises(errors.Refused, match="on cp1 any more.*Restore an etcd snapshot"):
            site.engine().up(test=test)
    assert len(fake_rke.ups(site.fake)) == 1


def test_what_is_fixed_is_refused_in_both_modes_without_asking_a_node(site):
    site.engine().up()
    site.nodes.stop(site.nodes.address(2))
    for test in (True, False):
        with pytest.raises(errors.Refused, match="Set it to 10.42.0.0/16 again"):
            site.engine(network={"pod_cidr": "10.60.0.0/16"}).up(test=test)
    assert len(fake_rke.ups(site.fake)) == 1


@pytest.mark.parametrize("version", ["v1.4.18", "v1.5.9"])
def test_an_rke_with_the_advisory_never_runs(site, version):
    (site.fake / "version").write_text(version)
    for test in (True, False):
        with pytest.raises(errors.Refused, match="CVE-2023-32191"):
            site.engine().up(test=test)
    assert fake_rke.ups(site.fake) == []


def test_a_version_that_this_rke_does_not_offer(site):
    for test in (True, False):
        with pytest.raises(errors.Refused, match="does not offer Kubernetes v1.29.0-rancher1-1"):
            site.engine(version="v1.29.0-rancher1-1").up(test=test)
    site.engine().up()
    with pytest.raises(errors.Refused, match="cannot go back"):
        site.engine(version="v1.31.10-rancher1-1").up()
    assert len(fake_rke.ups(site.fake)) == 1


def failed_upgrade(site):
    """Let the upgrade to the newest version fail; return the version before it."""
    old = "v1.31.10-rancher1-1"
    site.engine(version=old).up()
    site.mode("fail")
    with pytest.raises(errors.CommandError):
        site.engine().up()
    return old


def test_an_upgrade_that_failed_is_not_taken_back_by_a_revert(site):
    old = failed_upgrade(site)
    site.nodes.containers(1, {"etcd": "Up 2 hours"})  # killed between the old API server's end and the new one's start
    record = json.loads((site.dir / "last-run.json").read_text())
    assert (record["status"], record["attempted"]) == ("failed", versions.CLUSTER)
    site.mode("ok")
    for test in (True, False):
        with pytest.raises(errors.Refused, match=f"set k8s:cluster:version to {versions.CLUSTER} and apply"):
            site.engine(version=old).up(test=test)
    assert len(fake_rke.ups(site.fake)) == 2
    assert site.engine().up().ran
    assert "attempted" not in json.loads((site.dir / "last-run.json").read_text())
    assert site.engine().up().changes == {}


def test_an_upgrade_that_reached_no_node_may_be_taken_back(site):
    old = failed_upgrade(site)
    site.mode("ok")
    assert site.engine(version=old).up().ran
    assert site.engine(version=old).up().changes == {}


def test_no_secret_is_logged_sent_returned_or_readable_by_others(site):
    site.over = {"registry": {"url": "r.example", "username": "k8s", "password": "CANARY-REGISTRY"}}
    outcome = site.engine().up()
    key = site.nodes.key.read_text().splitlines()[1]
    shown = json.dumps([outcome, site.logged, site.sent, site.engine().status(), site.engine().render()], default=str)
    for secret in ("CANARY", key):
        assert secret not in shown
        assert secret not in "\n".join(fake_rke.calls(site.fake))
    assert "rke: debug: registry password <redacted>" in site.logged
    site.over["registry"]["password"] = "CANARY-OTHER"
    again = site.engine().up()
    assert "private_registries" in again.changes["options"]
    assert "CANARY" not in json.dumps(again)
    assert "CANARY-OTHER" in (site.dir / "cluster.yml").read_text()


def test_without_a_key_nothing_is_run(site):
    loaded = site.engine()
    (site.dir / "ssh_key").unlink()
    with pytest.raises(errors.Refused, match="there is no SSH key"):
        loaded.up()
    assert loaded.up(test=True).lines[0] == "build a cluster of 3 nodes"


def test_preparing_is_idempotent_and_shows_no_secret(site):
    loaded = site.engine()
    key = site.dir / "ssh_key"
    assert loaded.prepare() == {}
    key.chmod(0o644)
    assert loaded.prepare(test=True) == {str(key): "SSH key"}
    assert key.stat().st_mode & 0o777 == 0o644
    assert loaded.prepare() == {str(key): "SSH key"}
    assert key.stat().st_mode & 0o777 == 0o600
    site.dir.chmod(0o755)
    assert loaded.prepare() == {str(site.dir): "folder for root only"}
    assert loaded.prepare() == {}


def test_programs_that_are_missing_are_named(site):
    (site.bin / "rke").unlink()
    assert site.engine().up(test=True).lines[0] == "build a cluster of 3 nodes"
    with pytest.raises(errors.MissingProgram, match="bin/rke"):
        site.engine().up()
