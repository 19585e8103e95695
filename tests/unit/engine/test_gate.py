"""What passes the gate before a run, and which runs take a snapshot first."""

from __future__ import annotations

import pytest
from saltk8s.base import errors
from saltk8s.engine import gate
from saltk8s.engine.etcd import Problem
from saltk8s.engine.plan import Plan, Touched

CONTROL, WORKER = ["controlplane", "etcd"], ["worker"]
DOWN = Problem("etcd on cp2 does not run (Exited (1) 1 minute ago)")
ALARM = Problem("etcd on cp2 has the alarm NOSPACE", mends=False)


def test_a_change_needs_a_healthy_cluster():
    gate.check(True, [])
    with pytest.raises(errors.Refused) as refused:
        gate.check(True, [DOWN, *[Problem(f"node w{n} is not Ready") for n in range(20)]])
    text = str(refused.value)
    assert "etcd on cp2 does not run" in text and "and 11 more" in text
    assert "k8s_cluster.up repair=True" in text


def test_without_a_change_the_engine_runs_for_what_it_mends_alone():
    gate.check(False, [DOWN])
    with pytest.raises(errors.NotReady, match="does not mend it; nothing was run:\n  etcd on cp2 has the alarm"):
        gate.check(False, [DOWN, ALARM])


@pytest.mark.parametrize(
    ("plan", "changes", "snapshot"),
    [
        (Plan(), False, False),
        (Plan(create=True, added={"cp1": CONTROL}), False, False),
        (Plan(reasons=["the run of t did not finish"]), False, False),
        (Plan(version={"old": "a", "new": "b"}), True, True),
        (Plan(added={"w3": WORKER}), True, False),
        (Plan(removed={"w3": WORKER}), True, False),
        (Plan(added={"cp2": CONTROL}), True, True),
        (Plan(removed={"cp3": ["etcd"]}), True, True),
        (Plan(reroled={"w1": {"old": WORKER, "new": ["etcd", "worker"]}}), True, True),
        (Plan(moved={"w1": {"old": "a", "new": "b"}}), True, True),
        (Plan(options={"nodes.a.b.labels": {"old": {}, "new": {"a": "b"}}}), True, False),
        (Plan(options={"nodes.cp1.internal_address": {"old": "a", "new": "b"}}), True, True),
        (Plan(options={"services.kubelet.extra_args.v": {"old": None, "new": "4"}}), True, False),
        (Plan(options={"services.etcd.backup_config.retention": {"old": 1, "new": 2}}), True, False),
        (Plan(options={"services.etcd.extra_args.v": {"old": 1, "new": 2}}), True, True),
        (Plan(added={"w3": WORKER}, touched={"cp1": Touched(recreated=["etcd"])}), True, True),
        (Plan(added={"w3": WORKER}, touched={"cp1": Touched(drained=True, recreated=["kubelet"])}), True, False),
        (Plan(options={"rke": {"old": "v1.8.4", "new": "v1.8.5"}}), True, True),
    ],
)
def test_which_runs_change_a_cluster_and_which_take_a_snapshot_first(plan, changes, snapshot):
    assert (gate.changes(plan), gate.wants_snapshot(plan, ["services.etcd.backup_config"])) == (changes, snapshot)


def test_a_workload_that_is_not_ready_is_no_reason_to_run():
    unready = Problem("deployment metrics-server: 0 of 1 pods are ready", follows=True)
    gate.check(False, [unready])  # a run that goes on anyway
    gate.check(False, [unready, DOWN], idle=True)  # the pods may wait for what the engine starts
    with pytest.raises(errors.NotReady, match="does not mend it; nothing was run:\n  deployment metrics-server"):
        gate.check(False, [unready], idle=True)
    gate.check(False, [], idle=True)
