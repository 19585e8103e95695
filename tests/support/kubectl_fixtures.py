"""Fixtures of the tests of ``kubectl``: a minion, and the ways to ask it about the tests' cluster."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.support.salt import Minion


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """A minion: nothing of it changes between the tests of a file, and loading one takes seconds."""
    return Minion(tmp_path_factory.mktemp("minion"))


@pytest.fixture
def minion(loaded, apiserver, monkeypatch):
    """That minion, finding the tests' kubectl."""
    monkeypatch.setenv("PATH", str(Path(apiserver.kubectl_path).parent), prepend=os.pathsep)
    return loaded


@pytest.fixture
def run(minion, apiserver, request):
    """Run a state on the tests' cluster: ``run("drained", "node", grace_s=0)``."""
    own = {"kubeconfig": str(apiserver.kubeconfig)}

    def run_state(state, name, **kw):
        if state == "applied":  # all files share the cluster: what one leaves behind would be in the other's set
            user = apiserver.set_users.setdefault(name, request.module.__name__)
            assert user == request.module.__name__, f"set {name!r} is {user}'s, choose another name"
        return minion.state(f"kubectl.{state}", name, **(own | kw))

    return run_state


@pytest.fixture
def applied(run):
    """Run ``kubectl.applied`` with objects, without waiting: ``applied("set", obj, ..., test=True)``."""
    return lambda name, *declared, **kw: run("applied", name, **({"wait": False, "objects": list(declared)} | kw))


@pytest.fixture
def call(minion, apiserver):
    """Call a function on the tests' cluster: ``call("scale", "Deployment.apps", "web", 2)``."""
    own = {"kubeconfig": str(apiserver.kubeconfig)}
    return lambda function, /, *args, **kw: minion.call(f"kubectl.{function}", *args, **(own | kw))
