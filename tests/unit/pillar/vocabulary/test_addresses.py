"""Ranges of IPv4 addresses."""

from __future__ import annotations

import pytest
from saltk8s.pillar.vocabulary.addresses import span


@pytest.mark.parametrize("text", ["", "-", "a-b", "10.0.0.2-10.0.0.1", "10.0.0.1", "10.0.0.1/24", "::1-::2", "1-2-3"])
def test_no_range(text):
    assert span(text) is None


def test_ranges():
    assert span("10.0.0.1-10.0.0.1") == span("10.0.0.1/32")
    assert span("10.0.0.0/30")[1] - span("10.0.0.0/30")[0] == 3
