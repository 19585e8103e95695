"""Fixtures of the tests of health: a stand-in for a kubelet."""

from __future__ import annotations

from tests.support.kubelet import kubelet  # noqa: F401  a fixture
