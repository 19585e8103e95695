"""A node's turn: written by a shell, read by the node, over by itself."""

from __future__ import annotations

import os
import subprocess
import time

import pytest
from saltk8s.nodes import rolling, turn
from saltk8s.nodes.turn import Turn


def shell(command, home):
    """Run what the admin runs on the node."""
    subprocess.run(["/bin/sh", "-c", command], env={"HOME": str(home), "PATH": os.environ["PATH"]}, check=True)


def test_it_is_given_taken_and_is_nobody_elses(tmp_path):
    given = Turn("k8s-w1's", True)
    assert turn.read(tmp_path, given.node) is None
    shell(turn.grant(given), tmp_path)
    assert turn.read(tmp_path, given.node) == given
    assert turn.read(tmp_path, "k8s-w2") is None, "a copy of the machine has not its turn"
    assert (tmp_path / turn.FILE).stat().st_mode & 0o777 == 0o600
    shell(turn.revoke(), tmp_path)
    shell(turn.revoke(), tmp_path)
    assert turn.read(tmp_path, given.node) is None


def test_it_is_over_after_an_hour_and_can_be_given_again(tmp_path):
    given = Turn("k8s-w1", False)
    shell(turn.grant(given), tmp_path)
    past = time.time() - turn.LASTS_S - 1
    os.utime(tmp_path / turn.FILE, (past, past))
    assert turn.read(tmp_path, "k8s-w1") is None
    shell(turn.grant(given), tmp_path)
    assert turn.read(tmp_path, "k8s-w1") == given


@pytest.mark.parametrize("text", ["", "{", "[]", "1", '{"node": "k8s-w1"}', "null"])
def test_a_damaged_one_is_none(tmp_path, text):
    (tmp_path / turn.FILE).write_text(text)
    assert turn.read(tmp_path, "k8s-w1") is None


def test_one_of_the_future_is_none(tmp_path):
    shell(turn.grant(Turn("k8s-w1", True)), tmp_path)
    later = time.time() + 600
    os.utime(tmp_path / turn.FILE, (later, later))
    assert turn.read(tmp_path, "k8s-w1") is None


@pytest.mark.parametrize(
    ("running", "given", "drain", "why"),
    [
        (0, None, True, ""),
        (40, None, False, "not this node's turn"),
        (40, Turn("w", False), False, ""),
        (40, Turn("w", False), True, "has no drain"),
        (40, Turn("w", True), True, ""),
    ],
)
def test_containers_are_interrupted_in_the_turn_alone(running, given, drain, why):
    found = rolling.waits(running, given, drain)
    assert (why in found) if why else (found == "")
