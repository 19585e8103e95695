"""Faults x phases x operations, by generation: the next run converges, nothing is lost, a third run changes nothing.

What is real and what is a stand-in: tests/support/fault_matrix.py. By default some cells, with each fault, phase and
operation among them. SALTK8S_FAULTS=pairs: each fault in each operation, at one phase, and every moment at which a
caller is killed; SALTK8S_FAULTS=all: the product.
"""

from __future__ import annotations

import itertools
import os
import random

import pytest
from saltk8s.base import errors
from saltk8s.engine import state_folder
from saltk8s.engine.rke import rkestate
from tests.support import fault_matrix, killed_callers
from tests.support import rke as sample
from tests.support.fault_matrix import FAULTS, OPERATIONS, SLOW
from tests.support.site import Site
from tests.support.ssh_nodes import Nodes

CHOSEN = os.environ.get("SALTK8S_FAULTS", "some")
ALL = CHOSEN == "all"
PAGES = range(20)  # free ones when an operation begins: it ends before the last of them is needed
WRITES = range(1, 16)  # of ours in an operation, at most
NAMED = "o space left on device"


def drawn(some, number, seed=1):
    """Some of the cells, or all of them."""
    cells = list(some)
    return cells if ALL else random.Random(seed).sample(cells, number)


def covering(cells, seed=3):
    """A few cells in which everything is there that is in any of them."""
    cells, found = list(cells), []
    random.Random(seed).shuffle(cells)
    left = {word for cell in cells for word in cell}
    while left:
        found.append(max(cells, key=lambda cell: len(left & {*cell})))
        left -= {*found[-1]}
    return found


def matrix():
    """The cells: all, or a few in which each fault, phase and operation is there."""
    cells = [(name, phase, fault) for name, one in OPERATIONS.items() for phase in one.phases for fault in one.faults]
    if ALL:
        return cells
    if CHOSEN == "pairs":
        pairs = enumerate((name, one.phases, fault) for name, one in OPERATIONS.items() for fault in one.faults)
        return [(name, phases[(number + number // 8) % len(phases)], fault) for number, (name, phases, fault) in pairs]
    return covering(cell for cell in cells if cell[2] not in SLOW)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A site on a small disk, for all cells."""
    folder = tmp_path_factory.mktemp("matrix")
    with pytest.MonkeyPatch.context() as patched, Nodes(folder) as nodes, fault_matrix.small_disk(folder / "state"):
        sample.short_waits(patched)
        patched.setattr(state_folder, "ROOM", 0)  # a run begins although it will not end
        patched.setattr(state_folder, "RESERVE", 4 << 12)
        yield fault_matrix.Matrix(Site(folder, nodes), folder / "kept")


@pytest.mark.parametrize("operation, phase, fault", matrix())
def test_the_next_run_converges(made, operation, phase, fault):
    one, what = OPERATIONS[operation], FAULTS[fault]
    site = made.fresh(one)
    keys = fault_matrix.keys(site)
    error = fault_matrix.strike(site, one, phase, what)
    if what.refusal == NAMED:
        assert (NAMED in error and str(site.dir) in error) or (one.once and not error), error
    elif what.refusal:
        refused = fault_matrix.Caller(site, one.act).error()
        assert what.refusal in refused or "did not end" in refused, refused
    what.mend(site)
    fault_matrix.converges(site, one, keys, not error)


@pytest.mark.parametrize(
    "operation, stage, fate", killed_callers.cells() if CHOSEN != "some" else covering(killed_callers.cells())
)
def test_a_killed_caller_loses_nothing_and_the_next_run_goes_on(made, operation, stage, fate):
    """What rke did meanwhile is not done again; of a snapshot before a run there is a new one."""
    one = OPERATIONS[operation]
    site = made.fresh(one)
    keys = fault_matrix.keys(site)
    killed_callers.kill(site, one, stage, fate)
    counted = stage if one.once else "rke"
    before = killed_callers.runs(site, counted)
    error = killed_callers.next_run(site, one)
    assert not error, f"the next run: {error}"
    again = fate in ("before", "is killed too") or counted != stage
    assert killed_callers.runs(site, counted) == before + again
    fault_matrix.kept(site, one, keys)


@pytest.mark.parametrize("operation, pages", drawn(itertools.product(OPERATIONS, PAGES), 3))
def test_a_disk_that_fills_up_at_any_write(made, operation, pages):
    one = OPERATIONS[operation]
    site = made.fresh(one)
    keys = fault_matrix.keys(site)
    site.mode("ok")
    (site.fake / "slow").touch()
    fault_matrix.fill(site.dir, pages)
    error = fault_matrix.Caller(site, one.act).error()
    assert not error or (NAMED in error and str(site.dir) in error), error
    fault_matrix.empty(site.dir)
    fault_matrix.converges(site, one, keys, not error)


@pytest.mark.parametrize("operation, write", drawn(itertools.product(OPERATIONS, WRITES), 2))
def test_a_caller_that_is_killed_before_any_write(made, operation, write):
    one = OPERATIONS[operation]
    site = made.fresh(one)
    keys = fault_matrix.keys(site)
    site.mode("ok")
    error = fault_matrix.Caller(site, killed_callers.at_write(write, one.act)).error()
    fault_matrix.converges(site, one, keys, not error)


def test_a_run_that_would_fill_the_disk_does_not_begin(made, monkeypatch):
    site = made.fresh(OPERATIONS["change"])
    monkeypatch.setattr(state_folder, "ROOM", fault_matrix.SIZE)
    before = site.files()
    assert site.engine().up().changes == {}, "with nothing to do, nothing is needed"
    for test in (True, False):
        with pytest.raises(errors.Refused, match=f"{NAMED}: {site.dir} has .* MiB free, and a run needs 4 MiB"):
            site.engine(**fault_matrix.CHANGE).up(test=test)
    assert {k: v for k, v in site.files().items() if k != "lock"} == {k: v for k, v in before.items() if k != "lock"}


@pytest.mark.parametrize("write", range(1, 8))
def test_a_removal_that_is_killed_or_has_no_room_goes_on(made, write):
    site = made.fresh(OPERATIONS["change"])

    def remove(site):
        return state_folder.remove(site.engine().model, ["cp1", "w1", "w2"], "osug", False)

    fault_matrix.fill(site.dir, write - 1)
    error = fault_matrix.Caller(site, remove).error()
    assert not error or (NAMED in error and str(site.dir) in error), error
    fault_matrix.empty(site.dir)
    fault_matrix.Caller(site, killed_callers.at_write(write, remove)).error()
    remove(site)
    (kept,) = site.dir.glob("removed-*")
    assert rkestate.load(kept / "cluster.rkestate")["running"]
    assert not list(site.dir.glob("cluster*")) and not list(site.dir.glob("kube_config*"))
    assert remove(site)["changes"] == {}
    with pytest.raises(errors.Refused, match="was removed on"):
        state_folder.refuse_removed(site.engine().model["paths"])
