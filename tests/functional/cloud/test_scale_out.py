"""The orchestration k8s.orch.scale_out, compiled from what the minions say; their answers are given here."""

from __future__ import annotations

import json

import pytest
from labkit import versions
from tests.support import orchestrations

MODEL = {
    "cluster": {"name": "osug"},
    "cloud": {"minion": "master"},
    "nodes": {"cp1.osug.example": {}, "w1.osug.example": {}, "w2.osug.example": {}},
}
WORKER = {"nodes": {"w2.osug.example": {"old": None, "new": ["worker"]}}}
NAMES = list(MODEL["nodes"])


@pytest.fixture
def compiled(loaders, tmp_path):
    """Compile it: ``compiled(changes of the plan)``; return its states by id."""
    compiler = orchestrations.compiler(loaders, tmp_path, "k8s.orch.scale_out")

    def compiled(changes, test=False, refused=None, model=MODEL, admin="k8s-admin", pinged=NAMES[:2]):
        plan = refused or {"retcode": 0, "ret": {"changes": changes, "lines": ["add node w2"]}}
        answers = {
            "k8s_config.get": {"k8s-admin": {"retcode": 0, "ret": model}},
            "k8s_cluster.plan": {"k8s-admin": plan},
            "test.ping": {name: {"retcode": 0, "ret": True} for name in pinged},
        }
        found = compiler(answers, test, admin=admin)
        return {name.removeprefix("k8s-scale-out-"): chunk for name, chunk in found.items()}

    return compiled


def targets(found):
    return {name: chunk["tgt"] for name, chunk in found.items() if chunk["fun"] == "state"}


def test_only_new_nodes_get_docker(compiled):
    found = compiled(WORKER)
    assert list(found) == ["plan", "machines", "os", "docker", "cluster", "done"]
    assert targets(found) == {"machines": ["master"], "os": NAMES, "docker": NAMES[2:], "cluster": ["k8s-admin"]}
    assert all(found[name]["failhard"] for name in targets(found)), "the first failure is the last step"
    assert found["done"]["arg"] == ["saltk8s/osug/scale-out/done"]
    assert found["done"]["kwarg"] == {"data": {"nodes": NAMES[2:]}}


def test_test_mode_goes_without_machines_that_are_not_there(compiled):
    assert targets(compiled(WORKER, test=True)) == {"machines": ["master"], "os": NAMES[:2], "cluster": ["k8s-admin"]}
    assert targets(compiled(WORKER, test=True, pinged=NAMES))["docker"] == NAMES[2:]


def test_nothing_to_do_touches_no_docker_and_says_nothing(compiled):
    assert list(compiled({})) == ["plan", "machines", "os", "cluster"]
    assert list(compiled({"reasons": ["not healthy"]})) == ["plan", "machines", "os", "cluster"]
    assert list(compiled({}, model=MODEL | {"cloud": None})) == ["plan", "os", "cluster"]


@pytest.mark.parametrize(
    "changes",
    [
        {"nodes": {"w1.osug.example": {"old": ["worker"], "new": None}} | WORKER["nodes"]},
        {"nodes": {"w1.osug.example": {"old": ["worker"], "new": ["worker", "etcd"]}}},
        WORKER | {"options": {"nodes.w1.osug.example.labels": {"old": None, "new": {"a": "b"}}}},
        WORKER | {"version": {"old": "v1.31.10-rancher1-1", "new": versions.CLUSTER}},
        {"cluster": {"old": None, "new": "3 nodes"}} | WORKER,
    ],
)
def test_more_than_new_nodes_is_refused(compiled, changes):
    found = compiled(changes)
    assert list(found) == ["refused"] and "the pillar changes more than new nodes" in found["refused"]["name"]


def test_what_is_not_known_is_refused(compiled):
    for words, more in {
        "refused, nothing was run: w2 belongs": {
            "refused": {"retcode": 1, "ret": "refused, nothing was run: w2 belongs"}
        },
        "k8s-admin does not answer": {"refused": {"ret": False}},
        "has no k8s:cluster:admin": {"admin": ""},
    }.items():
        found = compiled(WORKER, **more)
        assert list(found) == ["refused"] and words in json.dumps(found)
