"""Run a program: the one place of this package that does I/O, because ``rke`` and ``kubectl`` need the same care."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from saltk8s.base import errors, redact

KEPT_LINES = 2000  # of a streamed program: enough to explain a failure, bounded for a long run


class Result(NamedTuple):
    """What a program returned: exit status, standard output, standard error."""

    exit_status: int
    out: str
    err: str


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
    Raises CommandTimeout, or MissingProgram when there is no such program or it cannot be started. A non-zero exit
    status is the caller's to judge, one below zero is the signal that killed it.
    """
    secrets = tuple(secrets)
    child = _started(argv, stdin, on_line, env, cwd, pass_fds)
    expired = threading.Event()
    timer = threading.Timer(timeout_s, _expire, (child, expired))
    timer.daemon = True
    timer.start()
    try:
        if on_line:
            out, err_text = _stream(child, on_line, secrets), ""
        elif give_up:
            out, err_text = _watched(child, stdin, give_up)
        else:
            out, err_text = child.communicate(stdin)
    finally:
        timer.cancel()
        kill_group(child)
    if expired.is_set():
        tail = "\n".join(redact.text((err_text or out or ""), secrets).splitlines()[-20:])
        raise errors.CommandTimeout(f"{argv[0]} timed out after {timeout_s:g} s", child.returncode, tail)
    return Result(child.returncode, redact.text(out, secrets), redact.text(err_text, secrets))


def _started(
    argv: Sequence[str],
    stdin: str | None,
    on_line: Callable[[str], None] | None,
    env: Mapping[str, str] | None,
    cwd: str | None,
    pass_fds: Sequence[int],
) -> subprocess.Popen[str]:
    try:
        return subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if on_line else subprocess.PIPE,
            env={**os.environ, **(env or {})},
            cwd=cwd,
            text=True,
            errors="replace",
            start_new_session=True,
            pass_fds=tuple(pass_fds),
        )
    except FileNotFoundError as err:
        raise errors.MissingProgram(f"no such program: {argv[0]}") from err
    except OSError as err:  # not executable, a file of another architecture, no memory for one more process
        raise errors.MissingProgram(f"{argv[0]} cannot be started: {err.strerror}") from err


def kill_group(child: subprocess.Popen[str]) -> None:
    """Kill the program and what it started, if any of it still runs."""
    if child.poll() is None:
        try:
            os.killpg(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    child.wait()


def _expire(child: subprocess.Popen[str], expired: threading.Event) -> None:
    if child.poll() is None:
        expired.set()
        kill_group(child)


def _stream(child: subprocess.Popen[str], on_line: Callable[[str], None], secrets: tuple[str, ...]) -> str:
    kept: deque[str] = deque(maxlen=KEPT_LINES)
    for raw in child.stdout or ():
        line = redact.text(raw.rstrip("\n"), secrets)
        kept.append(line)
        on_line(line)
    child.wait()
    return "\n".join(kept)


def _watched(child: subprocess.Popen[str], stdin: str | None, give_up: Callable[[str], bool]) -> tuple[str, str]:
    """Give the program its input and collect what it prints; kill it when it prints what ``give_up`` waits for."""
    pipe, child.stderr = child.stderr, None  # communicate() then leaves it to us
    assert pipe is not None, "run() asks for one"
    printed: list[str] = []

    def read_errors() -> None:
        with pipe:
            for line in pipe:
                printed.append(line)
                if give_up(line):
                    kill_group(child)

    reader = threading.Thread(target=read_errors, daemon=True)
    reader.start()
    out, _ = child.communicate(stdin)
    reader.join()
    return out, "".join(printed)
