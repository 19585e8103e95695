"""Processes of this machine, told apart by number and start: a number alone may be another process's by now."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")


class Process(NamedTuple):
    """A process. pid: its number; start: when it began, in clock ticks since the machine did."""

    pid: int
    start: int

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return find(self.pid) == self

    @property
    def age_s(self) -> float:
        """How long ago it began, in seconds; a clock that is set does not change it."""
        return max(0.0, float((PROC / "uptime").read_text().split()[0]) - self.start / _TICKS)

    @property
    def name(self) -> str:
        """The program's name, ``unknown`` when it has ended."""
        try:
            return (PROC / str(self.pid) / "comm").read_text().strip()
        except OSError:
            return "unknown"


def parse(stat: str) -> Process | None:
    """Return the process that a line of ``/proc/PID/stat`` is about, None when it is no whole line or has ended."""
    pid, _, rest = stat.partition(" ")
    words = rest.rpartition(")")[2].split()  # a program's name may hold spaces and brackets
    return Process(int(pid), int(words[19])) if len(words) > 19 and words[0] not in "ZX" else None


def find(pid: int) -> Process | None:
    """Return the process of a number, None when there is none; one that has ended counts as none."""
    try:
        return parse((PROC / str(pid) / "stat").read_text())
    except OSError:
        return None


def holders(path: str | Path) -> list[Process]:
    """Return the other processes that have a file open, as far as we may know."""
    try:
        wanted = Path(path).stat()
    except FileNotFoundError:
        return []
    return [found for pid in _pids() if pid != os.getpid() and _has_open(pid, wanted) and (found := find(pid))]


def started_in(program: str, folder: str | Path) -> list[Process]:
    """Return the processes of a program that were started in a folder, or with a path below it in an argument."""
    wanted, found = Path(folder).resolve(), []
    for pid in _pids():
        try:
            name, *words = (PROC / str(pid) / "cmdline").read_bytes().decode(errors="replace").split("\0")
            cwd = (PROC / str(pid) / "cwd").readlink()
        except OSError:  # it has ended, or is not ours
            continue
        paths = [cwd, *((cwd / word.rpartition("=")[2]).resolve() for word in words if word)]
        if Path(name).name == program and any(path.is_relative_to(wanted) for path in paths):
            found.append(find(pid))
    return [one for one in found if one]


def _pids() -> Iterator[int]:
    return (int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit())


def _has_open(pid: int, wanted: os.stat_result) -> bool:
    try:
        for entry in (PROC / str(pid) / "fd").iterdir():
            try:
                if os.path.samestat(entry.stat(), wanted):
                    return True
            except OSError:  # closed in the meantime
                continue
    except OSError:  # it has ended, or is not ours
        pass
    return False
