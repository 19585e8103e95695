"""Durations and versions."""

from __future__ import annotations

from saltk8s.pillar.vocabulary import values


def test_times_and_versions():
    assert (values.seconds("90m"), values.seconds("7d")) == (5400, 604800)
    assert values.version("v1.32.6-rancher1-1") == (1, 32, 6)
    assert values.version("latest") is None
