"""Operations on a cluster, the phases of their runs, and what can go wrong in each: data of the matrix of faults.

Real: SSH, files on a file system that fills up, locks, processes and the signals that kill them. Stand-ins: ``rke`` and
``kubectl`` (fake_rke.py), which change what the nodes show as the real ones do and stand still at a phase, and the
nodes' ``docker`` (ssh_nodes.py).
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from saltk8s.base import errors, processes
from saltk8s.engine import registry, running, state_folder
from saltk8s.engine.base import Hooks
from saltk8s.engine.rke import rkestate
from tests.support import fake_rke
from tests.support.site import Site
from tests.support.ssh_nodes import Silent

GENEROUS_S = 180
SIZE = 4 << 20  # bytes of the admin's disk
OLD = "v1.31.10-rancher1-1"
CHANGE = {"audit_log": {"keep_days": 90}}
SNAPSHOT = "one"


def until(condition: Callable[[], Any]) -> Any:
    """Wait for something."""
    end = time.monotonic() + GENEROUS_S
    while not (found := condition()):
        assert time.monotonic() < end, "timed out"
        time.sleep(0.02)
    return found


# operations


class Operation(NamedTuple):
    """An operation. act: does it, and goes on with it; settled: what is applied when it is done; begin: what was built
    before it, None for nothing; keys: whether it makes a new CA or key on purpose; phases: of its runs of rke; once:
    how it is refused when it was done.
    """

    act: Callable[[Site], Any]
    settled: Callable[[Site], Any]
    begin: dict[str, Any] | None = {}
    keys: bool = False
    phases: tuple[str, ...] = fake_rke.PHASES
    once: str = ""

    @property
    def faults(self) -> list[str]:
        """The faults that have a part in it: no worker has one in a snapshot."""
        return [name for name, fault in FAULTS.items() if fault.refusal != "w1" or self.phases != (fake_rke.SNAPSHOT,)]


def _up(**cluster: Any) -> Callable[[Site], Any]:
    return lambda site: site.engine(**cluster).up()


def upkeep(site: Site) -> Any:
    """What operates on the site's keys and data."""
    return registry.upkeep(site.engine().model, Hooks(event=lambda *event: site.sent.append(event)))


def _joins(site: Site) -> Any:
    site.declared["w3"] = {"roles": ["worker"], "ip": site.nodes.address(4)}
    site.healthy(["cp1", "w1", "w2", "w3"])
    return site.engine().up()


def _leaves(site: Site) -> Any:
    site.declared.pop("w2", None)
    return site.engine(allow_removal=["w2"]).up()


_GUARDED = (fake_rke.SNAPSHOT, *fake_rke.PHASES)  # by a snapshot
OPERATIONS = {
    "first build": Operation(_up(), _up(), None),
    "change": Operation(_up(**CHANGE), _up(**CHANGE), phases=_GUARDED),
    "upgrade": Operation(_up(), _up(), {"version": OLD}, phases=_GUARDED),
    "scale out": Operation(_joins, _joins),
    "take out": Operation(_leaves, _leaves),
    "rotation of the CA": Operation(
        lambda site: upkeep(site).rotate_certificates(authority=True, confirm="osug"),
        _up(),
        keys=True,
        phases=_GUARDED,
    ),
    "rotation of the encryption key": Operation(
        lambda site: upkeep(site).rotate_encryption_key("osug"), _up(), keys=True, phases=_GUARDED
    ),
    "restore": Operation(lambda site: upkeep(site).restore(SNAPSHOT, "osug", verify_first=False), _up()),
    "snapshot on demand": Operation(
        lambda site: upkeep(site).save_snapshot("two"),
        _up(),
        phases=(fake_rke.SNAPSHOT,),
        once="a snapshot is never written over",
    ),
}


# faults


class Fault(NamedTuple):
    """A fault. strike: at a phase, the operation's caller given; mend: before the next run; refusal: what a run says
    before it is mended, "" where the next one simply goes on.
    """

    strike: Callable[[Site, Caller], None]
    mend: Callable[[Site], None] = lambda site: None
    refusal: str = ""


class Caller:
    """An operation in a process of its own, as a Salt job is one."""

    def __init__(self, site: Site, act: Callable[[Site], Any]):
        context = multiprocessing.get_context("fork")
        self._answer, answer = context.Pipe(False)
        self.process = context.Process(target=_called, args=(site, act, answer), daemon=True)
        self.process.start()
        answer.close()

    def kill(self) -> None:
        """Kill it with signal 9."""
        self.process.kill()
        self.process.join(GENEROUS_S)

    def error(self) -> str:
        """Wait for its end; return its error, "" when it succeeded, "killed"."""
        self.process.join(GENEROUS_S)
        if self.process.exitcode is None:
            self.process.kill()
            raise AssertionError("it does not end")
        with contextlib.suppress(EOFError):
            return self._answer.recv()
        return "killed"


def _called(site: Site, act: Callable[[Site], Any], answer: Any) -> None:
    for number in map(int, os.listdir("/proc/self/fd")):  # the nodes are the parent's
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(number)) as found:
            if found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                os.close(number)
    try:
        act(site)
        answer.send("")
    except errors.SaltK8sError as err:
        answer.send(str(err))
    except OSError as err:  # as base.edges tells it
        answer.send(f"{err.strerror}: {err.filename}")
    os._exit(0)


def go(site: Site, mode: str = "ok") -> None:
    """Let a waiting rke go on."""
    fake_rke.put(site.fake / "go", mode)


def last(site: Site) -> running.Run:
    """The run of rke that goes on."""
    found = [running.last(site.dir / name) for name in (state_folder.RUNS, state_folder.SNAPSHOT_RUNS)]
    return next(run for run in found if run and run.alive)


def kill_group(run: running.Run, folder: Path) -> None:
    """Kill a run with all its processes, and wait until the lock in the folder is free: a dying one still holds it."""
    os.killpg(run.leader.pid, signal.SIGKILL)
    until(lambda: not processes.holders(folder / state_folder.LOCK))


def _kill_rke(site: Site) -> None:
    os.kill(int((site.fake / "pid").read_text()), signal.SIGKILL)


def _kill_caller(site: Site, caller: Caller) -> None:
    caller.kill()
    go(site)


def _power(site: Site, caller: Caller) -> None:
    """All processes of the admin at once, and the nodes' SSH servers; the nodes' containers start again by Docker."""
    run = last(site)
    caller.kill()
    kill_group(run, site.dir)
    for number in (1, 2, 3):
        site.nodes.stop(site.nodes.address(number))
    for number in (1, 2, 3):
        site.nodes.start_again(number)


def _lose(site: Site, caller: Caller) -> None:
    site.nodes.stop(site.nodes.address(2))
    go(site, "fail")


def _cut(site: Site, caller: Caller) -> None:
    site.nodes.stop(site.nodes.address(2))
    site.silent = Silent(site.nodes.address(2), site.nodes.port)
    site.silent.__enter__()
    go(site, "fail")


def _reconnect(site: Site) -> None:
    site.silent.__exit__()
    site.nodes.start_again(2)


def _break_docker(site: Site, caller: Caller) -> None:
    (site.nodes.place(2) / "broken").touch()
    go(site, "fail")


def _second(site: Site, caller: Caller) -> None:
    with pytest.raises(errors.Refused, match="locked by another run"):
        site.engine(metrics_server=False).up()
    go(site)


def _fill(site: Site, caller: Caller) -> None:
    fill(site.dir)
    go(site)


FAULTS = {
    "kill -9 of the caller": Fault(_kill_caller),
    "kill -9 of rke": Fault(lambda site, caller: _kill_rke(site)),
    "power cut of all": Fault(_power),
    "a node is lost": Fault(_lose, lambda site: site.nodes.start_again(2), "w1"),
    "dockerd is killed": Fault(_break_docker, lambda site: (site.nodes.place(2) / "broken").unlink(), "w1"),
    "two runs at once": Fault(_second),
    "the disk is full": Fault(_fill, lambda site: empty(site.dir), "o space left on device"),
    "network cut to a node": Fault(_cut, _reconnect, "w1"),
}
SLOW = ("network cut to a node",)  # SSH waits for an answer


# the admin's disk


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """Mount a small file system there. Skips the test where nobody may mount."""
    folder.mkdir(mode=0o700)
    words = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=700", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("needs root and the right to mount: a disk that is full is a small tmpfs")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path, pages: int = 0) -> None:
    """Fill a disk but for some pages."""
    found = os.statvfs(folder)
    with (folder / "ballast").open("wb") as stream:
        stream.write(b"\0" * max(found.f_bavail - pages, 0) * found.f_frsize)


def empty(folder: Path) -> None:
    """Make room again."""
    (folder / "ballast").unlink(missing_ok=True)


# a site that is put back


class Matrix:
    """A site on a small disk. ``fresh`` puts it back to what an operation begins with."""

    def __init__(self, site: Site, kept: Path):
        self.site, self._kept, self._declared = site, kept, dict(site.declared)
        site.silent = None
        site.over = {"cluster": {"timeouts": {"nodes_s": 10, "ready_s": 2}}}
        site.nodes.start(4)

    def fresh(self, one: Operation) -> Site:
        """Return the site as it is before an operation."""
        site, made = self.site, self._kept / str(one.begin)
        site.declared = dict(self._declared)
        places = {"state": site.dir, "fake": site.fake, **{f"node{n}": site.nodes.place(n) for n in (1, 2, 3, 4)}}
        blank = self._kept / "blank"
        if not blank.exists():
            _copy(places, blank)
        if not made.exists():
            _put_back(blank, places)
            if one.begin is not None:
                site.mode("ok")
                site.engine(**one.begin).up()
                (site.nodes.place(1) / "snapshots").mkdir()
                (site.nodes.place(1) / "snapshots" / f"{SNAPSHOT}.zip").touch()
                (site.nodes.place(3) / "pods").write_text("0a1b2c3d4e5f\n")
            _copy(places, made)
        _put_back(made, places)
        return site


def _copy(places: dict[str, Path], folder: Path) -> None:
    for name, path in places.items():
        if path.exists():
            shutil.copytree(path, folder / name, symlinks=True)


def _put_back(folder: Path, places: dict[str, Path]) -> None:
    for name, path in places.items():
        for old in path.iterdir() if path.exists() else ():
            shutil.rmtree(old) if old.is_dir() else old.unlink()
        if (folder / name).exists():
            shutil.copytree(folder / name, path, symlinks=True, dirs_exist_ok=True)


# what holds after each


def keys(site: Site) -> tuple[Any, ...]:
    """What must never be lost: the CA, the key that encrypts Secrets."""
    state = rkestate.load(site.dir / "cluster.rkestate")
    return (state["ca"], state["encryption"]) if state else ()


def whole(site: Site) -> None:
    """Nothing is lost, cut off or left behind."""
    state = rkestate.load(site.dir / "cluster.rkestate")
    assert state and state["running"]
    copies = state_folder.backups(site.dir / "backups", "cluster.rkestate")
    assert copies and all(rkestate.load(copy) for copy in copies), "a copy is damaged"
    assert rkestate.load(copies[-1])["digest"] == state["digest"]
    record = json.loads((site.dir / "last-run.json").read_text())
    assert record["status"] == "done" and "operation" not in record
    assert "current-context" in (site.dir / "kube_config_cluster.yml").read_text()
    files = [path for path in site.dir.rglob("*") if path.is_file()]
    assert not [path for path in files if path.stat().st_mode & 0o077], "others may read a file"
    assert state_folder.owner(site.dir / "lock") is None, "the lock is free"
    pods = site.nodes.place(3) / "pods"
    assert "w2" in site.declared or not pods.exists() or not pods.read_text(), "nothing runs on where it was"


def strike(site: Site, one: Operation, phase: str, fault: Fault) -> str:
    """Begin an operation, and let the fault strike at a phase; return its error."""
    site.mode(f"at:{phase}")
    for name in ("go", "reached"):
        (site.fake / name).unlink(missing_ok=True)
    caller = Caller(site, one.act)
    until(lambda: (site.fake / "reached").exists() or caller.process.exitcode is not None)
    assert (site.fake / "reached").exists(), f"it ended before {phase}: {caller.error()}"
    follows(site, phase)
    fault.strike(site, caller)
    site.mode("ok")
    return caller.error()


def follows(site: Site, phase: str) -> None:
    """Wait until the caller has read what rke printed so far: the state's copy is made by then."""
    if phase != "begin":
        until(lambda: state_folder.whole({"state_file": str(site.dir / "cluster.rkestate")}).exists())


def unchanged(site: Site, one: Operation) -> None:
    """What follows an operation that is done changes nothing."""
    one.settled(site)
    ups = len(fake_rke.ups(site.fake))
    before = site.files()
    assert one.settled(site).changes == {}
    after = site.files()
    del before["lock"], after["lock"]
    assert after == before and len(fake_rke.ups(site.fake)) == ups, "the third run changes nothing"


def converges(site: Site, one: Operation, before: tuple[Any, ...], done: bool) -> None:
    """The next run goes on to the end, and nothing is lost. before: the keys; done: whether the first run succeeded."""
    error = Caller(site, one.act).error()
    assert not error or (done and one.once and one.once in error), f"the next run: {error}"
    kept(site, one, before)


def kept(site: Site, one: Operation, before: tuple[Any, ...]) -> None:
    """An operation is done, and nothing is lost, nor the keys, but where it makes new ones."""
    unchanged(site, one)
    whole(site)
    assert one.keys or not before or keys(site) == before
