"""Files to and from a node, over SSH: neither fits into memory, and both hold keys, so they are for root alone."""

from __future__ import annotations

import errno
import os
import subprocess
import tarfile
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from saltk8s.base import errors, files, process
from saltk8s.engine import state_folder


def fetch(argv: Sequence[str], path: str | Path, timeout_s: float) -> None:
    """Write what a command prints to a file, made anew for root only.

    argv: the command's words. Raises CommandError with the last of what it says, CommandTimeout; OSError: the disk here
    is full, of which a command that writes says nothing clear.
    """
    try:
        _fetch(argv, path, timeout_s)
    except errors.CommandError as err:
        if files.room(path) >= state_folder.FULL:
            raise
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from err


def _fetch(argv: Sequence[str], path: str | Path, timeout_s: float) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, files.PRIVATE_FILE)
    with os.fdopen(descriptor, "wb") as target, _running(argv, timeout_s, stdout=target):
        pass


def send(argv: Sequence[str], path: str | Path, name: str, timeout_s: float) -> None:
    """Give a file to a command that reads a tar archive, as ``docker cp -`` does.

    argv: the command's words; name: of the file in the archive. Raises as ``fetch`` does.
    """

    def only_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        member.mode = files.PRIVATE_FILE
        return member

    with _running(argv, timeout_s, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as pipe:
        # a command that ended reads no more: its own words say why
        with suppress(BrokenPipeError), tarfile.open(fileobj=pipe, mode="w|") as archive:
            archive.add(path, name, recursive=False, filter=only_root)


@contextmanager
def _running(
    argv: Sequence[str], timeout_s: float, stdin: int = subprocess.DEVNULL, stdout: int | IO[bytes] | None = None
) -> Iterator[IO[bytes] | None]:
    with tempfile.TemporaryFile() as said:
        try:
            child = subprocess.Popen(
                list(argv), stdin=stdin, stdout=stdout, stderr=said, start_new_session=True, close_fds=True
            )
        except OSError as err:
            raise errors.MissingProgram(f"{argv[0]} cannot be started: {err.strerror}") from err
        late = threading.Event()
        timer = threading.Timer(timeout_s, _end(child, late))
        timer.daemon = True
        timer.start()
        try:
            yield child.stdin
            with suppress(BrokenPipeError):
                if child.stdin:
                    child.stdin.close()
            child.wait()
        finally:
            timer.cancel()
            process.kill_group(child)
        said.seek(0)
        words = " ".join(said.read().decode(errors="replace").split())[-300:]
    if late.is_set():
        raise errors.CommandTimeout(f"{argv[0]} timed out after {timeout_s:g} s", None, words)
    if child.returncode:
        raise errors.CommandError(words or f"exit status {child.returncode}", child.returncode)


def _end(child: subprocess.Popen[bytes], late: threading.Event) -> Callable[[], None]:
    def end() -> None:
        late.set()
        process.kill_group(child)

    return end
