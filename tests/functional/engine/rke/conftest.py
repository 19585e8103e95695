"""Nodes and programs of the engine's tests."""

from __future__ import annotations

import pytest
from tests.support import rke as sample
from tests.support.site import Site
from tests.support.ssh_nodes import Nodes


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A site of three blank nodes, with short waits."""
    sample.short_waits(monkeypatch)
    with Nodes(tmp_path) as nodes:
        yield Site(tmp_path, nodes)
