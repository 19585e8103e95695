"""When a run of rke has to ask for the cluster's health, by what it prints."""

from __future__ import annotations

import pytest
from saltk8s.engine import gate
from saltk8s.engine.plan import Plan
from saltk8s.engine.rke import cluster_yml
from saltk8s.engine.rke.running.turns import Turns

DONE = "[worker] Successfully updated [kubelet] container on host [10.0.0.21]"


def printed(*messages, together=1, found=()):
    """Before which lines the health was asked, when each answer is ``found``."""
    asked = []
    turns = Turns(together, lambda: list(found))
    for message in messages:
        turns.take(message)
        if turns.due:
            turns.is_closed()
            asked.append(message)
    return asked, turns


def worker(number):
    return f"[workerplane] Processing host w{number}"


def test_a_run_that_changes_nothing_is_never_asked():
    lines = ["Processing controlplane host cp1", "Processing controlplane host cp2", worker(1), worker(2)]
    assert printed(*lines)[0] == []


def test_after_each_control_plane_and_each_worker():
    lines = [
        "Processing controlplane host cp1",
        DONE,
        "Processing controlplane host cp2",
        DONE,
        worker(1),
        DONE,
        worker(2),
    ]
    assert printed(*lines)[0] == lines[2::2]


@pytest.mark.parametrize("together", [1, 2, 3])
def test_after_as_many_workers_as_go_at_once(together):
    begun = [line for number in range(7) for line in (worker(number), DONE)]
    assert printed(DONE, *begun, together=together)[0] == [worker(number) for number in range(0, 7, together)]


def test_after_each_member_of_etcd_at_once():
    lines = [f"[etcd] Successfully updated [etcd] container on host [10.0.0.1{n}]" for n in (1, 2, 3)]
    assert printed(*lines)[0] == lines
    assert printed(DONE, "[etcd] Successfully started [rke-log-linker] container on host [10.0.0.11]")[0] == []


def test_what_is_said_when_it_stays_ill():
    _, turns = printed(DONE, worker(3), found=[f"node w{n} is not Ready" for n in range(7)])
    assert turns.closed.startswith(
        "rke up was ended before w3, because the cluster is not healthy after what was done: "
    )
    assert "node w4 is not Ready and 2 more. Mend that, and apply again: it goes on there" in turns.closed
    assert not turns.due


CHANGE = {"old": "a", "new": "b"}


@pytest.mark.parametrize(
    ("plan", "asks"),
    [
        (Plan(version=CHANGE, turns=3), True),
        (Plan(options={"x": CHANGE}, turns=2), True),
        (Plan(options={"x": CHANGE}, turns=1), False),
        (Plan(create=True, turns=5), False),
        (Plan(version=CHANGE, turns=3, added={"w9": ["worker"]}), False),
        (Plan(turns=3, removed={"w9": ["worker"]}), False),
        (Plan(turns=3, reroled={"w9": CHANGE}), False),
    ],
)
def test_which_runs_ask(plan, asks):
    assert gate.between(plan) is asks


@pytest.mark.parametrize("workers", [1, 2, 9, 10, 11, 99, 700])
@pytest.mark.parametrize(
    ("wanted", "number"),
    [
        ("1", lambda workers: 1),
        ("2", lambda workers: 2),
        ("99", lambda workers: 50),
        ("10%", lambda workers: min(max(1, workers // 10), 50)),
        ("50%", lambda workers: min(max(1, workers // 2), 50)),
        ("100%", lambda workers: min(workers, 50)),
        (None, lambda workers: min(max(1, workers // 10), 50)),
    ],
)
def test_how_many_workers_go_at_once_is_rkes_own_arithmetic(workers, wanted, number):
    nodes = [{"role": ["controlplane", "etcd"]}, *({"role": ["worker"]} for _ in range(workers))]
    config = {"nodes": nodes, "upgrade_strategy": {"max_unavailable_worker": wanted}}
    assert cluster_yml.together(config) == number(workers)
