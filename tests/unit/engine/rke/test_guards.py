"""Guards of rke's own; those of a plan are in test_changes.py, beside the plans that they refuse."""

from __future__ import annotations

import pytest
from saltk8s.base import errors
from saltk8s.engine.rke import guards


def test_nodes_of_another_cluster_are_refused():
    guards.check_blank({}, "state", "backups")
    with pytest.raises(errors.Refused) as refused:
        guards.check_blank({"w1": ["container kubelet"], "cp1": ["/etc/kubernetes/ssl"]}, "/s/x.rkestate", "/s/b")
    for words in ("/s/x.rkestate", "w1: container kubelet", "cp1: /etc/kubernetes/ssl", "/s/b"):
        assert words in str(refused.value)
