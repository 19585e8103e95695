"""The orchestration k8s.orch.resize, compiled from what the minions say; their answers are given here."""

from __future__ import annotations

import json

import pytest
from saltk8s.cloud import sizes
from tests.support import orchestrations
from tests.unit.cloud.test_sizes import FACTS, SHAPE

NODES = ["k8s-w1", "k8s-w2", "k8s-cp1"]
MODEL = {"cloud": {"minion": "k8s-master"}, "cluster": {"name": "osug"}}


def plan(name, shape=None, turn=False, **facts):
    """What k8s_cloud.resize_plan says of a node."""
    return sizes.plan(name, SHAPE | (shape or {}), FACTS._replace(**facts), turn).as_dict()


@pytest.fixture
def orchestration(loaders, tmp_path):
    """Compile it: ``orchestration(plan, ..., test=False, said={function: answer})``; return its states by id."""
    compiled = orchestrations.compiler(loaders, tmp_path, "k8s.orch.resize")

    def orchestration(*plans, test=False, said=None, **pillar):
        answers = {
            "k8s_config.get": MODEL,
            "k8s_cloud.resize_plan": {"nodes": {one["node"]: one for one in plans}},
            "k8s_nodes.turns": {"order": NODES, "open": None},
            "k8s_nodes.begin": {"changes": {}, "lines": ["Pod default/web: present -> None"]},
        }
        told = {name: {"retcode": 0, "ret": ret} for name, ret in answers.items()} | (said or {})
        minions = (orchestrations.ADMIN, MODEL["cloud"]["minion"])
        return compiled({name: dict.fromkeys(minions, one) for name, one in told.items() if one}, test, **pillar)

    return orchestration


def steps(found):
    """The steps after the plan, without their common beginning."""
    return [name.removeprefix("k8s-resize-") for name in found if name != "k8s-resize-plan"]


HOT = plan("k8s-w2", {"cpus": 16, "disk_gib": 150})
COLD = plan("k8s-w1", {"cpus": 4})
TURN = ["begin", "size", "end", "done"]


def test_what_runs_on_comes_first_and_each_other_has_its_turn(orchestration):
    found = orchestration(COLD, HOT, plan("k8s-cp1", {"memory_gib": 16}))
    assert steps(found) == ["k8s-w2", *(f"{name}-{step}" for name in ("k8s-w1", "k8s-cp1") for step in TURN)]
    assert found["k8s-resize-k8s-w2"]["tgt"] == found["k8s-resize-k8s-w1-size"]["tgt"] == "k8s-master"
    assert found["k8s-resize-k8s-w1-begin"]["tgt"] == found["k8s-resize-k8s-w1-end"]["tgt"] == "k8s-admin"
    assert "kwarg" not in found["k8s-resize-k8s-w2"], "what should run on must never be turned off"
    assert [found[f"k8s-resize-k8s-w1-{step}"]["kwarg"] for step in ("size", "done")] == [
        {"off": True, "keep": True},
        {"off": True},
    ]
    names = list(found)
    required = [next(iter(found[name]["require"][0].values())) for name in names[1:]]
    assert required == names[:-1], "each step needs the one before: the first failure is the last step"
    text = found["k8s-resize-plan"]["text"]
    assert "k8s-w1: CPUs 8 -> 4, needs the VM off: CPUs are taken from no running VM" in text
    assert "k8s-w2: partition and file system of disk 1 are grown in the guest" in text
    assert "k8s-w2: its kubelet counts what was added once it is restarted" in text


def test_an_interrupted_one_goes_first_and_is_drained_again_only_when_it_runs(orchestration):
    off = plan("k8s-cp1", turn=True, power=sizes.OFF)
    assert steps(orchestration(COLD, off))[:4] == [*(f"k8s-cp1-{step}" for step in TURN[1:]), "k8s-w1-begin"]
    assert steps(orchestration(plan("k8s-cp1", turn=True)))[0] == "k8s-cp1-begin", "it may take pods again by now"


def test_the_plan_has_what_a_drain_meets(orchestration):
    assert "its turn: Pod default/web" in orchestration(COLD, test=True)["k8s-resize-plan"]["text"]
    shut = {"k8s_nodes.begin": {"retcode": 1, "ret": "ERROR: the cluster is not healthy"}}
    text = orchestration(COLD, test=True, said=shut)["k8s-resize-plan"]["text"]
    assert "its turn: ERROR: the cluster is not healthy" in text
    assert "its turn" not in orchestration(HOT, test=True)["k8s-resize-plan"]["text"]


def test_nothing_to_do_is_said(orchestration):
    found = orchestration()
    assert steps(found) == [] and found["k8s-resize-plan"]["text"] == "every VM has the size of its shape"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"k8s_config.get": {"retcode": 0, "ret": {"cloud": None}}}, "no k8s:cloud"),
        ({"k8s_config.get": None}, "k8s-admin does not answer"),
        ({"k8s_cloud.resize_plan": {"retcode": 1, "ret": "ERROR: the vCenter does not answer"}}, "vCenter does not"),
        ({"k8s_nodes.turns": {"retcode": 1, "ret": "ERROR: turn.json is damaged"}}, "turn.json is damaged"),
    ],
)
def test_what_is_not_known_is_refused(orchestration, said, why):
    found = orchestration(COLD, said=said)
    assert [chunk["fun"] for chunk in found.values()] == ["fail_without_changes"]
    assert why in json.dumps(found)


def test_one_refusal_stops_all_of_it(orchestration):
    found = orchestration(HOT, COLD, plan("k8s-cp1", {"disk_gib": 50}))
    assert len(found) == 1 and "k8s-cp1: refused: disk 1 100 -> 50 GiB: a disk cannot shrink" in json.dumps(found)
    nobody = orchestration(HOT, admin="")
    assert len(nobody) == 1 and "k8s:cluster:admin" in json.dumps(nobody)
