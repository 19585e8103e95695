"""The real ``rke``, killed or on a disk that is full: what it leaves, and that the next run goes on with the same keys.

Nodes answer on real SSH and forward no Docker socket, so that every run ends when rke would deploy: by then it has made
and written the keys. What comes after that is in tests/functional/engine/test_fault_matrix.py, with a stand-in.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from saltk8s.base import errors
from saltk8s.engine import registry, running, state_folder
from saltk8s.engine.rke import rkestate
from saltk8s.engine.rke.state import copies
from tests.support import fault_matrix
from tests.support import rke as sample
from tests.support.ssh_nodes import Nodes

ALL = os.environ.get("SALTK8S_FAULTS") == "all"
PAGES = range(80)  # free ones when a run begins: the state of two nodes, and copies of it, need less
LINES = ("Running RKE version", "Initiating Kubernetes cluster", "Generating", copies.SAVED, "Setup tunnel")
USUAL = "at least one etcd plane host"  # how every run here ends


class Admin:
    """An admin on a small disk, with the real programs."""

    def __init__(self, folder: Path, nodes: Nodes, binaries):
        self.dir, self._nodes, self._bin = folder / "state", nodes, folder / "bin"
        self._bin.mkdir()
        for name in ("rke", "kubectl"):
            (self._bin / name).symlink_to(binaries[name])
        self._over = {
            "nodes": {
                "cp1": {"roles": ["controlplane", "etcd"], "ip": nodes.start(1)},
                "w1": {"roles": ["worker"], "ip": nodes.start(2)},
            },
            "cluster": {"ssh": {"port": nodes.port}},
        }

    def up(self, _=None):
        """Run it."""
        model = sample.model(self._over, str(self.dir))
        model["paths"]["bin_dir"] = str(self._bin)
        model["cluster"]["ssh"]["private_key"] = self._nodes.key.read_text()
        loaded = registry.load(model)
        loaded.prepare()
        return loaded.up()

    def fails_as_usual(self):
        """Run it with room and undisturbed; return the keys, which are whole."""
        with pytest.raises(errors.CommandError, match=USUAL):
            self.up()
        state = rkestate.load(self.dir / "cluster.rkestate")
        return state["ca"], state["encryption"]

    def text(self):
        """Run it; return the state."""
        self.fails_as_usual()
        return (self.dir / "cluster.rkestate").read_text()

    def clear(self):
        """Begin with an empty folder."""
        for path in self.dir.rglob("*"):
            if path.is_file():
                path.unlink()

    def damaged(self):
        """Whether the state is half of one."""
        try:
            rkestate.load(self.dir / "cluster.rkestate")
        except rkestate.Damaged:
            return True
        return False


@pytest.fixture(scope="module")
def disk(tmp_path_factory, binaries):
    """The admin, for all tests of this module."""
    folder = tmp_path_factory.mktemp("real")
    with pytest.MonkeyPatch.context() as patched, Nodes(folder) as nodes, fault_matrix.small_disk(folder / "state"):
        sample.short_waits(patched)
        patched.setattr(state_folder, "ROOM", 0)
        patched.setattr(state_folder, "RESERVE", 0)
        yield Admin(folder, nodes, binaries)


@pytest.fixture
def admin(disk):
    """The same with an empty folder."""
    disk.clear()
    return disk


@pytest.mark.parametrize("pages", PAGES if ALL else random.Random(2).sample(PAGES, 1))
def test_a_disk_that_fills_up_at_any_write(admin, pages):
    for first in (True, False):
        keys = None if first else admin.fails_as_usual()
        fault_matrix.fill(admin.dir, pages)
        error = fault_matrix.Caller(admin, admin.up).error()
        assert ("o space left on device" in error and str(admin.dir) in error) or USUAL in error, error
        fault_matrix.empty(admin.dir)
        assert admin.fails_as_usual() == keys or first


def test_the_first_state_is_cut_off_by_a_full_disk_and_made_again(admin):
    size = len(admin.text())
    for pages in range(4, 40, 4):
        admin.clear()
        fault_matrix.fill(admin.dir, pages)
        error = fault_matrix.Caller(admin, admin.up).error()
        fault_matrix.empty(admin.dir)
        if admin.damaged():
            break
    assert admin.damaged(), f"the real rke writes its state of {size} bytes in place"
    assert "no space left on device" in error, error
    admin.fails_as_usual()
    assert (admin.dir / "cluster.rkestate.damaged").exists(), "nothing was deployed with what was in it"


def test_a_state_that_a_power_cut_left_empty_is_put_back(admin):
    keys = admin.fails_as_usual()
    for size in (0, 1000):
        os.truncate(admin.dir / "cluster.rkestate", size)
        assert admin.fails_as_usual() == keys


@pytest.mark.parametrize("line", LINES if ALL else random.Random(4).sample(LINES, 1))
def test_killed_at_any_line(admin, line):
    keys = admin.fails_as_usual()
    old = running.last(admin.dir / "runs").base
    caller = fault_matrix.Caller(admin, admin.up)
    run = fault_matrix.until(lambda: (run := running.last(admin.dir / "runs")).base != old and run.leader and run)
    fault_matrix.until(lambda: line in run.log.read_text() or not run.alive)
    assert line in run.log.read_text()
    if run.alive:
        fault_matrix.kill_group(run, admin.dir)
    assert "was killed" in caller.error() or USUAL in run.log.read_text()
    assert admin.fails_as_usual() == keys
