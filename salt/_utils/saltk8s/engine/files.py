"""The cluster's files on the admin: written whole or not at all, for root only, the state never without a copy."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from saltk8s.base import errors

KEPT_BACKUPS = 100


def now() -> str:
    """The time in UTC, as it stands in file names and records."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H-%M-%S.%fZ")


def make_dir(path: str | Path) -> bool:
    """Make a folder for root only, or make it so. Returns whether anything changed."""
    path = Path(path)
    if path.is_dir():
        if path.stat().st_mode & 0o777 == 0o700:
            return False
        path.chmod(0o700)
        return True
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=0o700)
    return True


def read(path: str | Path) -> str | None:
    """Return a file's text, None when there is no such file; any other failure raises OSError."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def write(path: str | Path, text: str) -> bool:
    """Write a file for root only, whole or not at all. Returns whether anything changed."""
    path = Path(path)
    if read(path) == text and path.stat().st_mode & 0o777 == 0o600:
        return False
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # made 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return True


def private(path: str | Path) -> None:
    """Let only root read a file that somebody else made, if it is there."""
    with contextlib.suppress(FileNotFoundError):
        Path(path).chmod(0o600)


def backup(source: str | Path, folder: str | Path, moment: str) -> Path | None:
    """Copy a file beside its older copies. moment: ``before``, ``after`` or ``failed``; the name carries the time too.

    Returns the copy, None when there is nothing to copy. The oldest copies beyond KEPT_BACKUPS are removed.
    """
    text = read(source)
    if text is None:
        return None
    make_dir(folder)
    copy = Path(folder) / f"{Path(source).name}.{now()}.{moment}"
    write(copy, text)
    for old in backups(folder, Path(source).name)[:-KEPT_BACKUPS]:
        old.unlink(missing_ok=True)
    return copy


def backups(folder: str | Path, name: str) -> list[Path]:
    """Return the copies of a file, oldest first."""
    return sorted(Path(folder).glob(f"{name}.*"), key=lambda path: path.name)


def read_record(path: str | Path) -> dict[str, Any] | None:
    """Return the record of the last run, None when there is none or it is damaged: then the run is done again."""
    text = read(path)
    try:
        record = json.loads(text) if text else None
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def write_record(path: str | Path, record: dict[str, Any]) -> None:
    """Write the record of the last run."""
    write(path, json.dumps(record, sort_keys=True))


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
