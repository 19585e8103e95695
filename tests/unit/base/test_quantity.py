"""Kubernetes' quantities."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from saltk8s.base import quantity


@given(st.integers(min_value=0, max_value=10**9))
def test_a_quantity_is_the_same_in_every_unit(number):
    assert quantity.equal(number, f"{number * 1000}m")
    assert quantity.equal(f"{number}Mi", f"{number * 1024}Ki")
    assert quantity.parse(f"{number}Ki") == quantity.parse(number * 1024)  # one number, but kept as two texts
    assert not quantity.equal(number, f"{number + 1}")


@pytest.mark.parametrize("text", ["", "m", "1Q", "one", "1 Gi", None, True, [], "0x10"])
def test_what_is_no_quantity(text):
    assert quantity.parse(text) is None and not quantity.equal(text, text)
