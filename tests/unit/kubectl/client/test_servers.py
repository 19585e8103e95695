"""Which API server is asked: the choice alone."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from saltk8s.kubectl.client import servers

A, B, C = (f"https://10.0.0.{number}:6443" for number in (1, 2, 3))


@pytest.fixture(autouse=True)
def _clean(monkeypatch):
    monkeypatch.setattr(servers, "_chosen", {})


def test_they_are_the_control_planes():
    nodes = {
        "cp1": {"name": "cp1", "ip": "10.0.0.1", "roles": ["controlplane", "etcd"]},
        "w1": {"name": "w1", "ip": "10.0.0.9", "roles": ["worker"]},
        "cp2": {"name": "cp2", "ip": None, "roles": ["controlplane"]},
    }
    assert servers.of({"nodes": nodes}) == [A, "https://cp2:6443"]


@pytest.mark.parametrize(
    "failed, alive, taken",
    [
        (None, {B, C}, B),
        (None, {C}, C),
        (None, set(), None),
        (None, {A, B}, None),  # it answers after all
        (B, {A}, A),
    ],
)
def test_the_first_that_is_ready(failed, alive, taken):
    if failed:
        servers._chosen["path"] = (failed, servers.time.monotonic() + 60)
    assert servers.choose("path", A, failed, [A, B, C], lambda server: server in alive) == taken
    assert servers.chosen("path") == (taken or failed)


def test_of_several_that_fail_at_once_one_asks():
    asked = []
    assert servers.choose("path", A, None, [A, B], lambda server: asked.append(server) or server == B) == B
    assert servers.choose("path", A, None, [A, B], lambda server: asked.append(server) or False) == B
    assert sorted(asked) == [A, B]


def test_the_choice_expires(monkeypatch):
    servers.choose("path", A, None, [A, B], lambda server: server == B)
    later = servers.time.monotonic() + servers.KEPT_S + 1
    # not the clock of the process, by which other threads sleep
    monkeypatch.setattr(servers, "time", SimpleNamespace(monotonic=lambda: later))
    assert servers.chosen("path") is None
