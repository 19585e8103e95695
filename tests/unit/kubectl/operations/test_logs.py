"""How much of a log to read, as arguments of kubectl."""

from __future__ import annotations

from saltk8s.kubectl.operations import logs


def test_how_much_of_a_log():
    assert logs.log_arguments(None, None, False) == []
    assert logs.log_arguments(5, 60, True) == ["--tail=5", "--since=60s", "--previous"]
