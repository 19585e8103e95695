"""The orchestration k8s.orch.nodes on a real master, its minion admin and node: up to where it is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from saltk8s.engine import state_folder
from saltk8s.nodes import dockerd
from tests.support import pillars

pytestmark = pytest.mark.skipif(not dockerd.Dockerd(Path).program, reason="no Docker on this machine: nothing waits")


def results(answer):
    """Results of an orchestration's states by id."""
    data = answer.data.get("data", answer.data)
    states = next(iter(data.values()))
    return {state["__id__"]: state for state in states.values()}


def test_the_plan_is_told_and_a_refused_turn_is_the_end(minion_pillar, salt_run_cli, salt_minion, tmp_path):
    name = salt_minion.id
    node = {"roles": ["worker"], "address": "10.20.0.99/24", "shape": "worker"}
    over = {"cluster": {"admin": name, "state_dir": str(tmp_path)}, "nodes": {name: node}}
    minion_pillar({"k8s": pillars.merge(pillars.full(), over)})
    only = f'pillar={{"nodes": ["{name}"]}}'
    with state_folder.lock(tmp_path / state_folder.LOCK, "the tests"):  # no turn can begin, so nothing is done here
        refused = salt_run_cli.run("state.orch", "k8s.orch.nodes", only)
    assert refused.returncode != 0
    done, steps = results(refused), [f"k8s-nodes-{name}-{step}" for step in ("begin", "apply", "reboot", "end")]
    assert list(done) == ["k8s-nodes-plan", *steps]
    assert f"1 of 1 nodes are interrupted, one after the other: {name}" in done["k8s-nodes-plan"]["comment"]
    assert {step: done[step]["result"] for step in steps} == dict.fromkeys(steps, False)
    assert "locked by another run: the tests" in str(done[steps[0]])
    assert all("requisite" in done[step]["comment"] for step in steps[1:])
    silent = salt_run_cli.run("state.orch", "k8s.orch.nodes", 'pillar={"nodes": ["k8s-w1"]}')
    assert silent.returncode != 0 and "k8s-w1: its minion does not answer" in str(silent.data)
