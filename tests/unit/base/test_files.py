"""Files that are written whole or not at all, for root only."""

from __future__ import annotations

import errno
import os

import pytest
from saltk8s.base import files


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


def test_a_full_disk_is_told_with_the_file(tmp_path, monkeypatch):
    path = tmp_path / "state"
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    monkeypatch.setattr(os, "fsync", lambda descriptor: (_ for _ in ()).throw(full))
    with pytest.raises(OSError, match=f"No space left on device: '{path}'"):
        files.write(path, "new")
    assert os.listdir(tmp_path) == []


def test_what_a_killed_write_left_is_removed_when_it_is_old(tmp_path):
    left, new, other = (tmp_path / name for name in (".state.tmp-abc", ".state.tmp-new", ".hidden"))
    for path in (left, new, other):
        path.touch()
    for path in (left, other):
        os.utime(path, (0, 0))
    files.remove_leftovers(tmp_path, 600)
    assert sorted(os.listdir(tmp_path)) == [".hidden", ".state.tmp-new"]
    files.remove_leftovers(tmp_path / "none", 600)


def test_room_is_asked_where_a_folder_will_be(tmp_path):
    assert files.room(tmp_path / "a" / "b") == files.room(tmp_path) > 0


def test_folders_are_private(tmp_path):
    path = tmp_path / "a" / "b"
    assert files.make_private_folder(path)
    assert mode(path) == 0o700
    assert not files.make_private_folder(path)
    path.chmod(0o755)
    assert files.make_private_folder(path)
    assert mode(path) == 0o700
