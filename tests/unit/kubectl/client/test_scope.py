"""What the states of a run share, and for how long."""

from __future__ import annotations

import pytest
from saltk8s.kubectl.client import scope
from saltk8s.kubectl.client.program import Kubectl


def chunk(state: str, fun: str, name: str, **more) -> dict:
    return {"state": state, "fun": fun, "__id__": name, "name": name, **more}


CHUNKS = [
    chunk("kubectl", "applied", "a"), chunk("k8s_tenants", "namespaces_kept", "t"), chunk("kubectl", "absent", "b"),
    chunk("kubectl", "cordoned", "node"), chunk("kubectl", "applied", "else", kubeconfig="/other"),
    chunk("cmd", "run", "c"), chunk("kubectl", "applied", "d"),
]  # fmt: skip


def test_the_sets_up_to_a_state_that_is_not_ours():
    before = ["file_|-x_|-x_|-managed", "kubectl_|-y_|-y_|-applied"]
    assert scope.of_run("run", CHUNKS[0], CHUNKS, before) == (("run", 1), ("a", "b"))
    assert scope.of_run("run", CHUNKS[2], CHUNKS, before) == (("run", 1), ("b",))
    assert scope.of_run("run", CHUNKS[6], CHUNKS, [*before, "cmd_|-c_|-c_|-run"]) == (("run", 2), ("d",))
    assert scope.of_run("run", CHUNKS[0], (), ()) == (("run", 0), ())


@pytest.fixture
def context():
    """Salt's context, with a scope entered."""
    found = {}
    with scope.entered(found, scope.Scope("one", ())):
        yield found


def test_what_was_read_is_known_in_the_same_scope_only(context):
    scope.current(context)[1].put("nodes", ["cp1"])
    assert scope.current(context)[1].get("nodes") == ["cp1"]
    assert scope.current(context)[1].get("pods") is None
    with scope.entered(context, scope.Scope("two", ())):
        assert scope.current(context)[1].get("nodes") is None
    assert scope.current(context) is None, "outside of a state nothing is shared"


def test_after_a_write_and_after_a_while_it_is_not_known(context, monkeypatch):
    memory = scope.current(context)[1]
    memory.put("nodes", ["cp1"])
    now = scope.time.monotonic()
    monkeypatch.setattr(scope.time, "monotonic", lambda: now + scope.KEPT_S + 1)
    assert memory.get("nodes") is None
    monkeypatch.undo()
    assert memory.get("nodes") == ["cp1"]
    monkeypatch.setattr(Kubectl, "writes", Kubectl.writes + 1)
    assert memory.get("nodes") is None


def test_a_function_that_no_state_run_calls_shares_nothing():
    assert scope.of({}).key != scope.of({}).key and scope.of({}).sets == ()
    known = {"__instance_id__": "run", "__low__": CHUNKS[0], "__lowstate__": CHUNKS, "__running__": {}}
    assert scope.of(known) == (("run", 0), ("a", "b"))
