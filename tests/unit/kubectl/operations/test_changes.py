"""Changes as lines of text."""

from __future__ import annotations

from saltk8s.kubectl.operations import changes as written


def test_changes_for_people():
    changes = {"a": {"old": None, "new": "1"}, "b": {"old": "", "new": None}, "c": {"old": False, "new": True}}
    assert written.lines(changes) == ["a: absent -> 1", 'b: "" -> absent', "c: false -> true"]
