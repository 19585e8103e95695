"""Where the pack's files are."""

from __future__ import annotations

from saltk8s.base import loader
from tests.support import pillars


def test_the_defaults_are_found():
    assert loader.defaults_file() == pillars.ROOT / "salt" / "k8s" / "defaults.yaml"
