"""What can be told of a snapshot's archive without etcd."""

from __future__ import annotations

import hashlib
import io
import random
import zipfile

import pytest
from saltk8s.base import errors
from saltk8s.engine.rke.snapshots import archive

PAGES = random.Random(1).randbytes(512 * 64)
DATABASE = PAGES + hashlib.sha256(PAGES).digest()
NAME = "2026-11-29T06:00:00Z_etcd"


def packed(*entries):
    """A zip of (name, content)."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as written:
        for name, content in entries:
            written.writestr(name, content)
    return stream.getvalue()


def unpacked(tmp_path, raw):
    path = tmp_path / "archive.zip"
    path.write_bytes(raw)
    return archive.unpack(path, tmp_path / "snapshot.db")


@pytest.mark.parametrize("state", [None, '{"desiredState": {}}'])
def test_the_database_comes_out_with_its_hash_checked_and_for_root_only(tmp_path, state):
    entries = [(f"backup/{NAME}", DATABASE), *([(f"backup/{NAME}.rkestate", state)] if state else [])]
    assert unpacked(tmp_path, packed(*entries)) == (len(PAGES), state)
    assert (tmp_path / "snapshot.db").read_bytes() == DATABASE
    assert (tmp_path / "snapshot.db").stat().st_mode & 0o777 == 0o600


def test_a_full_disk_is_no_fault_of_the_archive(tmp_path):
    (tmp_path / "archive.zip").write_bytes(packed(("backup/a", DATABASE)))
    with pytest.raises(OSError, match="No space left on device: '/dev/full'"):
        archive.unpack(tmp_path / "archive.zip", "/dev/full")


WHOLE = packed(("backup/a", DATABASE))
ARCHIVES = {
    "empty": (b"", "the archive is empty"),
    "cut off": (WHOLE[: len(WHOLE) // 2], "damaged or cut off"),
    "its end is lost": (WHOLE[:-10], "damaged or cut off"),
    "another file": (b"x" * 5000, "damaged or cut off"),
    "no database": (packed(("backup/a.rkestate", "{}")), "has 0 databases in it"),
    "two": (packed(("backup/a", DATABASE), ("backup/b", DATABASE)), "has 2 databases in it"),
    "an empty database": (packed(("backup/a", b"")), "the database in the archive is empty"),
    "a database cut off": (packed(("backup/a", DATABASE[:-100])), "is cut off, or was copied off a disk"),
    "a file off a disk": (packed(("backup/a", PAGES)), "is cut off, or was copied off a disk"),
    "a page is lost": (packed(("backup/a", DATABASE[512:])), "its hash is another than the one behind it"),
    "another byte": (packed(("backup/a", DATABASE[:99] + b"?" + DATABASE[100:])), "its hash is another"),
}


@pytest.mark.parametrize("how", ARCHIVES)
def test_what_is_wrong_is_told(tmp_path, how):
    raw, words = ARCHIVES[how]
    with pytest.raises(errors.Invalid, match=words):
        unpacked(tmp_path, raw)


def test_every_bit_flipped_and_every_cut_is_an_error_of_ours(tmp_path):
    chance = random.Random(2)
    for _ in range(300):
        raw = bytearray(WHOLE)
        if chance.random() < 0.5:
            raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
        else:
            del raw[chance.randrange(len(raw)) :]
        try:
            assert unpacked(tmp_path, bytes(raw)).size == len(PAGES), "a field that nobody reads"
        except errors.Invalid:
            pass
        else:
            assert (tmp_path / "snapshot.db").read_bytes() == DATABASE
