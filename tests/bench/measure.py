"""Run a program and measure its whole process tree: wall time, CPU time, peak memory.

CPU time comes from the kernel when the program has ended: its own and that of every child that was waited for. Memory
is sampled, because the kernel keeps a peak for each process alone: the sum over the tree, shared pages counted once
(PSS). Linux only.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

SAMPLE_S = 0.02
PAGE = os.sysconf("SC_PAGE_SIZE")
MIB = 1024 * 1024


class Measured(NamedTuple):
    """What a program needed and left; ``parts``: MiB by program name at the moment of the peak."""

    code: int | None  # exit status, None when it timed out
    out: str
    err: str
    wall_s: float
    cpu_s: float
    peak_mib: float
    parts: dict[str, float]


def run(argv: Sequence[str], env: Mapping[str, str], cwd: Path, timeout_s: float) -> Measured:
    """Run a program to its end; it and what it started are killed at the timeout or on an interrupt."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        begin = time.monotonic()
        child = subprocess.Popen(
            list(argv), env=dict(env), cwd=cwd, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True
        )
        peak = Peak(child.pid)
        try:
            status, usage, in_time = _until_its_end(child, peak, begin + timeout_s)
        except BaseException:
            kill(child.pid)
            child.wait()
            raise
        wall = time.monotonic() - begin
        texts = []
        for stream in (out, err):
            stream.seek(0)
            texts.append(stream.read().decode(errors="replace"))
    code = os.waitstatus_to_exitcode(status) if in_time else None
    return Measured(code, *texts, wall, usage.ru_utime + usage.ru_stime, peak.bytes / MIB, peak.parts)


def _until_its_end(child: subprocess.Popen, peak: Peak, end: float):
    """Sample until the program ends; return (its status, its rusage with that of its children, whether in time)."""
    in_time = True
    while True:
        peak.sample()
        pid, status, usage = os.wait4(child.pid, os.WNOHANG)
        if pid:
            child.returncode = os.waitstatus_to_exitcode(status)  # it is reaped: nobody is to wait for it again
            return status, usage, in_time
        if time.monotonic() > end:
            in_time = False
            kill(child.pid)
        time.sleep(SAMPLE_S)


def kill(top: int) -> None:
    """Kill a process and its descendants, which may have sessions of their own."""
    for pid in _tree(top):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # it ended by itself


class Peak:
    """The most memory that a process and its descendants had at one moment."""

    def __init__(self, pid: int):
        self.pid = pid
        self.bytes = 0
        self.parts: dict[str, float] = {}

    def sample(self) -> None:
        """Sample once. Resident sizes are cheap to read; PSS is asked for only when they could make a new peak."""
        tree = _tree(self.pid)
        if sum(_resident(pid) for pid in tree) <= self.bytes:
            return
        sizes = [(_name(pid), _pss(pid)) for pid in tree]
        total = sum(size for _, size in sizes)
        if total > self.bytes:
            self.bytes = total
            self.parts = {}
            for name, size in sizes:
                self.parts[name] = round(self.parts.get(name, 0) + size / MIB, 1)


def _tree(top: int) -> list[int]:
    """The process and its descendants, without those that are between fork and exec: these share all their memory."""
    found, commands = [], {top: _read(top, "cmdline")}
    queue = [top]
    while queue:
        pid = queue.pop()
        found.append(pid)
        for task in _tasks(pid):
            for child in map(int, _read(pid, f"task/{task}/children").split()):
                commands[child] = _read(child, "cmdline")
                if commands[child] != commands[pid]:
                    queue.append(child)
    return found


def _tasks(pid: int) -> list[str]:
    try:
        return os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []


def _read(pid: int, name: str) -> str:
    """A file of a process, empty when the process is gone."""
    try:
        return Path(f"/proc/{pid}/{name}").read_text()
    except OSError:
        return ""


def _resident(pid: int) -> int:
    words = _read(pid, "statm").split()
    return int(words[1]) * PAGE if words else 0


def _pss(pid: int) -> int:
    for line in _read(pid, "smaps_rollup").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def _name(pid: int) -> str:
    return _read(pid, "comm").strip() or "gone"
