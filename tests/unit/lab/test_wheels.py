"""The wheels that the machines get."""

from __future__ import annotations

from labkit import wheels


def test_wheels_are_pinned():
    text = wheels.requirements(wheels.MINION + wheels.MASTER)
    assert [line.split("==")[0] for line in text.splitlines()] == [*wheels.MINION, *wheels.MASTER]
    assert "salt==3008.3" in text.splitlines()
    assert wheels.pinned("A==1  # why\n# all\n\nb.c==2.0\n") == {"a": "1", "b.c": "2.0"}
