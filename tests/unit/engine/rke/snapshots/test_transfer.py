"""Files from a node: a full disk here is told as such, with the file."""

from __future__ import annotations

import pytest
from saltk8s.base import errors, files
from saltk8s.engine.rke.snapshots import transfer

WRITES = ["/bin/sh", "-c", "echo one; exit $?"]


def test_what_a_command_prints_is_written_for_root_only(tmp_path):
    transfer.fetch(WRITES, tmp_path / "one", 30)
    assert (tmp_path / "one").read_text() == "one\n" and (tmp_path / "one").stat().st_mode & 0o777 == 0o600
    with pytest.raises(errors.CommandError, match="it says why"):
        transfer.fetch(["/bin/sh", "-c", "echo it says why >&2; exit 3"], tmp_path / "two", 30)


def test_a_full_disk_here_is_not_the_nodes(monkeypatch):
    monkeypatch.setattr(files, "room", lambda path: 0)
    with pytest.raises(OSError, match="No space left on device: '/dev/full'"):
        transfer.fetch(WRITES, "/dev/full", 30)
