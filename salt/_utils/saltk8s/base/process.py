"""Run a program: the one place of this package that does I/O, because ``rke`` and ``kubectl`` need the same care."""

from __future__ import annotations

import codecs
import io
import os
import selectors
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import IO, Any, NamedTuple

from saltk8s.base import errors, redact

KEPT_LINES = 2000  # of a streamed program: enough to explain a failure, bounded for a long run
GRACE_S = 0.5  # after the program's end, while something that it left running keeps its output open
POLL_S = 0.1  # how often it is looked whether the program has ended without closing its output
CHUNK = 1 << 16
PIPE_MAX = 1 << 20  # bytes that a pipe can hold: what comes after so many is not the ended program's own
LINE_MAX = 1 << 20  # characters: what is longer counts as several lines
SAID = 300  # characters of an error that are shown
LARGEST = 1 << 29  # bytes of output that are kept: before they fill the memory, the program is killed


class Result(NamedTuple):
    """What a program returned: exit status, standard output, standard error."""

    exit_status: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """The end of its standard error, in one line."""
        return " ".join(self.err.split())[-SAID:]

    @property
    def failure(self) -> str:
        """Why it failed, in one line: what it said, or its exit status."""
        return self.said or f"exit status {self.exit_status}"


def run(
    argv: Sequence[str],
    stdin: str | None = None,
    timeout_s: float = 60,
    env: Mapping[str, str] | None = None,
    cwd: str | None = None,
    on_line: Callable[[str], None] | None = None,
    secrets: Iterable[str] = (),
    pass_fds: Sequence[int] = (),
    give_up: Callable[[str], bool] | None = None,
) -> Result:
    """Run a program until it exits; on a timeout its whole process group is killed.

    argv: list of words, the program first; stdin: text given to it; timeout_s: seconds until it is killed;
    env: variables added to ours; on_line: called with each line of its output while it runs (standard error
    joins standard output then); secrets: texts that are redacted in what is returned; pass_fds: descriptors it
    inherits, such as a lock that it holds for as long as it lives; give_up: called with each line of its standard
    error while it runs: True kills it at once, and what it printed so far is returned (not together with on_line).
    What the program leaves running in the background is not waited for and not killed, even when it keeps the output
    open: GRACE_S after the program's own end, what was printed until then is returned.
    Raises CommandTimeout; MissingProgram when there is no such program or it cannot be started; CommandError when it
    prints more than LARGEST. A non-zero exit status is the caller's to judge, one below zero is the signal that killed
    it.
    """
    secrets = tuple(secrets)
    end = time.monotonic() + timeout_s
    child = _started(argv, stdin, on_line, env, cwd, pass_fds)
    out: _Whole | Lines = _Whole(argv[0])
    err: _Whole | Lines = _Whole(argv[0])
    if on_line:
        out = Lines(on_line, secrets, KEPT_LINES)
    elif give_up:
        err = Lines(lambda line: kill_group(child) if give_up(line) else None)
    try:
        in_time = _exchange(child, stdin, out, err, end)
    finally:
        kill_group(child)
        for pipe in (child.stdin, child.stdout, child.stderr):
            _close(pipe)
    if not in_time:
        tail = "\n".join(redact.text(err.text() or out.text(), secrets).splitlines()[-20:])
        raise errors.CommandTimeout(f"{argv[0]} timed out after {timeout_s:g} s", child.returncode, tail)
    return Result(child.returncode, redact.text(out.text(), secrets), redact.text(err.text(), secrets))


def _started(
    argv: Sequence[str],
    stdin: str | None,
    on_line: Callable[[str], None] | None,
    env: Mapping[str, str] | None,
    cwd: str | None,
    pass_fds: Sequence[int],
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            list(argv),
            bufsize=0,
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if on_line else subprocess.PIPE,
            env={**os.environ, **(env or {})},
            cwd=cwd,
            start_new_session=True,
            pass_fds=tuple(pass_fds),
        )
    except FileNotFoundError as err:
        raise errors.MissingProgram(f"no such program: {argv[0]}") from err
    except OSError as err:  # not executable, a file of another architecture, no memory for one more process
        raise errors.MissingProgram(f"{argv[0]} cannot be started: {err.strerror}") from err


def kill_group(child: subprocess.Popen[bytes]) -> None:
    """Kill the program and what it started, if it still runs."""
    if child.poll() is None:
        try:
            os.killpg(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    try:
        child.wait(GRACE_S)
    except subprocess.TimeoutExpired:  # the kernel does not let go of it: it waits for a disk or a file server
        pass


def _exchange(
    child: subprocess.Popen[bytes], stdin: str | None, out: _Whole | Lines, err: _Whole | Lines, end: float
) -> bool:
    """Give the program its input and take what it prints, until it ends; return False when it was killed at ``end``."""
    with selectors.PollSelector() as waiting:
        for pipe, taker in ((child.stdout, out), (child.stderr, err)):
            if pipe:
                waiting.register(pipe, selectors.EVENT_READ, taker)
        if child.stdin:
            os.set_blocking(child.stdin.fileno(), False)
            waiting.register(child.stdin, selectors.EVENT_WRITE, memoryview((stdin or "").encode(errors="replace")))
        in_time, look, stop, left = True, time.monotonic() + POLL_S, 0.0, PIPE_MAX
        while waiting.get_map():
            now = time.monotonic()
            if not stop and now >= min(look, end):
                look = now + POLL_S
                if child.poll() is None and now >= end:
                    in_time = False
                    kill_group(child)
                if child.returncode is not None or not in_time:
                    stop = now + GRACE_S
            ready = waiting.select(max(0.0, (stop or min(look, end)) - now))
            read = 0
            for key, _ in ready:
                read += _serve(waiting, key)
            left -= read if stop else 0
            if stop and (left < 0 or (not read and time.monotonic() >= stop)):
                break
    try:  # it may have closed its output and go on
        child.wait(max(0.0, end - time.monotonic()) if in_time else 0)
    except subprocess.TimeoutExpired:
        in_time = False
        kill_group(child)
    return in_time


def _serve(waiting: selectors.BaseSelector, key: selectors.SelectorKey) -> int:
    """Read from or write to a pipe that is ready; return how many bytes were read. A finished pipe is closed."""
    pipe: Any = key.fileobj
    if key.events == selectors.EVENT_READ:
        data = os.read(key.fd, CHUNK)
        key.data.take(data)
        done = not data
    else:
        data = b""
        try:
            rest = key.data[os.write(key.fd, key.data[:CHUNK]) :]
        except BrokenPipeError:  # it does not want more
            rest = key.data[:0]
        waiting.modify(pipe, key.events, rest)
        done = not rest
    if done:
        waiting.unregister(pipe)
        pipe.close()
    return len(data)


def _close(pipe: IO[bytes] | None) -> None:
    if pipe:
        pipe.close()


class _Whole:
    """What a program prints, kept until its end."""

    def __init__(self, program: str):
        self._program = program
        self._chunks: list[bytes] = []
        self._size = 0

    def take(self, data: bytes) -> None:
        """Take the next bytes; none at the end. Raises CommandError when they are too many."""
        self._chunks.append(data)
        self._size += len(data)
        if self._size > LARGEST:
            raise errors.CommandError(f"{self._program} printed more than {LARGEST >> 20} MiB, and was killed")

    def text(self) -> str:
        """Return all of it."""
        data = b"".join(self._chunks)
        self._chunks = [data]
        if b"\r" in data:
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return data.decode(errors="replace")


class Lines:
    """What a program prints, line by line: each is redacted and given to ``on_line``, the last ``kept`` stay."""

    def __init__(self, on_line: Callable[[str], object], secrets: tuple[str, ...] = (), kept: int | None = None):
        self._on_line, self._secrets = on_line, secrets
        self._kept: deque[str] = deque(maxlen=kept)
        self._decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder("utf-8")("replace"), translate=True)
        self._begun = ""  # a line without its end

    def take(self, data: bytes) -> None:
        """Take the next bytes; none at the end."""
        *lines, self._begun = (self._begun + self._decoder.decode(data, final=not data)).split("\n")
        if self._begun and (not data or len(self._begun) > LINE_MAX):
            lines.append(self._begun)
            self._begun = ""
        for raw in lines:
            line = redact.text(raw, self._secrets)
            self._kept.append(line)
            self._on_line(line)

    def text(self) -> str:
        """Return the lines that were kept."""
        return "\n".join([*self._kept, self._begun] if self._begun else self._kept)
