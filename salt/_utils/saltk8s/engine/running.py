"""A run of the engine's program, which outlives whoever started it: found again by the next run, followed to its end.

The program writes to a file and to no pipe, in a session of its own and, where there is systemd, in a scope of its
own: neither a killed job, nor a restarted minion, nor a reader that went away ends it in the middle of a node. A run
is three files in a folder for root only: ``<time>.log`` (all that it printed), ``<time>.pid`` (which process it is)
and, at its end, ``<time>.status``.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from saltk8s.base import errors, files, process, processes
from saltk8s.engine import state_folder

KEPT = 20  # runs whose output is kept
POLL_S = 0.1
STARTING_S = 5  # until the shell of a run has noted its number
STOPPING_S = 0.2  # until all threads of a program stand still
TERM_S = 10  # until a program that was asked to end is killed
PATIENCE_S = 600  # after the time limit, until a moment comes at which it may be ended
SYSTEMD = Path("/run/systemd/system")
BOOT = "/proc/sys/kernel/random/boot_id"

# A trap, unlike an ignored signal, is not inherited: TERM to the group ends the program, and its status is written.
_SHELL = """base=$1; shift
umask 077
trap : TERM HUP INT
cat /proc/$$/stat /proc/sys/kernel/random/boot_id >"$base.pid" || exit 126
"$@"
status=$?
echo $status >"$base.new" && mv "$base.new" "$base.status"
exit $status
"""


class Gate(Protocol):
    """What decides between the steps of a run whether it goes on; the run stands still meanwhile.

    closed: why it was ended, "" while it was not.
    """

    closed: str

    @property
    def due(self) -> bool:
        """Whether it has to be asked before the run goes on."""

    def is_closed(self) -> bool:
        """Ask; return whether the run has to end here."""


@dataclass
class Run:
    """One run. base: path of its files, without their ending; leader: its process, which leads a group of its own."""

    base: Path
    leader: processes.Process | None
    child: subprocess.Popen[bytes] | None = None  # of the process that started it

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self.leader is not None and self.leader.alive

    @property
    def log(self) -> Path:
        """The file with all that it printed."""
        return _file(self.base, "log")

    @property
    def exit_status(self) -> int | None:
        """Its exit status, below zero for the signal that killed it; None when it ended without leaving one."""
        try:
            status = int(files.read(_file(self.base, "status")) or "")
        except ValueError:  # a full disk takes no status, but our own child has one
            return self.child.poll() if self.child else None
        return status if status <= 128 else 128 - status

    def follow(
        self,
        on_line: Callable[[str], None],
        timeout_s: float,
        secrets: Iterable[str] = (),
        may_end: Callable[[], bool] = lambda: True,
        gate: Gate | None = None,
    ) -> str:
        """Wait for its end; return the last lines that it printed.

        on_line: called with each line from its beginning on, redacted; timeout_s: seconds since it was started;
        secrets: texts that are redacted; may_end: whether it may be ended now, asked while it stands still and all its
        lines were read; gate: asked where it may be ended.
        Raises CommandError when the gate ended it; CommandTimeout: it was ended at the time limit, or, when may_end did
        not allow that, still runs.
        """
        lines = process.Lines(on_line, tuple(secrets), process.KEPT_LINES)
        with self.log.open("rb") as stream:

            def read() -> None:
                _take_all(stream, lines)

            def is_closed() -> bool:
                return bool(gate and may_end() and gate.due and gate.is_closed())

            self._signal(signal.SIGCONT)  # whoever asked the gate may have been killed meanwhile
            while self.alive:
                read()
                if gate and gate.due and may_end():
                    self._end(read, is_closed)
                    if gate.closed:
                        raise errors.CommandError(gate.closed, None, lines.text())
                late = self.leader.age_s - timeout_s if self.leader else 0.0
                if late > 0 and may_end() and self._end(read, may_end):
                    read()
                    raise errors.CommandTimeout(f"timed out after {timeout_s:g} s and was ended", None, lines.text())
                if late > PATIENCE_S:
                    why = f"timed out after {timeout_s:g} s, but cannot be ended now and still runs: {self}"
                    raise errors.CommandTimeout(why, None, lines.text())
                time.sleep(POLL_S)
            read()
        lines.take(b"")
        if self.child:
            self.child.wait()
        return lines.text()

    def _end(self, read: Callable[[], None], may_end: Callable[[], bool]) -> bool:
        """End it, unless that must not be now: it stands still while that is decided, so nothing happens unseen."""
        if not self.leader or not self._signal(signal.SIGSTOP):
            return True
        time.sleep(STOPPING_S)
        try:
            read()
            allowed = may_end()
            if allowed:
                self._signal(signal.SIGTERM)
        finally:
            self._signal(signal.SIGCONT)
        end = time.monotonic() + TERM_S
        while allowed and self.alive and time.monotonic() < end:
            time.sleep(POLL_S)
        if allowed and self.alive:
            self._signal(signal.SIGKILL)
        return allowed

    def _signal(self, number: int) -> bool:
        if not self.leader or not self.leader.alive:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.leader.pid, number)
        return True

    def __str__(self) -> str:
        pid = f"process {self.leader.pid}" if self.leader else "no process"
        return f"{pid} since {self.base.name}, its output is in {self.log}"


def start(argv: Sequence[str], folder: str | Path, cwd: str, pass_fds: Iterable[int] = (), at: str = "") -> Run:
    """Start a program that goes on when we end.

    argv: list of words, the program first; folder: for the run's files; cwd: where it runs; pass_fds: descriptors that
    it inherits, such as a lock that it holds for as long as it lives; at: its name, the time by default.
    Raises MissingProgram.
    """
    if not os.access(argv[0], os.X_OK):
        raise errors.MissingProgram(f"no such program, or it is not executable: {argv[0]}")
    files.make_private_folder(folder)
    _remove_old(Path(folder))
    base = Path(folder) / (at or state_folder.now())
    log = os.open(_file(base, "log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, files.PRIVATE_FILE)
    try:
        child = subprocess.Popen(
            [*_apart(), "/bin/sh", "-c", _SHELL, "sh", str(base), *argv],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            start_new_session=True,
            pass_fds=tuple(pass_fds),
        )
    except OSError as err:
        raise errors.MissingProgram(f"{argv[0]} cannot be started: {err.strerror}") from err
    finally:
        os.close(log)
    return Run(base, processes.find(child.pid), child)


def last(folder: str | Path) -> Run | None:
    """Return the newest run, None when there was none."""
    logs = sorted(Path(folder).glob("*.log"))
    return named(folder, logs[-1].name.removesuffix(".log")) if logs else None


def named(folder: str | Path, name: str) -> Run:
    """Return a run; of one that is not there, no process and no status. name: as ``start`` gave it."""
    base = Path(folder) / name
    end = time.monotonic() + STARTING_S
    while _starts(base) and time.monotonic() < end:  # whoever started it may have been killed right after it
        time.sleep(POLL_S)
    stat, _, boot = (files.read(_file(base, "pid")) or "").partition("\n")
    here = not boot or boot == files.read(BOOT)  # after a power cut its number may be another process's
    return Run(base, processes.parse(stat) if here else None)


def _starts(base: Path) -> bool:
    """Whether a run may have a process that is not noted yet."""
    if _file(base, "status").exists() or files.read(_file(base, "pid")):
        return False
    try:
        return abs(time.time() - _file(base, "log").stat().st_mtime) < STARTING_S
    except FileNotFoundError:
        return False


def _apart() -> list[str]:
    """Return the words that start a program outside the minion's service, which may take all of it along when it ends.

    A scope and no service: a service is not our child, and would not inherit the lock.
    """
    words = ["systemd-run", "--scope", "--quiet", "--collect", "--no-ask-password"]
    if not SYSTEMD.is_dir() or not shutil.which(words[0]):
        return []
    try:
        return [*words, "--"] if process.run([*words, "true"], timeout_s=10).exit_status == 0 else []
    except errors.CommandError:
        return []


def _take_all(stream: BinaryIO, lines: process.Lines) -> None:
    while data := stream.read(process.CHUNK):
        lines.take(data)


def _remove_old(folder: Path) -> None:
    for log in sorted(folder.glob("*.log"))[: 1 - KEPT]:
        for ending in ("log", "pid", "status"):
            _file(log.with_name(log.name.removesuffix(".log")), ending).unlink(missing_ok=True)


def _file(base: Path, ending: str) -> Path:
    return base.with_name(f"{base.name}.{ending}")
