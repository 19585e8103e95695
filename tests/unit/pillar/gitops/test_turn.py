"""One state run at a time."""

from __future__ import annotations

import contextlib
import threading

import pytest
from saltk8s.base import errors
from saltk8s.pillar.gitops import turn


class Runs:
    """Runs of others: in progress for the next so many questions."""

    def __init__(self, *busy):
        self.busy, self.log = list(busy), []

    def others(self):
        found = bool(self.busy and self.busy.pop(0))
        self.log.append("busy" if found else "free")
        return found

    @contextlib.contextmanager
    def announced(self):
        self.log.append("seen")
        try:
            yield
        finally:
            self.log.append("unseen")

    def taken(self, folder, wait_s=5):
        return turn.taken(folder, self.others, self.announced, wait_s, sleep=lambda _: None)


def test_a_run_of_somebody_else_is_waited_for(tmp_path):
    runs = Runs(True, True)
    with runs.taken(tmp_path / "locks"):
        assert runs.log == ["busy", "busy", "free", "seen", "free"]
    assert runs.log[-1] == "unseen"


def test_one_that_began_at_the_same_moment_goes_first(tmp_path):
    runs = Runs(False, True)
    with runs.taken(tmp_path):
        assert runs.log == ["free", "seen", "busy", "unseen", "seen", "free"]


def test_waiting_ends(tmp_path):
    with pytest.raises(errors.CommandTimeout, match="another state run was in progress"):
        with turn.taken(tmp_path, lambda: True, contextlib.nullcontext, 0, sleep=lambda _: None):
            pass
    with Runs().taken(tmp_path):
        pass


def test_one_runs_one_waits_and_the_third_goes(tmp_path):
    begun, ran = threading.Event(), threading.Event()

    def second():
        def sleep(_):
            begun.set()

        with turn.taken(tmp_path, lambda: False, contextlib.nullcontext, 30, sleep=sleep):
            ran.set()

    thread = threading.Thread(target=second)
    with Runs().taken(tmp_path):
        thread.start()
        assert begun.wait(30)
        with pytest.raises(turn.AnotherWaits), Runs().taken(tmp_path):
            pass
        assert not ran.is_set()
    thread.join(30)
    assert ran.is_set()
    with Runs().taken(tmp_path):
        pass


def test_a_run_that_fails_gives_the_turn_back(tmp_path):
    runs = Runs()
    with pytest.raises(ValueError), runs.taken(tmp_path):
        raise ValueError
    assert runs.log[-1] == "unseen"
    with Runs().taken(tmp_path):
        pass
