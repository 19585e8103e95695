"""The cluster's files on the admin: copies of its state, the record of the last run, and the lock."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from saltk8s.base import errors, files

KEPT_BACKUPS = 100


def now() -> str:
    """The time in UTC, as it stands in file names and records."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H-%M-%S.%fZ")


def backup(source: str | Path, folder: str | Path, moment: str) -> Path | None:
    """Copy a file beside its older copies. moment: ``before``, ``after`` or ``failed``; the name carries the time too.

    Returns the copy, None when there is nothing to copy. The oldest copies beyond KEPT_BACKUPS are removed.
    """
    text = files.read(source)
    if text is None:
        return None
    files.make_private_folder(folder)
    copy = Path(folder) / f"{Path(source).name}.{now()}.{moment}"
    files.write(copy, text)
    for old in backups(folder, Path(source).name)[:-KEPT_BACKUPS]:
        old.unlink(missing_ok=True)
    return copy


def backups(folder: str | Path, name: str) -> list[Path]:
    """Return the copies of a file, oldest first."""
    return sorted(Path(folder).glob(f"{name}.*"), key=lambda path: path.name)


def read_record(path: str | Path) -> dict[str, Any] | None:
    """Return the record of the last run, None when there is none or it is damaged: then the run is done again."""
    text = files.read(path)
    try:
        record = json.loads(text) if text else None
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def write_record(path: str | Path, record: dict[str, Any]) -> None:
    """Write the record of the last run."""
    files.write(path, json.dumps(record, sort_keys=True))


@contextlib.contextmanager
def lock(path: str | Path) -> Iterator[int]:
    """Hold the cluster's lock; yields the descriptor, which is given to the program that must not run twice.

    So the lock outlives us when we are killed and the program is not. Raises Refused when somebody else holds it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as err:
            holder = os.read(descriptor, 100).decode(errors="replace").strip() or "somebody else"
            raise errors.Refused(f"another run works on this cluster ({holder}); wait for its end") from err
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} since {now()}\n".encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)
