"""The orchestration k8s.orch.nodes, compiled from what the minions say; their answers are given here."""

from __future__ import annotations

import json

import pytest
from tests.support import orchestrations

NOTHING = {"lines": [], "drain": False, "later": []}
WAITS = {"lines": ["daemon.json log-opts: a -> b"], "drain": False, "later": []}
LATER = {"lines": [], "drain": False, "later": ["reboot: the kernel 2 is installed; not now: its window is sat"]}
REBOOT = {"lines": ["reboot: the kernel 2 is installed"], "drain": True, "later": []}
NODES = ["w1", "w2", "cp1"]


@pytest.fixture
def orchestration(loaders, tmp_path):
    """Compile it: ``orchestration({node: what it says}, open=None, pillar={})``; return its states by id."""
    compiled = orchestrations.compiler(loaders, tmp_path, "k8s.orch.nodes")

    def orchestration(said, begun=None, failed=None, **pillar):
        turns = {"order": NODES, "open": begun and {"node": begun}}
        answers = {
            "k8s_nodes.turns": {"k8s-admin": failed or {"retcode": 0, "ret": turns}},
            "k8s_nodes.pending": {name: {"retcode": 0, "ret": one} for name, one in said.items()},
        }
        return compiled(answers, **pillar)

    return orchestration


def steps(found):
    """The steps after the plan, without their common beginning."""
    return [name.removeprefix("k8s-nodes-") for name in found if name != "k8s-nodes-plan"]


def test_nodes_have_their_turns_one_after_the_other(orchestration):
    found = orchestration({"w1": WAITS, "w2": LATER, "cp1": REBOOT})
    assert steps(found) == [f"{name}-{step}" for name in ("w1", "cp1") for step in ("begin", "apply", "reboot", "end")]
    text = found["k8s-nodes-plan"]["text"]
    assert "2 of 3 nodes are interrupted, one after the other: w1, cp1" in text
    assert "w2: reboot: the kernel 2 is installed; not now: its window is sat" in text
    begins = {name: found[f"k8s-nodes-{name}-begin"] for name in ("w1", "cp1")}
    assert [one["kwarg"] for one in begins.values()] == [{"drain": False}, {"drain": True}]
    assert begins["cp1"]["require"] == [{"salt": "k8s-nodes-w1-end"}]
    assert (begins["w1"]["tgt"], found["k8s-nodes-w1-apply"]["tgt"]) == ("k8s-admin", "w1")
    required = [chunk.get("require") for name, chunk in found.items() if name != "k8s-nodes-plan"]
    assert all(required), "each step needs the one before: the first failure is the last step"
    found = orchestration(dict.fromkeys(NODES, NOTHING), upgrade=True, reboot="never")
    assert steps(found)[:3] == ["w1-begin", "w1-upgrade", "w1-apply"] and len(steps(found)) == 15
    assert found["k8s-nodes-w1-begin"]["kwarg"] == {"drain": True}
    assert found["k8s-nodes-w1-reboot"]["kwarg"] == {"when": "never"}


def test_nothing_waits_and_nothing_is_done(orchestration):
    assert steps(orchestration(dict.fromkeys(NODES, NOTHING))) == []
    begun = orchestration(dict.fromkeys(NODES, NOTHING), begun="w1")
    assert steps(begun) == ["w1-begin", "w1-apply", "w1-reboot", "w1-end"], "a turn that has begun is ended"


def test_what_is_not_known_is_refused(orchestration):
    silent = orchestration({"w1": WAITS, "cp1": WAITS})
    assert [chunk["fun"] for chunk in silent.values()] == ["fail_without_changes"]
    assert "w2: its minion does not answer" in json.dumps(silent)
    broken = orchestration({}, failed={"retcode": 1, "ret": "ERROR: turn.json is damaged"})
    assert "turn.json is damaged" in json.dumps(broken) and len(broken) == 1
    nobody = orchestration({}, admin="")
    assert "k8s:cluster:admin" in json.dumps(nobody) and len(nobody) == 1
