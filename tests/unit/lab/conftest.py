"""What the tests of the lab share."""

from __future__ import annotations

import pytest
from labkit import config


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache of the test's own."""
    monkeypatch.setenv("SALTK8S_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(config, "ROOT", tmp_path)
    return tmp_path / "cache"
