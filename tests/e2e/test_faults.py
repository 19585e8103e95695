"""Faults during a run: rke killed, a node unreachable. No state may be lost."""

from __future__ import annotations

import json
import subprocess
import threading

import pytest
from conftest import ADMIN, NODES, changed, container_of, failed, states_of, until

# a change that makes rke run: it touches the API server's arguments and nothing of the workloads
EDIT = json.dumps({"k8s": {"cluster": {"audit_log": {"keep_days": 31}}}})


def state_files(lab) -> set[str]:
    """The rke state and its backups on the admin."""
    return set(lab.salt(ADMIN, "file.find", "/var/lib/saltk8s", "type=f", "name=*rkestate*")[ADMIN])


def kill_rke() -> bool:
    """Kill ``rke up`` (SIGKILL) on the admin once it has run for some seconds; return whether it was killed."""
    argv = ["docker", "exec", "saltk8s-lab-admin", "pkill", "-9", "--older", "8", "-f", "/rke up "]
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0


def is_ready(lab, name: str) -> bool:
    """Whether Kubernetes says that a node is Ready."""
    conditions = lab.objects("node", name)["status"]["conditions"]
    return {one["type"]: one["status"] for one in conditions}["Ready"] == "True"


@pytest.mark.slow
def test_killed_rke_loses_nothing_and_the_next_run_converges(lab):
    before = state_files(lab)
    answers: dict = {}
    runner = threading.Thread(target=lambda: answers.update(lab.salt(ADMIN, "state.apply", "k8s", f"pillar={EDIT}")))
    runner.start()
    try:
        until(kill_rke, "rke is at work", timeout_s=120, every_s=0.5)
    finally:
        runner.join()
    assert any("rke" in line for line in failed(answers[ADMIN])), answers
    assert state_files(lab) - before, "the rke state was saved before and after the killed run"
    assert "_before-run_etcd.zip" in lab.ssh("k8s-cp1", "ls /opt/rke/etcd-snapshots"), "and etcd before it"
    again = lab.salt(ADMIN, "state.apply", "k8s")[ADMIN]
    assert not failed(again)
    assert not changed(lab.salt(ADMIN, "state.apply", "k8s")[ADMIN])
    assert len(lab.objects("nodes")["items"]) == len(NODES)


@pytest.mark.slow
def test_what_exited_holds_a_change_and_is_started_again(lab):
    """Kubernetes shows its objects as Ready while the scheduler is gone."""
    healthy = lab.salt(ADMIN, "k8s_cluster.status")[ADMIN]
    assert healthy["healthy"], healthy["reasons"]
    members = {name: (one["answers"], one["leader"], one["errors"]) for name, one in healthy["etcd"].items()}
    assert members == {"k8s-cp1": (True, True, [])}
    lab.ssh("k8s-cp1", "docker stop kube-scheduler")
    try:
        status = lab.salt(ADMIN, "k8s_cluster.status")[ADMIN]
        assert not status["healthy"] and "kube-scheduler on k8s-cp1 does not run" in str(status["reasons"])
        preview = lab.salt(ADMIN, "state.apply", "k8s.cluster", "test=True", f"pillar={EDIT}", check=False)[ADMIN]
        assert "the cluster is not healthy, and a change could make it worse" in " ".join(failed(preview))
        again = lab.salt(ADMIN, "state.apply", "k8s.cluster")[ADMIN]
        assert not failed(again) and "kube-scheduler on k8s-cp1 does not run" in str(changed(again))
    finally:
        lab.ssh("k8s-cp1", "docker start kube-scheduler")
    assert lab.salt(ADMIN, "k8s_cluster.status")[ADMIN]["healthy"]


@pytest.mark.slow
def test_an_unreachable_node_is_named_and_stops_nothing_that_does_not_need_it(lab):
    """Tenants stand for what applies objects: their set has no pods, which may lie on the dead node."""
    container = container_of("k8s-w2")
    before = state_files(lab)
    subprocess.run(["docker", "pause", container], check=True, capture_output=True)
    try:
        until(lambda: not is_ready(lab, "k8s-w2"), "Kubernetes has noticed it", timeout_s=120)
        answer = lab.salt(ADMIN, "state.apply", "k8s.tenants", check=False)[ADMIN]
        preview = lab.salt(ADMIN, "state.apply", "k8s.tenants", "test=True", check=False)[ADMIN]
    finally:
        subprocess.run(["docker", "unpause", container], check=True, capture_output=True)
    for told in (answer, preview):
        told_failed = failed(told)
        assert len(told_failed) == 1, told_failed
        assert "k8s-w2" in told_failed[0]
        assert "k8s-w1" not in told_failed[0]
    assert state_files(lab) >= before
    assert {node["metadata"]["name"] for node in lab.objects("nodes")["items"]} == set(NODES)

    until(lambda: is_ready(lab, "k8s-w2"), "k8s-w2 is back", timeout_s=180)
    until(lambda: lab.salt("k8s-w2", "test.ping", timeout_s=20, check=False).get("k8s-w2"), "its minion is back")
    again = lab.salt(ADMIN, "state.apply", "k8s")[ADMIN]
    assert not failed(again), states_of(again)
