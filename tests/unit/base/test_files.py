"""Files that are written whole or not at all, for root only."""

from __future__ import annotations

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


def test_folders_are_private(tmp_path):
    path = tmp_path / "a" / "b"
    assert files.make_private_folder(path)
    assert mode(path) == 0o700
    assert not files.make_private_folder(path)
    path.chmod(0o755)
    assert files.make_private_folder(path)
    assert mode(path) == 0o700
