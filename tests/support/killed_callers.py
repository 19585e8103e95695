"""Callers that are killed with signal 9: at each of their writes, and at each stage of the programs that they run.

A caller is what a Salt job is; rke outlives it, as running.py has it. The rest: fault_matrix.py.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from saltk8s.engine import running, state_folder
from tests.support import fake_rke, fault_matrix
from tests.support.fault_matrix import OPERATIONS, Caller, Operation
from tests.support.site import Site

WRITES = ("replace", "rename", "unlink")
Act = Callable[[Site], Any]

# what rke does when its caller is killed, with the phase at which it stands still then, and where its runs are
STAGES = {
    "the snapshot": (fake_rke.SNAPSHOT, state_folder.SNAPSHOT_RUNS),
    "rke": ("deployed", state_folder.RUNS),
}
# what becomes of it: the next run finds it at work, or ended; "before" and "after" it there is none
FATES = ("before", "goes on", "ends unseen", "is killed too", "after")


def cells() -> list[tuple[str, str, str]]:
    """Every operation, stage and fate that there is."""
    return [
        (operation, stage, fate)
        for operation, one in OPERATIONS.items()
        for stage, (phase, _) in STAGES.items()
        for fate in FATES
        if phase in one.phases
    ]


def at_write(number: int, act: Act) -> Act:
    """Let a process kill itself right before it changes files, or starts a program that changes the cluster, for the
    n-th time.
    """

    def doomed(site: Site) -> Any:
        left = [number]
        lock = threading.Lock()

        def count(unwatched: Callable[..., Any]) -> Callable[..., Any]:
            def watched(*args: Any, **kwargs: Any) -> Any:
                with lock:
                    left[0] -= 1
                    if left[0] == 0:
                        _end()
                return unwatched(*args, **kwargs)

            return watched

        for name in WRITES:
            setattr(Path, name, count(getattr(Path, name)))
        running.start = count(running.start)
        return act(site)

    return doomed


def kill(site: Site, one: Operation, stage: str, fate: str) -> None:
    """Begin an operation, and kill its caller."""
    phase, folder = STAGES[stage]
    for name in ("go", "reached", "followed"):
        (site.fake / name).unlink(missing_ok=True)
    if fate in ("before", "after"):
        site.mode("ok")
        doomed = {"before": _before, "after": _after}[fate]
        assert Caller(site, doomed(folder, one.act)).error() == "killed"
        return
    site.mode(f"at:{phase}")
    caller = Caller(site, one.act)
    fault_matrix.until(lambda: (site.fake / "reached").exists() or caller.process.exitcode is not None)
    caller.kill()
    site.mode("ok")
    run = fault_matrix.last(site)
    assert run.base.parent.name == folder
    if fate == "ends unseen":
        fault_matrix.go(site)
    elif fate == "is killed too":
        os.kill(int((site.fake / "pid").read_text()), signal.SIGKILL)
    if fate != "goes on":
        fault_matrix.until(lambda: not run.alive)


def next_run(site: Site, one: Operation) -> str:
    """Do it again; rke, where it still runs, goes on when it is followed. Returns the error."""
    caller = Caller(site, _noting(one.act))
    fault_matrix.until(lambda: (site.fake / "followed").exists() or caller.process.exitcode is not None)
    fault_matrix.go(site)
    return caller.error()


def runs(site: Site, stage: str) -> int:
    """How often rke ran for a stage."""
    calls = [call for call in fake_rke.calls(site.fake) if call.startswith("rke") and "--config" in call]
    return len([call for call in calls if ("snapshot-save" in call) is (stage == "the snapshot")])


def _end() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _before(folder: str, act: Act) -> Act:
    def doomed(site: Site) -> Any:
        start = running.start

        def watched(argv: Any, into: Any, *args: Any) -> Any:
            if Path(into).name == folder:
                _end()
            return start(argv, into, *args)

        running.start = watched
        return act(site)

    return doomed


def _after(folder: str, act: Act) -> Act:
    def doomed(site: Site) -> Any:
        follow = running.Run.follow

        def watched(run: running.Run, *args: Any) -> Any:
            output = follow(run, *args)
            if run.base.parent.name == folder:
                _end()
            return output

        running.Run.follow = watched
        return act(site)

    return doomed


def _noting(act: Act) -> Act:
    """Note that a run is followed."""

    def noting(site: Site) -> Any:
        follow = running.Run.follow

        def watched(run: running.Run, *args: Any) -> Any:
            (site.fake / "followed").touch()
            return follow(run, *args)

        running.Run.follow = watched
        return act(site)

    return noting
