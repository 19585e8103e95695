"""Cordon and uncordon nodes, on a real API server."""

from __future__ import annotations

from tests.support.kubectl_nodes import writes


def test_cordon_and_uncordon_say_whether_they_changed_anything(apiserver, call, node):
    name = node("cordon-1")
    mark = apiserver.mark()
    assert call("cordon", name, test=True) is True
    assert call("uncordon", name) is False
    assert writes(apiserver, mark) == []
    assert call("cordon", name) is True
    assert call("list_nodes")[name]["schedulable"] is False
    mark = apiserver.mark()
    assert call("cordon", name) is False
    assert call("uncordon", name, test=True) is True
    assert writes(apiserver, mark) == []
    assert call("uncordon", name) is True
    assert call("list_nodes")[name]["schedulable"] is True
