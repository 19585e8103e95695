"""Fixtures of the tests of faults; those of all tests of ``kubectl``: ``tests/support/kubectl_fixtures.py``."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from saltk8s.kubectl.client import program as client
from tests.support import faults
from tests.support.fault_sets import AppliedSet


@pytest.fixture
def own_minion(loaded, own_apiserver, monkeypatch):
    """The minion for this module's own API server."""
    monkeypatch.setenv("PATH", str(Path(own_apiserver.kubectl_path).parent), prepend=os.pathsep)
    return loaded


@pytest.fixture
def impatient(monkeypatch):
    """A shorter request timeout: these tests wait for it."""
    monkeypatch.setattr(client, "REQUEST_TIMEOUT_S", 2)


@pytest.fixture
def proxy(own_apiserver):
    """A proxy in front of the API server."""
    made = faults.Proxy(own_apiserver)
    yield made
    made.close()


@pytest.fixture
def webhook(own_apiserver):
    """An admission webhook; the API server asks it as soon as it has its configuration."""
    made = faults.Webhook(own_apiserver)
    yield made
    own_apiserver.kubectl("delete", "validatingwebhookconfigurations", "--all")
    made.close()


@pytest.fixture
def a_set(own_minion, own_apiserver):
    """Make a set: ``a_set("name", obj, ...)``."""
    return lambda name, *declared: AppliedSet(own_minion, own_apiserver, name, *declared)


@pytest.fixture
def refused(apiserver, applied):
    """Apply a set in both modes; it has to be refused, and nothing written."""

    def check(text, name, *declared):
        mark = apiserver.mark()
        for test in (True, False):
            answer = applied(name, *declared, test=test)
            assert answer["result"] is False and answer["changes"] == {} and text in answer["comment"], answer
        assert [request for request in apiserver.requests(mark) if request.write] == []

    return check
