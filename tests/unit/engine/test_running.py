"""Runs that outlive their callers: started apart, found again, followed, ended where that is allowed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from saltk8s.base import errors, processes
from saltk8s.engine import running

GENEROUS_S = 30
LOOP = "n=0; while [ $n -lt 600 ]; do n=$((n+1)); echo line $n; sleep 0.05; done"


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """A folder for runs, whose programs are ended when the test is."""
    monkeypatch.setattr(running, "PATIENCE_S", 0.5)
    yield tmp_path / "runs"
    found = running.last(tmp_path / "runs")
    if found and found.alive:
        os.killpg(found.leader.pid, signal.SIGKILL)


def started(runs: Path, script: str) -> running.Run:
    return running.start(["/bin/sh", "-c", script], runs, str(runs.parent))


def until(condition) -> None:
    end = time.monotonic() + GENEROUS_S
    while not condition():
        assert time.monotonic() < end, "timed out"
        time.sleep(0.05)


def test_its_lines_come_redacted_and_its_end_is_kept(runs):
    seen: list[str] = []
    run = started(runs, "echo one sesame; echo two >&2; exit 3")
    assert run.follow(seen.append, GENEROUS_S, ["sesame"]) == "one <redacted>\ntwo"
    assert seen == ["one <redacted>", "two"]
    assert (run.exit_status, run.alive) == (3, False)
    for path in [runs, *runs.iterdir()]:
        assert path.stat().st_mode & 0o077 == 0, path
    again = running.last(runs)
    assert (again.exit_status, again.alive) == (3, False)
    assert again.follow(seen.append, GENEROUS_S) == "one sesame\ntwo", "in the file, for root only, it stands as it was"


def test_a_process_of_another_boot_is_not_the_run(runs):
    run = started(runs, LOOP)
    until(lambda: running.last(runs).alive)
    path = run.log.with_suffix(".pid")
    stat, boot = path.read_text().splitlines()
    path.write_text(f"{stat}\n{boot[:-1]}x\n")
    assert not running.last(runs).alive
    path.write_text(f"{stat}\n")
    assert running.last(runs).alive, "of an older release"


def test_a_run_that_was_only_just_started_is_found(runs):
    runs.mkdir()
    (runs / "one.log").touch()  # its shell has not noted its number yet, and its caller is gone
    text = Path(f"/proc/{os.getpid()}/stat").read_text()
    threading.Timer(0.5, lambda: (runs / "one.pid").write_text(text)).start()
    assert running.last(runs).alive
    (runs / "one.pid").unlink()
    os.utime(runs / "one.log", (0, 0))
    assert not running.last(runs).alive, "it never began"


def test_a_full_disk_keeps_a_program_from_being_started(runs, tmp_path):
    (runs / "x").mkdir(parents=True)
    full = running._SHELL.replace('"$base.pid"', "/dev/full")
    code = ["/bin/sh", "-c", full, "sh", str(runs / "one"), "touch", str(tmp_path / "it ran")]
    assert subprocess.run(code, check=False, capture_output=True).returncode == 126
    assert not (tmp_path / "it ran").exists()


def test_a_status_that_cannot_be_written_is_the_childs(runs):
    run = started(runs, "exit 7")
    until(lambda: not run.alive)
    run.child.wait()
    run.log.with_suffix(".status").unlink()
    assert (run.exit_status, running.last(runs).exit_status) == (7, None)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_killed_caller_leaves_it_running_for_the_next_one(runs, number):
    code = (
        "import sys; from saltk8s.engine import running; "
        f"run = running.start(['/bin/sh', '-c', {LOOP!r}], {str(runs)!r}, '/'); run.follow(print, 60)"
    )
    caller = subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
    )
    until(lambda: (run := running.last(runs)) and run.alive and "line 3" in run.log.read_text())
    os.kill(caller.pid, number)
    caller.communicate()
    run = running.last(runs)
    length = len(run.log.read_text())
    until(lambda: len(run.log.read_text()) > length + 50)
    seen: list[str] = []
    os.killpg(run.leader.pid, signal.SIGTERM)
    run.follow(seen.append, GENEROUS_S)
    assert seen[0] == "line 1", "who comes later sees it from its beginning"
    assert run.exit_status == -signal.SIGTERM


def test_at_the_time_limit_it_is_asked_to_end(runs):
    run = started(runs, f"trap 'echo asked; exit 4' TERM; {LOOP}")
    with pytest.raises(errors.CommandTimeout, match=r"timed out after 0.5 s and was ended\nline 1\n(?s:.*)\nasked"):
        run.follow(lambda line: None, 0.5)
    assert (run.alive, run.exit_status) == (False, 4)


def test_what_does_not_listen_is_killed(runs, monkeypatch):
    monkeypatch.setattr(running, "TERM_S", 0.3)
    run = started(runs, "trap '' TERM; while :; do sleep 0.1; done")
    with pytest.raises(errors.CommandTimeout, match="was ended"):
        run.follow(lambda line: None, 0.2)
    until(lambda: not run.alive)


def test_it_is_never_ended_at_a_moment_that_does_not_allow_it(runs):
    run = started(runs, LOOP)
    with pytest.raises(errors.CommandTimeout, match=f"still runs: process {run.leader.pid} since .*its output is in"):
        run.follow(lambda line: None, 0.2, may_end=lambda: False)
    length = len(run.log.read_text())
    until(lambda: len(run.log.read_text()) > length)


def test_it_is_ended_when_such_a_moment_is_over(runs, monkeypatch):
    monkeypatch.setattr(running, "PATIENCE_S", GENEROUS_S)
    seen: list[str] = []
    run = started(runs, LOOP)
    with pytest.raises(errors.CommandTimeout, match="was ended"):
        run.follow(seen.append, 0.1, may_end=lambda: "line 12" in seen)
    assert "line 12" in seen
    assert not run.alive


def test_a_number_that_another_process_has_now_is_no_run(runs):
    run = started(runs, "true")
    run.follow(lambda line: None, GENEROUS_S)
    me = processes.find(os.getpid())
    stat = Path(f"/proc/{me.pid}/stat").read_text().replace(f" {me.start} ", f" {me.start - 1} ")
    run.base.with_name(f"{run.base.name}.pid").write_text(stat)
    assert running.last(runs).alive is False
    run.base.with_name(f"{run.base.name}.pid").write_text(Path(f"/proc/{me.pid}/stat").read_text())
    assert running.last(runs).alive is True
    run.base.with_name(f"{run.base.name}.pid").write_text("")
    assert running.last(runs).alive is False


def test_only_the_newest_outputs_are_kept(runs, monkeypatch):
    monkeypatch.setattr(running, "KEPT", 3)
    for number in range(5):
        started(runs, f"echo {number}").follow(lambda line: None, GENEROUS_S)
    logs = sorted(runs.glob("*.log"))
    assert [log.read_text() for log in logs] == ["2\n", "3\n", "4\n"]
    assert len(list(runs.iterdir())) == 9


def test_a_program_that_is_not_there(runs):
    with pytest.raises(errors.MissingProgram, match="/no/such/rke"):
        running.start(["/no/such/rke", "up"], runs, "/")


def test_systemd_keeps_it_apart_where_it_works(runs, tmp_path, monkeypatch):
    """Not with a real one: a machine for tests need not have it. What stands in notes how it is called."""
    program = tmp_path / "bin" / "systemd-run"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\necho "$*" >>"$0.calls"\nwhile [ "${1#--}" != "$1" ]; do shift; done\nexec "$@"\n')
    program.chmod(0o755)
    monkeypatch.setattr(running, "SYSTEMD", tmp_path)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    run = started(runs, "echo done")
    assert run.follow(lambda line: None, GENEROUS_S) == "done"
    assert "--scope --quiet --collect --no-ask-password -- /bin/sh" in Path(f"{program}.calls").read_text()
    program.write_text("#!/bin/sh\nexit 1\n")  # no bus, or no permission
    assert started(runs, "echo apart").follow(lambda line: None, GENEROUS_S) == "apart"
