"""The cluster's files on the admin: the SSH key, copies of the state, the record of the last run, the lock."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from saltk8s.base import errors, files

KEPT_BACKUPS = 50  # of runs that succeeded, and as many of the others
AFTER = "after"

KNOWN_HOSTS = "known_hosts"
LOCK = "lock"
RECORD = "last-run.json"


def prepare(paths: Mapping[str, str], private_key: str | None, test: bool = False) -> dict[str, str]:
    """Make the folder and the SSH key in it, for root only; return the changes, ``{path: what it is}``.

    paths: the model's; private_key: the deploy user's; test: write nothing. Raises Refused without a key.
    """
    if not private_key:
        raise errors.Refused("k8s:cluster:ssh:private_key is not in this minion's pillar: it is not the admin")
    folder, key = Path(paths["state_dir"]), Path(paths["ssh_key"])
    private_key = private_key.rstrip("\n") + "\n"  # without the last newline, ssh refuses the key
    changes: dict[str, str] = {}
    if not folder.is_dir() or folder.stat().st_mode & 0o777 != files.PRIVATE_FOLDER:
        changes[str(folder)] = "folder for root only"
    if files.read(key) != private_key or key.stat().st_mode & 0o777 != files.PRIVATE_FILE:
        changes[str(key)] = "SSH key"
    if changes and not test:
        files.make_private_folder(folder)
        files.write(key, private_key)
    return changes


def now() -> str:
    """Return the time in UTC, as file names and records have it."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H-%M-%S.%fZ")


def backup(
    source: str | Path, folder: str | Path, moment: str, usable: Callable[[str], bool] = lambda text: True
) -> Path | None:
    """Copy a file beside its older copies, of which each content is there once.

    moment: ``before``, ``after`` (a run that succeeded) or ``failed``; the name carries the time too; usable: whether a
    text is a whole file, for only such ones are copied. Returns the copy, an older one when it has this content; None
    when there is nothing to copy. The oldest copies beyond KEPT_BACKUPS are removed; those of runs that failed, however
    many, never push out one of a run that succeeded.
    """
    text, name = _text(source), Path(source).name
    if text is None or not usable(text):
        return None
    files.make_private_folder(folder)
    equal = [copy for copy in backups(folder, name) if _text(copy) == text]
    kept = next((copy for copy in reversed(equal) if _succeeded(copy)), None)
    if kept is None and (moment == AFTER or not equal):
        kept = Path(folder) / f"{name}.{now()}.{moment}"
        files.write(kept, text)
    kept = kept or equal[0]
    copies = [copy for copy in backups(folder, name) if copy == kept or copy not in equal]
    good, others = ([copy for copy in copies if _succeeded(copy) is success] for success in (True, False))
    for old in {*equal, *good[:-KEPT_BACKUPS], *others[:-KEPT_BACKUPS]} - {kept}:
        old.unlink(missing_ok=True)
    return kept


def _text(path: str | Path) -> str | None:
    try:
        return files.text_of(Path(path).read_bytes())
    except FileNotFoundError:
        return None


def _succeeded(copy: Path) -> bool:
    return copy.suffix == f".{AFTER}"


def backups(folder: str | Path, name: str) -> list[Path]:
    """Return the copies of a file, oldest first."""
    return sorted(Path(folder).glob(f"{name}.*"), key=lambda path: path.name)


def read_record(path: str | Path) -> dict[str, Any] | None:
    """Return the record of the last run, None when there is none or it is damaged: the engine then runs again."""
    text = files.read(path)
    try:
        record = json.loads(text) if text else None
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def attempt(last: Mapping[str, Any] | None, version: str) -> dict[str, Any]:
    """Return the record of a run that begins: what is known of the last one, and the version that it is on the way to.

    last: the record of the last run; it stays what was reached, until this run succeeds.
    """
    return {**(last or {}), "status": "running", "time": now(), "attempted": version}


def write_record(path: str | Path, record: dict[str, Any]) -> None:
    """Write the record of the last run."""
    files.write(path, json.dumps(record, sort_keys=True))


@contextlib.contextmanager
def lock(path: str | Path) -> Iterator[int]:
    """Hold the cluster's lock; yields its descriptor, for the program that must not run twice.

    The program inherits it, so the lock is held until both have ended. Raises Refused when another process holds it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as err:
            holder = os.read(descriptor, 100).decode(errors="replace").strip() or "unknown process"
            raise errors.Refused(f"the cluster is locked by another run ({holder}); wait until it ends") from err
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} since {now()}\n".encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)
