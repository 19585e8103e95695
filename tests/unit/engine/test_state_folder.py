"""The cluster's files: never without a copy, one run at a time."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from saltk8s.base import errors
from saltk8s.engine import state_folder


def mode(path):
    return path.stat().st_mode & 0o777


def test_copies_are_kept_in_order_and_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(state_folder, "KEPT_BACKUPS", 3)
    source, folder = tmp_path / "cluster.rkestate", tmp_path / "backups"
    assert state_folder.backup(source, folder, "before") is None
    assert not folder.exists()
    for number in range(5):
        source.write_text(str(number))
        copy = state_folder.backup(source, folder, "after")
        assert mode(copy) == 0o600
        assert copy.name.endswith(".after")
    assert [path.read_text() for path in state_folder.backups(folder, source.name)] == ["2", "3", "4"]
    assert mode(folder) == 0o700


def test_a_run_needs_room(tmp_path, monkeypatch):
    state_folder.check_room(tmp_path / "not" / "yet")
    monkeypatch.setattr(state_folder, "ROOM", 1 << 62)
    with pytest.raises(errors.Refused, match=f"no space left on device: {tmp_path} has .* MiB free, and a run needs"):
        state_folder.check_room(tmp_path)


def test_a_content_is_there_once_under_the_best_name(tmp_path):
    source, folder = tmp_path / "cluster.rkestate", tmp_path / "backups"

    def copies():
        return [path.suffix for path in state_folder.backups(folder, source.name)]

    source.write_text("one")
    first = state_folder.backup(source, folder, "failed")
    assert state_folder.backup(source, folder, "before") == first
    good = state_folder.backup(source, folder, "after")
    assert copies() == [".after"], "that it is of a run that succeeded is worth more than its age"
    assert state_folder.backup(source, folder, "failed") == good
    source.write_text("two")
    state_folder.backup(source, folder, "failed")
    assert copies() == [".after", ".failed"]
    for number in range(100):  # of an earlier release
        (folder / f"{source.name}.2025-{number:03}.before").write_text("two")
    state_folder.backup(source, folder, "before")
    assert copies() == [".before", ".after"]


def test_failed_runs_never_push_out_a_good_copy(tmp_path):
    """Each run of rke makes a new certificate, so that even its failures differ."""
    source, folder = tmp_path / "cluster.rkestate", tmp_path / "backups"
    source.write_text("good")
    good = state_folder.backup(source, folder, "after")
    for number in range(3 * state_folder.KEPT_BACKUPS):
        state_folder.backup(source, folder, "before")
        source.write_text(str(number))
        state_folder.backup(source, folder, "failed")
    found = state_folder.backups(folder, source.name)
    assert found[0] == good
    assert len(found) == 1 + state_folder.KEPT_BACKUPS
    assert found[-1].read_text() == str(3 * state_folder.KEPT_BACKUPS - 1)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe{}", b"\0" * 10])
def test_what_is_not_whole_is_never_copied(tmp_path, content):
    source, folder = tmp_path / "cluster.rkestate", tmp_path / "backups"
    source.write_text("{}")
    good = state_folder.backup(source, folder, "after", lambda text: text == "{}")
    source.write_bytes(content)
    assert state_folder.backup(source, folder, "failed", lambda text: text == "{}") is None
    assert state_folder.backups(folder, source.name) == [good]


def test_a_damaged_record_means_to_run_again(tmp_path):
    path = tmp_path / "last-run.json"
    assert state_folder.read_record(path) is None
    for text in ("", "{", "[]", '"x"'):
        path.write_text(text)
        assert state_folder.read_record(path) is None
    state_folder.write_record(path, {"status": "done"})
    assert state_folder.read_record(path) == {"status": "done"}
    assert mode(path) == 0o600


def test_two_runs_never_meet(tmp_path):
    path = tmp_path / "lock"
    with state_folder.lock(path):
        with (
            pytest.raises(errors.Refused, match=rf"a run, process {os.getpid()} \(.*\), since .*`kill {os.getpid()}`"),
            state_folder.lock(path),
        ):
            pytest.fail("the lock was given twice")
    with state_folder.lock(path):
        assert mode(path) == 0o600


def test_the_lock_lives_as_long_as_the_program_that_has_it(tmp_path):
    path = tmp_path / "lock"
    with state_folder.lock(path) as descriptor:
        child = subprocess.Popen(
            [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE, pass_fds=[descriptor]
        )
    with pytest.raises(errors.Refused), state_folder.lock(path):
        pytest.fail("the program still runs")
    child.communicate(b"")
    with state_folder.lock(path):
        assert child.returncode == 0
