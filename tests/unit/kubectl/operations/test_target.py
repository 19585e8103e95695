"""Names and numbers that kubectl would misunderstand."""

from __future__ import annotations

import pytest
from saltk8s.base import errors
from saltk8s.kubectl.operations import target


@pytest.mark.parametrize("word", ["", "-l", "--all", "a,b", "a/b", "a b", "a\nb"])
def test_what_kubectl_could_take_for_something_else(word):
    with pytest.raises(errors.Invalid, match="name: got .*; expected one name"):
        target.checked_name("name", word)


@pytest.mark.parametrize("value", [-1, "x", True, 1.5, "", None])
def test_what_is_no_whole_number(value):
    with pytest.raises(errors.Invalid, match="n: got .*; expected a whole number"):
        target.checked_count("n", value)
