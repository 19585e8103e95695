"""A caller that was killed: whatever comes next follows what rke does for it, says so, and goes on.

Real SSH, files, locks and processes; ``rke`` and ``kubectl`` are stand-ins. Every moment in every operation:
tests/functional/engine/test_fault_matrix.py.
"""

from __future__ import annotations

import re
import threading

import pytest
from saltk8s.base import errors
from saltk8s.engine import state_folder
from tests.support import fault_matrix, killed_callers
from tests.support.fault_matrix import CHANGE, OPERATIONS, upkeep

SAID = "the snapshot of etcd of .*, whose caller had ended, was followed to its end: it succeeded"
SNAPSHOT, RKE = killed_callers.STAGES


@pytest.fixture
def site(site):
    """A site with a cluster; whatever rke still runs at the test's end is ended."""
    site.engine().up()
    (site.nodes.place(1) / "snapshots").mkdir()
    (site.nodes.place(1) / "snapshots" / f"{fault_matrix.SNAPSHOT}.zip").touch()
    yield site
    fault_matrix.go(site, "fail")


def killed(site, operation, stage, fate="goes on"):
    """Kill the caller of an operation."""
    killed_callers.kill(site, OPERATIONS[operation], stage, fate)


NEXT = {
    "the same change": lambda site: site.engine(**CHANGE).up().lines,
    "nothing to do": lambda site: site.engine().up().lines,
    "a rotation": lambda site: upkeep(site).rotate_certificates(confirm="osug")["lines"],
    "another snapshot": lambda site: upkeep(site).save_snapshot("more")["lines"],
    "a restore": lambda site: upkeep(site).restore(fault_matrix.SNAPSHOT, "osug", verify_first=False)["lines"],
    "defragmentation": lambda site: upkeep(site).defragment()["lines"],
}


@pytest.mark.parametrize("after", NEXT)
def test_whatever_comes_next_follows_a_snapshot_whose_caller_was_killed(site, after):
    killed(site, "change", SNAPSHOT)
    threading.Timer(1, fault_matrix.go, [site]).start()
    assert any(re.fullmatch(SAID, line) for line in NEXT[after](site))
    assert site.engine(**(CHANGE if after == "the same change" else {})).up().changes == {}


def test_a_preview_says_that_it_is_followed_and_writes_nothing(site):
    killed(site, "change", SNAPSHOT)
    before = site.files()
    words = f"rke takes a snapshot of etcd, process {fault_matrix.last(site).leader.pid} since"
    for lines in (
        site.engine(**CHANGE).up(test=True).lines,
        site.engine().up(test=True).lines,
        upkeep(site).rotate_certificates(test=True)["lines"],
        upkeep(site).save_snapshot(test=True)["lines"],
    ):
        assert any(line.startswith(words) for line in lines), lines
    assert site.engine().up(test=True).changes == {}
    assert site.files() == before


def test_one_that_fails_while_it_is_followed_is_told_and_another_is_taken(site):
    killed(site, "change", SNAPSHOT)
    threading.Timer(1, fault_matrix.go, [site, "fail"]).start()
    done = site.engine(**CHANGE).up()
    assert "was followed to its end: it failed (exit status 1)" in done.lines[0]
    assert killed_callers.runs(site, SNAPSHOT) == 2 and "snapshot of etcd before the run" in done.lines[-1]


def test_a_snapshot_of_a_name_is_never_written_over_but_one_that_rke_did_not_complete(site):
    archive = site.nodes.place(1) / "snapshots" / "two.zip"
    killed(site, "snapshot on demand", SNAPSHOT, "is killed too")
    assert archive.read_text() == "cut off"
    site.engine(**CHANGE).up()  # another one comes in between
    assert upkeep(site).save_snapshot("two")["lines"][-1].endswith("/two.zip on the etcd nodes")
    assert archive.read_text() == "whole"
    with pytest.raises(errors.Refused, match="there is a snapshot two already"):
        upkeep(site).save_snapshot("two")


def test_a_snapshot_that_was_taken_meanwhile_is_the_one_that_was_asked_for(site):
    killed(site, "snapshot on demand", SNAPSHOT, "ends unseen")
    said = upkeep(site).save_snapshot("two")["lines"][-1]
    assert "whoever asked for it had ended before it was taken" in said


def test_a_removal_waits_for_what_rke_does_for_a_killed_caller(site):
    def remove():
        return state_folder.remove(site.engine().model, ["cp1"], "osug", False)

    for operation, stage in (("change", SNAPSHOT), ("change", RKE)):
        killed(site, operation, stage)
        with pytest.raises(errors.Refused, match="who took the lock has ended. Wait until it ends"):
            remove()
        run = fault_matrix.last(site)
        fault_matrix.go(site)
        fault_matrix.until(lambda: not run.alive)  # noqa: B023  # called at once
    assert remove()["changes"]["cluster"] == {"old": "osug", "new": None}


@pytest.mark.parametrize("operation", ["rotation of the CA", "rotation of the encryption key", "restore"])
def test_what_rke_did_for_a_killed_caller_is_not_done_again(site, operation):
    one = OPERATIONS[operation]
    killed(site, operation, RKE, "ends unseen")
    began, ran = site.files(), killed_callers.runs(site, RKE)
    would = {
        "rotation of the CA": lambda: upkeep(site).rotate_certificates(authority=True, test=True),
        "rotation of the encryption key": lambda: upkeep(site).rotate_encryption_key(test=True),
        "restore": lambda: upkeep(site).restore(fault_matrix.SNAPSHOT, test=True),
    }[operation]()
    assert list(would["changes"]) == ["followed"] and site.files() == began
    done = one.act(site)
    assert "whose caller had ended, succeeded" in done["changes"]["followed"]
    assert killed_callers.runs(site, RKE) == ran and site.engine().up().changes == {}


def test_a_restore_of_another_snapshot_is_done_whatever_became_of_the_first(site):
    (site.nodes.place(1) / "snapshots" / "other.zip").touch()
    killed(site, "restore", RKE, "ends unseen")
    done = upkeep(site).restore("other", "osug", verify_first=False)
    assert list(done["changes"]) == ["operation"] and killed_callers.runs(site, RKE) == 3
    assert site.engine().up().changes == {}


def test_up_completes_an_operation_that_rke_ended_and_names_it(site):
    killed(site, "rotation of the CA", RKE, "ends unseen")
    followed = site.engine().up().changes["followed"]
    assert followed.startswith("rotation of the certificates and their CA of ")
    assert site.engine().up().changes == {}


@pytest.fixture
def leaving(site):
    """The same, where pods run on the node that is taken out; whether nothing of it is left there and here."""
    pods = site.nodes.place(3) / "pods"
    pods.write_text("0a1b2c3d4e5f\n")
    known = site.dir / "known_hosts"
    before = len(known.read_text().splitlines())
    return lambda: not pods.read_text() and len(known.read_text().splitlines()) < before


@pytest.mark.parametrize("fate", killed_callers.FATES)
def test_nothing_runs_on_a_node_that_left_whoever_saw_it_leave(site, leaving, fate):
    killed(site, "take out", RKE, fate)
    assert not killed_callers.next_run(site, OPERATIONS["take out"])
    assert leaving()


def test_nor_on_one_that_had_left_when_rke_was_killed(site, leaving):
    one = OPERATIONS["take out"]
    del site.declared["w2"]
    assert "was killed" in fault_matrix.strike(site, one, "saved", fault_matrix.FAULTS["kill -9 of rke"])
    assert not site.engine(allow_removal=["w2"]).up(test=True).changes.get("nodes"), "by the state it is out"
    assert not leaving()
    one.act(site)
    assert leaving()
