"""A snapshot's archive as rke-tools writes it: etcd's database and, when rke itself took it, the state with all keys.

What can be told without etcd is told here: an archive that is empty, cut off or damaged, and one without a database.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
import zlib
from pathlib import Path
from typing import IO, NamedTuple

from saltk8s.base import errors, files

ENDING = ".zip"
STATE = ".rkestate"
_HASH = hashlib.sha256().digest_size  # etcd puts the hash of a snapshot behind it
_PAGE = 512
_CHUNK = 1 << 20
_STATE_MAX = 1 << 26


class Content(NamedTuple):
    """What an archive held. size: bytes of the database; state: the text of rke's state, None without one."""

    size: int
    state: str | None


def unpack(path: str | Path, database: str | Path) -> Content:
    """Write the database of an archive to a file for root only, and check its hash.

    path: the archive; database: the new file. Raises Invalid with what is wrong with it, naming neither file.
    """
    if not Path(path).stat().st_size:
        raise errors.Invalid("the archive is empty")
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            databases = [entry for entry in entries if not entry.filename.endswith(STATE)]
            states = [entry for entry in entries if entry.filename.endswith(STATE)]
            if len(databases) != 1:
                raise errors.Invalid(f"the archive has {len(databases)} databases in it, not one")
            with archive.open(databases[0]) as source:
                size = _write(source, database)
            return Content(size, _text(archive, states[0]) if states else None)
    except zipfile.BadZipFile as err:
        raise errors.Invalid(f"the archive is damaged or cut off ({err})") from err
    except (zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as err:
        if isinstance(err, OSError) and err.errno:
            raise
        raise errors.Invalid(f"the archive is damaged ({err})") from err


def _text(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> str:
    if entry.file_size > _STATE_MAX:
        raise errors.Invalid("the state in the archive is larger than any of rke's")
    return archive.read(entry).decode(errors="replace")


def _write(source: IO[bytes], path: str | Path) -> int:
    """Copy a database; return its size without the hash behind it, which is checked."""
    digest, size, tail = hashlib.sha256(), 0, b""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, files.PRIVATE_FILE)
    with files.named(path), os.fdopen(descriptor, "wb") as target:
        while data := source.read(_CHUNK):
            target.write(data)
            size += len(data)
            held = tail + data
            tail = held[-_HASH:]
            digest.update(held[:-_HASH])
    if not size:
        raise errors.Invalid("the database in the archive is empty")
    if size % _PAGE != _HASH:
        raise errors.Invalid(f"the database in the archive has {size} bytes: it is cut off, or was copied off a disk")
    if digest.digest() != tail:
        raise errors.Invalid("the database in the archive is damaged: its hash is another than the one behind it")
    return size - _HASH
