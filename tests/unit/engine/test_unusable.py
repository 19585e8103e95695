"""Nodes that cannot be used: what is said, and how long a node is waited for."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from saltk8s.engine import ssh
from saltk8s.engine.plan import Plan
from saltk8s.engine.unusable import NodesUnusable, told

GRACE_S = ssh.MEMBER_GRACE_S


@pytest.mark.parametrize(
    "problem, member, not_ready, waited_s",
    [
        ("silent", True, "Kubelet stopped", 0),
        ("silent", True, "", GRACE_S),
        ("silent", False, "", 600),
        ("runtime", True, "", 600),
        ("runtime", True, "Kubelet stopped", GRACE_S),
        ("denied", True, "Kubelet stopped", GRACE_S),
        ("denied", False, "", 600),
        ("key", True, "", 0),
        ("key", False, "", 0),
    ],
)
def test_how_long_a_node_is_waited_for(monkeypatch, problem, member, not_ready, waited_s):
    """By a clock that moves when the prober waits."""
    clock = [0.0]
    # the module's clock alone: that of the process is salt-factories' too, whose thread would sleep for hours
    passes = SimpleNamespace(monotonic=lambda: clock[0], sleep=lambda seconds: clock.__setitem__(0, clock[0] + seconds))
    monkeypatch.setattr(ssh, "time", passes)
    monkeypatch.setattr(ssh.Prober, "probe", lambda self, name, address: ssh.Probe(name, address, problem))
    prober = ssh.Prober({"user": "rke"}, ssh.Inspection("Docker", "true", ()), "key", "known_hosts")
    asked = []

    def lost():
        asked.append(1)
        return {"w1": not_ready} if not_ready else {}

    with pytest.raises(NodesUnusable) as raised:
        prober.wait({"w1": "10.0.0.1"}, ["w1"] if member else [], 600, not_ready=lost)
    assert clock[0] == waited_s
    assert len(asked) == member, "Kubernetes is asked once, and only of its own nodes"
    assert ("for Kubernetes it is not Ready: Kubelet stopped" in str(raised.value)) is bool(not_ready)


def test_what_waits_is_said_and_sent():
    sent = []
    plan = Plan(options={f"option{number}": {"old": 1, "new": 2} for number in range(12)})
    with pytest.raises(NodesUnusable) as raised, told(plan, lambda *event: sent.append(event)):
        raise NodesUnusable({"w1": "w1 is silent", "w2": "w2 too"}, 30)
    lines = str(raised.value).splitlines()
    assert lines[:3] == [
        "nodes w1, w2 cannot be used after 30 s; nothing was run and nothing removed:",
        "w1 is silent",
        "w2 too",
    ]
    assert lines[3:5] == ["what waits until then:", "  set option0: 1 -> 2"]
    assert lines[-1] == "  and 2 more"
    assert raised.value.details() == {"error": "unreachable", "nodes": ["w1", "w2"]}
    assert sent == [("unusable", {"nodes": ["w1", "w2"], "waiting": plan.lines()[:10], "seconds": 30})]


def test_other_errors_pass():
    with pytest.raises(ValueError, match="x"), told(Plan()):
        raise ValueError("x")
