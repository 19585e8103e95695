"""Impersonation, as arguments of kubectl."""

from __future__ import annotations

import pytest
from saltk8s.base import errors
from saltk8s.kubectl.operations import permissions


def test_who_is_asked_for():
    assert permissions.impersonation(None, None) == []
    assert permissions.impersonation("jane", ["a", "b"]) == ["--as=jane", "--as-group=a", "--as-group=b"]
    with pytest.raises(errors.Invalid):
        permissions.impersonation(None, "a")
