"""Ranges of IPv4 addresses."""

from __future__ import annotations

import pytest
from saltk8s.pillar.vocabulary.addresses import first_and_last


@pytest.mark.parametrize("text", ["", "-", "a-b", "10.0.0.2-10.0.0.1", "10.0.0.1", "10.0.0.1/24", "::1-::2", "1-2-3"])
def test_no_range(text):
    assert first_and_last(text) is None


def test_ranges():
    assert first_and_last("10.0.0.1-10.0.0.1") == first_and_last("10.0.0.1/32")
    assert first_and_last("10.0.0.0/30")[1] - first_and_last("10.0.0.0/30")[0] == 3
