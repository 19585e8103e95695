"""The plan against rke's own code: for each pair of pillars, the same nodes, containers, add-ons and certificates."""

from __future__ import annotations

import functools
import json

import pytest
from saltk8s.engine.rke import rkestate
from saltk8s.engine.rke.planning import changes
from saltk8s.engine.rke.program import Program
from tests.support import rke_plan, rke_state

PAIRS = rke_plan.pairs()
ADDONS = {"network": "network", "dns": "DNS", "metrics": "metrics-server"}


@pytest.fixture(scope="module")
def of_rke(binaries, tmp_path_factory):
    """What rke would change, for every pair."""
    return rke_plan.of_rke(binaries["rke-plan"], tmp_path_factory.mktemp("plans"), PAIRS)


@pytest.fixture(scope="module")
def images(binaries):
    """The images of a version, as the real rke lists them."""
    return functools.cache(Program(str(binaries["rke"])).images)


def planned(pair, images):
    """Our plan for a pair, over a state and a record as a finished run leaves them."""
    old = rke_plan.configuration(pair.before)
    observed = rkestate.parse(json.dumps(rke_state.rkestate(old)))
    last = {"status": "done", "config": old, "digest": observed["digest"], "rke": "v1.8.5", "joined": pair.joined}
    return changes.plan_of(rke_plan.configuration(pair.after), observed, last, "v1.8.5", images)


def test_there_are_enough_pairs():
    assert len(PAIRS) >= 60


@pytest.mark.parametrize("name", PAIRS)
def test_the_plan_is_what_rke_does(name, of_rke, images):
    pair, found = PAIRS[name], of_rke[name]
    plan = planned(pair, images)
    running = {node for node in pair.before["nodes"] if node in pair.after["nodes"]}
    touched = {node: plan.touched[node] for node in running if node in plan.touched}
    assert {node for node, one in touched.items() if one.drained} == {
        node for node, one in found["nodes"].items() if one["drained"]
    }
    recreated = {node: one["recreated"] for node, one in found["nodes"].items() if one["recreated"]}
    assert {node: one.recreated for node, one in touched.items() if one.recreated} == recreated
    assert set(plan.addons) == {ADDONS[addon] for addon in found["addons"]}
    assert sorted(plan.certificates) == found["certificates"]


@pytest.mark.parametrize("name", PAIRS)
def test_the_plan_says_whose_pods_are_restarted(name, of_rke, images):
    words = planned(PAIRS[name], images).addons
    for addon, objects in of_rke[name]["addons"].items():
        replaced = any(one.startswith(("DaemonSet/", "Deployment/")) for one in objects)
        said = words[ADDONS[addon]]
        # a changed configuration alone restarts nothing of rke's: the network's pods are restarted by us
        assert replaced == ("restarted" in said or "delet" in said or "is deployed" in said) or addon == "network"
