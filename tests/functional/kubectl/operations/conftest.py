"""Fixtures of the tests of operations: nodes, and a stand-in for a kubelet."""

from __future__ import annotations

from tests.support.kubectl_nodes import node  # noqa: F401  a fixture
from tests.support.kubelet import kubelet  # noqa: F401  a fixture
