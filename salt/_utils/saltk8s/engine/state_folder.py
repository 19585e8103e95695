"""The cluster's files on the admin: the SSH key, copies of the state, the record of the last run, the lock."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

from saltk8s.base import errors, files, processes

KEPT_BACKUPS = 50  # of runs that succeeded, and as many of the others
ROOM = 16 << 20  # bytes that a run needs in the folder: the state, a copy of it, what the engine's program prints
RESERVE = 4 << 20  # bytes of it that are taken before
FULL = 1 << 20  # with less, what fails in the folder fails for want of it
AFTER = "after"

KNOWN_HOSTS = "known_hosts"
LOCK = "lock"
RECORD = "last-run.json"
TURN = "turn.json"  # of a node: see saltk8s.turns
RUNS = "runs"
SNAPSHOT_RUNS = "snapshot-runs"  # apart from those: a snapshot changes nothing, and is no part of the record
SNAPSHOT = "snapshot.json"  # that was asked for, until whoever asked has it
RESERVED = "reserve"
REMOVED = "removed.json"
_TIME = "%Y-%m-%dT%H-%M-%S.%fZ"


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
    return datetime.now(timezone.utc).strftime(_TIME)


def backup(
    source: str | Path, folder: str | Path, moment: str, usable: Callable[[str], bool] = lambda text: True
) -> Path | None:
    """Copy a file beside its older copies, of which each content is there once.

    moment: ``before``, ``after`` (a run that succeeded) or ``failed``; the name carries the time too; usable: whether a
    text is a whole file, for only such ones are copied. Returns the copy, an older one when it has this content; None
    when there is nothing to copy. The oldest copies beyond KEPT_BACKUPS are removed; those of runs that failed, however
    many, never push out one of a run that succeeded.
    """
    text, name = text_of(source), Path(source).name
    if text is None or not usable(text):
        return None
    files.make_private_folder(folder)
    equal = [copy for copy in backups(folder, name) if text_of(copy) == text]
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


def text_of(path: str | Path) -> str | None:
    """Return a file's text, whatever its bytes are; None when there is none."""
    try:
        return files.text_of(Path(path).read_bytes())
    except FileNotFoundError:
        return None


def _succeeded(copy: Path) -> bool:
    return copy.suffix == f".{AFTER}"


def backups(folder: str | Path, name: str) -> list[Path]:
    """Return the copies of a file, oldest first."""
    return sorted(Path(folder).glob(f"{name}.*"), key=lambda path: path.name)


def whole(paths: Mapping[str, str]) -> Path:
    """Return where the last whole content of the engine's state file is kept: it is written in place."""
    return Path(f"{paths['state_file']}.whole")


def check_room(folder: str | Path) -> None:
    """Raise Refused before a run that would end in the middle, because the disk is full by then."""
    if (left := files.room(folder)) < ROOM:
        raise errors.Refused(f"{no_space(folder, left)}, and a run needs {ROOM >> 20} MiB; nothing was run")


def reserve(folder: str | Path) -> Path:
    """Take room that is given back when the engine's keys have to be kept and the disk is full. Raises OSError."""
    path = Path(folder) / RESERVED
    with files.named(path), path.open("wb") as stream:
        os.fchmod(stream.fileno(), files.PRIVATE_FILE)
        if RESERVE:
            os.posix_fallocate(stream.fileno(), 0, RESERVE)
    return path


def no_space(folder: str | Path, left: int) -> str:
    """Return how a full disk is told. left: bytes, as files.room has them."""
    return f"no space left on device: {folder} has {left / 2**20:.1f} MiB free"


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


class Owner(NamedTuple):
    """Who took the lock last. what: for what; since: when; process: None for the lock of an older release."""

    what: str
    since: str
    process: processes.Process | None

    @property
    def alive(self) -> bool:
        """Whether that process still runs."""
        return self.process is not None and self.process.alive


def owner(path: str | Path) -> Owner | None:
    """Return who took the lock last, None when nobody did."""
    text = files.read(path)
    if not text:
        return None
    try:
        found = json.loads(text)
        return Owner(found["what"], found["since"], processes.Process(found["pid"], found["start"]))
    except (ValueError, TypeError, KeyError):
        return Owner(text.strip()[:100], "an unknown time", None)


@contextlib.contextmanager
def lock(path: str | Path, what: str = "a run") -> Iterator[int]:
    """Hold the cluster's lock; yields its descriptor, for the program that must not run twice.

    The program inherits it, so the lock is held until both have ended; one whose holders all ended is free, whatever
    stands in the file. what: what it is taken for, shown to others. Raises Refused, with the owner, its age and the way
    to take over, when another process holds it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as err:
            raise errors.Refused(_locked(path)) from err
        me = processes.find(os.getpid())
        text = json.dumps({"what": what, "since": now(), "pid": os.getpid(), "start": me.start if me else 0})
        with files.named(path):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{text}\n".encode(), 0)
        try:
            yield descriptor
        finally:
            os.ftruncate(descriptor, 0)  # the program that we leave behind holds it now
    finally:
        os.close(descriptor)


def _locked(path: str | Path) -> str:
    held, found = owner(path), processes.holders(path)
    if held and held.process and held.alive:
        age = datetime.now(timezone.utc) - datetime.strptime(held.since, _TIME).replace(tzinfo=timezone.utc)
        return (
            f"the cluster is locked by another run: {held.what}, process {held.process.pid} ({held.process.name}), "
            f"since {held.since} ({_minutes(age.total_seconds())}). Wait until it ends, or take over: "
            f"`kill {held.process.pid}` and apply again. An engine that it started goes on, and the next run follows it"
        )
    names = ", ".join(f"process {one.pid} ({one.name}, {_minutes(one.age_s)})" for one in found)
    return (
        f"the cluster is locked by another run: {names or 'a process that this user cannot see'}; who took the lock "
        f"has ended. Wait until it ends, or take over: `kill {found[0].pid if found else 'PID'}`, which ends it in the "
        f"middle of what it does, and apply again. The lock of an ended process needs no removal"
    )


def _minutes(seconds: float) -> str:
    return f"{seconds // 60:.0f} min" if seconds >= 120 else f"{seconds:.0f} s"


# a cluster that is given up


def removal(paths: Mapping[str, str]) -> dict[str, Any] | None:
    """Return what is known of the removal, ``{"cluster", "time", "nodes"}``; None where there was none."""
    text = files.read(Path(paths["state_dir"]) / REMOVED)
    if not text:
        return None
    try:
        return json.loads(text)
    except ValueError:  # cut off: it was removed, and more is not known
        return {"cluster": "", "time": "", "nodes": []}


def refuse_removed(paths: Mapping[str, str]) -> None:
    """Raise Refused when the cluster was removed: a scheduled run would build an empty one under its name."""
    if found := removal(paths):
        raise errors.Refused(
            f"the cluster {found['cluster']} was removed on {found['time']}; nothing was run. To build a new, "
            f"empty one under this name: rm {Path(paths['state_dir']) / REMOVED}, then apply. To get the old one back: "
            f"docs/operations/removal.md"
        )


def remove(model: Mapping[str, Any], nodes: Iterable[str], typed: str, test: bool) -> dict[str, Any]:
    """Give a cluster up: move its state and kubeconfig aside, so that no run builds it again; return changes and lines.

    That is all on the admin. The nodes are cleaned by their own minions after it, whatever of the cluster still works:
    an engine's own removal needs control planes that answer.

    nodes: names of those that it has; typed: its name, as a confirmation; test: write nothing. Raises Refused: another
    name; a run is in progress.
    """
    name, paths = model["cluster"]["name"], model["paths"]
    if typed != name:
        raise errors.Refused(f"refused, nothing was done: {typed!r} is not the name of this cluster, {name}")
    folder, found = Path(paths["state_dir"]), removal(paths)
    moved = [path for key in ("state_file", "kubeconfig", "cluster_yml") if (path := Path(paths[key])).exists()]
    moved += [path for path in (folder / RECORD, whole(paths)) if path.exists()]
    if not moved:
        return {"changes": {}, "lines": []}
    time = (found or {}).get("time") or now()
    target = folder / f"removed-{time}"
    changes = {"cluster": {"old": name, "new": None}, str(target): {"old": None, "new": "its state and all its keys"}}
    lines = [f"{name} is given up: {', '.join(path.name for path in moved)} go to {target}"]
    if test:
        return {"changes": {"cluster": changes["cluster"]}, "lines": lines}
    with lock(folder / LOCK, "k8s_cluster.remove"):
        left = {"cluster": name, "time": time, "nodes": sorted(nodes)}
        files.write(folder / REMOVED, json.dumps(found or left))  # first: from now on no run begins
        files.make_private_folder(target)
        for path in moved:
            path.rename(target / path.name)
    return {"changes": changes, "lines": lines}
