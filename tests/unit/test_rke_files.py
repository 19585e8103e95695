"""The cluster's files: whole or not at all, private, never without a copy, one run at a time."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from saltk8s.base import errors
from saltk8s.engine import files


def mode(path):
    return path.stat().st_mode & 0o777


def test_files_are_private_and_written_once(tmp_path):
    path = tmp_path / "cluster.yml"
    assert files.write(path, "a")
    assert mode(path) == 0o600
    assert not files.write(path, "a")
    path.chmod(0o644)
    assert files.write(path, "a")
    assert mode(path) == 0o600
    assert files.write(path, "b")
    assert os.listdir(tmp_path) == ["cluster.yml"]


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "state"
    files.write(path, "old")
    monkeypatch.setattr(os, "fsync", lambda descriptor: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        files.write(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["state"]


def test_folders_are_private(tmp_path):
    path = tmp_path / "a" / "b"
    assert files.make_dir(path)
    assert mode(path) == 0o700
    assert not files.make_dir(path)
    path.chmod(0o755)
    assert files.make_dir(path)
    assert mode(path) == 0o700


def test_copies_are_kept_in_order_and_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "KEPT_BACKUPS", 3)
    source, folder = tmp_path / "cluster.rkestate", tmp_path / "backups"
    assert files.backup(source, folder, "before") is None
    assert not folder.exists()
    for number in range(5):
        source.write_text(str(number))
        copy = files.backup(source, folder, "after")
        assert mode(copy) == 0o600
        assert copy.name.endswith(".after")
    assert [path.read_text() for path in files.backups(folder, source.name)] == ["2", "3", "4"]
    assert mode(folder) == 0o700


def test_a_damaged_record_means_to_run_again(tmp_path):
    path = tmp_path / "last-run.json"
    assert files.read_record(path) is None
    for text in ("", "{", "[]", '"x"'):
        path.write_text(text)
        assert files.read_record(path) is None
    files.write_record(path, {"status": "done"})
    assert files.read_record(path) == {"status": "done"}
    assert mode(path) == 0o600


def test_two_runs_never_meet(tmp_path):
    path = tmp_path / "lock"
    with files.lock(path):
        with pytest.raises(errors.Refused, match=f"process {os.getpid()} since"), files.lock(path):
            pytest.fail("the lock was given twice")
    with files.lock(path):
        assert mode(path) == 0o600


def test_the_lock_lives_as_long_as_the_program_that_has_it(tmp_path):
    path = tmp_path / "lock"
    with files.lock(path) as descriptor:
        child = subprocess.Popen(
            [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE, pass_fds=[descriptor]
        )
    with pytest.raises(errors.Refused), files.lock(path):
        pytest.fail("the program still runs")
    child.communicate(b"")
    with files.lock(path):
        assert child.returncode == 0
