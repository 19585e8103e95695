"""The orchestrations as a master renders them: what they ask and refuse, and which steps they take, in what order."""

from __future__ import annotations

import pytest
import salt.client
from tests.support.salt import ADMIN

NODE = "k8s-w2"
LEAVE = {"refused": "", "todo": ["leave", "clean", "forget"], "lines": ["it leaves"]}


class Client:
    """Stands for the master's client: what the admin says, and which minions answer."""

    def __init__(self, said, there):
        self.said, self.there, self.asked = said, there, []

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        pass

    def cmd_iter(self, tgt, fun, arg=(), kwarg=None, **_):
        self.asked.append((fun, *(arg or ()), kwarg))
        for minion in tgt:
            if minion in self.there:
                yield {
                    minion: {"ret": True if fun == "test.ping" else self.said, "retcode": isinstance(self.said, str)}
                }


@pytest.fixture
def orchestrated(loaders, monkeypatch):
    """Render an orchestration; return its steps in order, ``id: (target, formulas)``, and what was asked."""

    def render(name, said, there=(ADMIN, NODE), **given):
        client = Client(said, there)
        monkeypatch.setattr(salt.client, "get_local_client", lambda *_, **__: client)
        low = loaders(minion_id="master", pillar={"admin": ADMIN, **given}).low(f"k8s.orch.{name}")
        chunks = sorted(low, key=lambda chunk: chunk["order"])
        steps = {one["__id__"]: (one["tgt"], one["sls"]) if one["state"] == "salt" else one["name"] for one in chunks}
        required = {one["__id__"]: [*(list(name.values())[0] for name in one.get("require", ()))] for one in chunks}
        return steps, required, client.asked

    return render


def test_a_node_is_taken_out_step_by_step(orchestrated):
    steps, required, asked = orchestrated("take_out", LEAVE, node=NODE)
    assert asked[0] == ("k8s_cluster.taking_out", NODE, {})
    assert steps == {
        "take-out-steps": "it leaves",
        "take-out-leaves": (ADMIN, "k8s.cluster"),
        "take-out-cleaned": (NODE, "k8s.os.cleaned"),
        "take-out-forgotten": (ADMIN, "k8s.cluster.forgotten"),
    }
    assert required["take-out-cleaned"] == ["take-out-leaves"], "nothing is cleaned before it has left"
    assert required["take-out-forgotten"] == ["take-out-leaves", "take-out-cleaned"]


def test_its_vm_is_destroyed_last_and_only_when_its_name_was_typed(orchestrated):
    said = {**LEAVE, "cloud": "master"}
    steps, required, _ = orchestrated("take_out", said, node=NODE, destroy_vm=NODE)
    assert list(steps)[-1] == "take-out-destroyed" and steps["take-out-destroyed"] == ("master", "k8s.cloud.destroyed")
    assert required["take-out-destroyed"] == ["take-out-leaves", "take-out-cleaned"]
    for cloud, typed, words in (("master", "k8s-w1", "has to be the node's name"), (None, NODE, "no k8s:cloud")):
        ((_, text),) = orchestrated("take_out", {**LEAVE, "cloud": cloud}, node=NODE, destroy_vm=typed)[0].items()
        assert words in text


def test_a_node_that_does_not_answer_leaves_and_is_named(orchestrated):
    steps, _, _ = orchestrated("take_out", LEAVE, there=(ADMIN,), node=NODE)
    assert list(steps) == ["take-out-steps", "take-out-leaves", "take-out-not-cleaned", "take-out-forgotten"]
    assert "k8s-w2 does not answer as a minion: it is not cleaned" in steps["take-out-not-cleaned"]


@pytest.mark.parametrize(
    "name, said, given, words",
    [
        ("take_out", {**LEAVE, "refused": "list it"}, {"node": NODE}, "list it"),
        ("take_out", "ERROR: the pillar is not valid", {"node": NODE}, "nothing was done: ERROR: the pillar is not"),
        ("take_out", LEAVE, {}, "give admin"),
        ("take_out", LEAVE, {"node": NODE, "admin": "nobody"}, "the minion nobody does not answer"),
        ("exchange", {**LEAVE, "refused": "machine=1"}, {"node": NODE}, "machine=1"),
        (
            "exchange",
            {**LEAVE, "todo": ["clean", "join"]},
            {"node": "k8s-w3"},
            "k8s-w3 is out of the cluster, and the new",
        ),
        ("remove", "ERROR: is not the name", {"cluster": "x"}, "is not the name"),
        ("remove", {}, {}, "give admin"),
    ],
)
def test_a_refusal_is_the_only_step(orchestrated, name, said, given, words):
    ((step, text),) = orchestrated(name, said, **given)[0].items()
    assert step.endswith("-refused") and words in text


def test_a_machine_is_exchanged_in_two_runs(orchestrated):
    out = {"refused": "", "todo": ["leave", "clean"], "lines": ["out"]}
    steps, required, asked = orchestrated("exchange", out, node=NODE, machine="uid")
    assert asked[0] == ("k8s_cluster.taking_out", NODE, {"exchange": True, "machine": "uid"})
    assert list(steps) == ["exchange-steps", "exchange-leaves", "exchange-cleaned"]
    assert steps["exchange-leaves"] == (ADMIN, "k8s.cluster.without")
    assert required["exchange-cleaned"] == ["exchange-leaves"]
    steps, required, _ = orchestrated("exchange", {**out, "todo": ["clean", "join"]}, node=NODE, machine="uid")
    assert list(steps)[1:] == ["exchange-cleaned", "exchange-prepared", "exchange-joins"]
    assert required["exchange-joins"] == ["exchange-prepared"] and required["exchange-prepared"] == ["exchange-cleaned"]
    assert steps["exchange-joins"] == (ADMIN, "k8s.cluster")
    steps, _, _ = orchestrated("exchange", {**out, "todo": ["join"]}, node=NODE, machine="uid")
    assert list(steps)[1:] == ["exchange-prepared", "exchange-joins"]


def test_a_cluster_is_given_up_before_its_nodes_are_cleaned(orchestrated):
    said = {"changes": {}, "lines": ["gone"], "nodes": [NODE, "k8s-w3", "k8s-w4"]}
    steps, required, asked = orchestrated("remove", said, there=(ADMIN, NODE, "k8s-w4"), cluster="osug")
    assert asked[0] == ("k8s_cluster.remove", "osug", {"test": True}), "nothing is done while it is rendered"
    assert steps["remove-given-up"] == (ADMIN, "k8s.cluster.removed")
    assert steps["remove-cleaned"] == ([NODE, "k8s-w4"], "k8s.os.cleaned")
    assert required["remove-cleaned"] == ["remove-given-up"]
    assert "k8s-w3" in steps["remove-not-cleaned"] and "k8s-w4" not in steps["remove-not-cleaned"]
