"""Runs whose callers end, locks, cordons: real SSH, files, locks, processes; ``rke`` and ``kubectl`` are stand-ins."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import threading
import time

import pytest
from saltk8s.base import errors, processes
from saltk8s.engine import running, state_folder
from tests.support import fake_rke

GENEROUS_S = 60
CHANGE = {"metrics_server": False}


@pytest.fixture
def site(site):
    """A site with a cluster; whatever rke still runs at the test's end is ended."""
    site.engine().up()
    yield site
    go(site, "fail")


def until(condition):
    """Wait for something."""
    end = time.monotonic() + GENEROUS_S
    while not (found := condition()):
        assert time.monotonic() < end, "timed out"
        time.sleep(0.05)
    return found


def lines(site) -> str:
    """What the newest rke printed."""
    return running.last(site.dir / "runs").log.read_text()


def go(site, mode="ok"):
    """Let a waiting rke go on."""
    fake_rke.put(site.fake / "go", mode)


@pytest.fixture
def orphan(site):
    """A function that begins a run, and kills its caller in the middle of it."""

    def begin(mode="wait", number=signal.SIGKILL, **cluster):
        site.mode(mode)
        caller = multiprocessing.get_context("fork").Process(target=site.engine(**(cluster or CHANGE)).up)
        caller.start()
        until(lambda: len(fake_rke.ups(site.fake)) == 2 and "registry" in lines(site))
        os.kill(caller.pid, number)
        caller.join()
        return running.last(site.dir / "runs")

    return begin


def record(site) -> dict:
    return json.loads((site.dir / "last-run.json").read_text())


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_run_whose_caller_was_killed_is_followed_to_its_end(site, orphan, number):
    run = orphan(number=number)
    assert run.alive
    preview = site.engine(**CHANGE).up(test=True)
    assert f"rke still runs, process {run.leader.pid} since" in preview.changes["reasons"][0]
    threading.Timer(1, go, [site]).start()
    followed = site.engine(**CHANGE).up()
    assert list(followed.changes) == ["followed"]
    assert followed.lines[0].endswith("whose caller had ended, succeeded")
    assert "rke: info: Finished building Kubernetes cluster successfully" in site.logged
    assert len(fake_rke.ups(site.fake)) == 2
    assert (record(site)["status"], site.backups()[-1]) == ("done", "after")
    assert site.engine(**CHANGE).up().changes == {}


def test_what_ended_unseen_is_not_repeated(site, orphan):
    run = orphan()
    go(site)
    until(lambda: not run.alive)
    assert site.engine(**CHANGE).up(test=True).lines == ["nothing to do"]
    assert list(site.engine(**CHANGE).up().changes) == ["followed"]
    assert len(fake_rke.ups(site.fake)) == 2
    assert site.engine(**CHANGE).up().changes == {}


def test_how_a_followed_run_failed_is_told_and_the_next_one_goes_on(site, orphan):
    orphan()
    threading.Timer(1, go, [site, "fail"]).start()
    with pytest.raises(errors.CommandError, match="(?s)rke up failed.*Failed to bring up Control Plane"):
        site.engine(**CHANGE).up()
    assert record(site)["status"] == "failed"
    site.mode("ok")
    assert site.engine(**CHANGE).up().ran
    assert site.engine(**CHANGE).up().changes == {}


def test_another_declaration_is_run_after_the_one_that_is_followed(site, orphan):
    orphan()
    threading.Timer(1, go, [site]).start()
    site.mode("ok")
    done = site.engine(**CHANGE, audit_log={"keep_days": 9}).up()
    assert list(done.changes) == ["followed", "options"]
    assert list(done.changes["options"]) == ["services.kube-api.audit_log.configuration.max_age"]
    assert len(fake_rke.ups(site.fake)) == 3


def test_a_time_limit_never_ends_rke_while_a_container_is_stopped(site, monkeypatch):
    # the time counts from there, on a slow machine, too
    age = property(lambda _: 5.0 if "Stopping container" in lines(site) else 0.0)
    monkeypatch.setattr(processes.Process, "age_s", age)
    monkeypatch.setattr(running, "PATIENCE_S", 1)
    site.mode("replace")
    short = CHANGE | {"timeouts": {"up_s": 3, "up_node_s": 0}}
    with pytest.raises(
        errors.CommandTimeout, match=r"(?s)rke up timed out after 3 s.*still runs.*kubelet on 127.0.1.2"
    ):
        site.engine(**short).up()
    assert running.last(site.dir / "runs").alive
    assert record(site)["status"] == "running"
    with pytest.raises(errors.CommandTimeout, match="still runs"):
        site.engine(**short).up()
    monkeypatch.setattr(running, "PATIENCE_S", 60)
    go(site, "hang")
    with pytest.raises(errors.CommandTimeout, match="was ended"):
        site.engine(**short).up()
    assert not running.last(site.dir / "runs").alive
    site.mode("ok")
    assert site.engine(**CHANGE).up().ran


def test_two_runs_at_once_and_who_holds_the_lock(site):
    site.mode("wait")
    runner = threading.Thread(target=site.engine(**CHANGE).up)
    runner.start()
    until(lambda: len(fake_rke.ups(site.fake)) == 2)
    with pytest.raises(errors.Refused, match=rf"k8s_cluster.up, process {os.getpid()} .*`kill {os.getpid()}`"):
        site.engine(**CHANGE).up()
    go(site)
    runner.join()
    with state_folder.lock(site.dir / "lock", "restore of cp1"):
        pass
    holder = subprocess.Popen(["flock", str(site.dir / "lock"), "sleep", "60"])
    try:
        until(lambda: any(one.pid == holder.pid for one in state_folder.processes.holders(site.dir / "lock")))
        with pytest.raises(errors.Refused, match=rf"process {holder.pid} \(flock, .*who took the lock has ended"):
            site.engine(**CHANGE).up()
    finally:
        subprocess.run(["pkill", "-P", str(holder.pid)], check=False)
        holder.wait()
    assert site.engine(**CHANGE).up().changes == {}, "the lock of a process that has ended is taken over"


def test_a_lock_of_an_older_release(site):
    lock = site.dir / "lock"
    lock.write_text("process 1 since 2025-01-01T00-00-00.000000Z\n")
    assert state_folder.owner(lock).alive is False
    assert site.engine().up().changes == {}


def test_rke_by_hand_keeps_us_out(site, tmp_path):
    program = tmp_path / "by-hand" / "rke"
    program.parent.mkdir()
    shutil.copy(shutil.which("sleep"), program)
    by_hand = subprocess.Popen([str(program), "60"], cwd=site.dir)
    try:
        for test in (True, False):
            with pytest.raises(errors.Refused, match=f"rke was started by hand.*process {by_hand.pid}.*`flock"):
                site.engine(**CHANGE).up(test=test)
    finally:
        by_hand.kill()
        by_hand.wait()
    assert len(fake_rke.ups(site.fake)) == 1
    assert site.engine(**CHANGE).up().ran


def cordoned(site) -> list[str]:
    objects = json.loads((site.fake / "objects.json").read_text())["items"]
    return [item["metadata"]["name"] for item in objects if item.get("spec", {}).get("unschedulable")]


def cordon(site, **managers):
    """Cordon nodes. managers: the field manager of each."""

    def change(item):
        manager = managers.get(item["metadata"]["name"])
        entry = {"manager": manager, "operation": "Update", "fieldsV1": {"f:spec": {"f:unschedulable": {}}}}
        if item["kind"] != "Node" or not manager:
            return {}
        return {"metadata": {"managedFields": [entry]}, "spec": {"unschedulable": True}}

    site.healthy(change=change)


@pytest.mark.parametrize("mode", ["ok", "fail"])
def test_a_node_that_an_operator_cordoned_stays_so_and_one_that_rke_left_does_not(site, mode):
    cordon(site, w1="kubectl-cordon", w2="rke")
    site.mode(mode)
    if mode == "ok":
        site.engine(**CHANGE).up()
    else:
        with pytest.raises(errors.CommandError):
            site.engine(**CHANGE).up()
    assert cordoned(site) == ["w1"]
    assert record(site)["cordoned"] == []


def test_cordons_are_there_again_after_a_run_that_nobody_followed(site, orphan):
    cordon(site, w1="kubectl")
    run = orphan()
    go(site)
    until(lambda: not run.alive)
    assert cordoned(site) == []
    site.engine(**CHANGE).up()
    assert cordoned(site) == ["w1"]


def test_a_workload_that_is_not_ready_is_reported_and_runs_nothing(site):
    def down(item):
        return {"status": {"availableReplicas": 0}} if item["metadata"]["name"] == "metrics-server" else {}

    site.healthy(change=down)
    for test in (True, False):
        with pytest.raises(errors.NotReady, match=r"does not mend it; nothing was run:\n  deployment metrics-server"):
            site.engine().up(test=test)
    assert len(fake_rke.ups(site.fake)) == 1
