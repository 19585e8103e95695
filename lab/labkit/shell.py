"""Run programs for the lab: argument lists, output to a log, errors with the complete output."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import subprocess
import time

from labkit import config


class LabError(Exception):
    """A step of the lab failed; the message has the complete output of the program that failed."""


def run(
    *argv: str | os.PathLike,
    stdin: str | None = None,
    timeout_s: float = 600,
    check: bool = True,
    env: dict[str, str] | None = None,
    log: str | None = None,
) -> str:
    """Run a program; return its standard output.

    check: raise LabError with the complete output unless it exits with status 0; log: name of the file in the lab's
    logs to which both streams are added.
    """
    argv = [os.fspath(part) for part in argv]
    environment = os.environ | {"DOCKER_BUILDKIT": "0"} | (env or {})
    try:
        done = subprocess.run(
            argv,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            env=environment,
            stdin=subprocess.DEVNULL if stdin is None else None,
            errors="replace",
            check=False,
        )
    except FileNotFoundError as err:
        raise LabError(f"{argv[0]}: not found") from err
    except subprocess.TimeoutExpired as err:
        output = "".join(
            part.decode(errors="replace") if isinstance(part, bytes) else part or ""
            for part in (err.stdout, err.stderr)
        )
        raise LabError(f"{' '.join(argv)}: timed out after {timeout_s:.0f} s\n{output}") from err
    if log:
        write_log(log, f"$ {' '.join(argv)}\n{done.stdout}{done.stderr}")
    if check and done.returncode:
        raise LabError(f"{' '.join(argv)}: exit status {done.returncode}\n{done.stdout}{done.stderr}".rstrip())
    return done.stdout


def write_log(name: str, text: str) -> None:
    """Add to a log file of the lab."""
    folder = config.logs()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("a") as file:
        file.write(text.rstrip("\n") + "\n")


def succeeds(*argv: str | os.PathLike) -> bool:
    """Whether a program exits with status 0."""
    try:
        return (
            subprocess.run(
                [os.fspath(part) for part in argv], stdin=subprocess.DEVNULL, capture_output=True, check=False
            ).returncode
            == 0
        )
    except FileNotFoundError:
        return False


def until(condition, what: str, timeout_s: float, every_s: float = 0.3):
    """Wait for a condition; return its value once it is true, raise LabError naming ``what`` at the timeout."""
    end = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise LabError(f"timed out after {timeout_s:.0f} s waiting until {what}")
        time.sleep(every_s)


def start_process(name: str, *argv: str | os.PathLike, env: dict[str, str] | None = None) -> int:
    """Start a process of the lab in the background, its output in NAME.log; its id is kept for ``stop_process``."""
    folder = config.logs()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.log").open("a") as output:
        process = subprocess.Popen(
            [os.fspath(part) for part in argv],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            env=os.environ | (env or {}),
        )
    pid_file(name).parent.mkdir(parents=True, exist_ok=True)
    pid_file(name).write_text(f"{process.pid} {start_time(process.pid)}\n")
    return process.pid


def pid_file(name: str) -> pathlib.Path:
    """Where the id of a background process is kept."""
    return config.state() / "pids" / name


def start_time(pid: int) -> str:
    """When a process started (clock ticks after boot), "" when there is none: process ids are reused, this is not."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""


def running(name: str) -> int | None:
    """The id of a background process of the lab, None when it does not run."""
    try:
        pid, started = pid_file(name).read_text().split()
    except (OSError, ValueError):
        return None
    with contextlib.suppress(ChildProcessError, OSError):
        os.waitpid(int(pid), os.WNOHANG)  # one that we started and that ended is a zombie until it is waited for
    return int(pid) if start_time(int(pid)) == started else None


def stop_process(name: str, timeout_s: float = 60) -> bool:
    """End a background process of the lab with SIGTERM, after the timeout with SIGKILL; return whether it ran."""
    pid = running(name)
    if pid:
        os.kill(pid, signal.SIGTERM)
        try:
            until(lambda: not running(name), f"{name} exits", timeout_s)
        except LabError:
            os.kill(pid, signal.SIGKILL)
    pid_file(name).unlink(missing_ok=True)
    return bool(pid)
