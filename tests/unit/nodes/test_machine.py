"""A machine that is a folder: how files that are not ours are rewritten, and what is said of the kernel."""

from __future__ import annotations

import pytest
from saltk8s.base import errors
from saltk8s.nodes.machine import Machine
from tests.support import nodes


@pytest.fixture
def machine(tmp_path):
    return Machine(nodes.MACHINE, str(tmp_path))


def added(text: str) -> str:
    return text + "new\n"


def test_a_file_that_is_made_has_the_mode_that_is_asked_for_and_one_that_was_there_keeps_its_own(machine):
    machine.path_of("/etc").mkdir()
    machine.rewrite("/etc/made", added, test=False, mode="0600")
    machine.path_of("/etc/old").write_text("old\n")
    machine.path_of("/etc/old").chmod(0o640)
    assert machine.rewrite("/etc/old", added, test=False, mode="0600") == {"/etc/old": {"old": "", "new": "new"}}
    modes = {path.name: path.stat().st_mode & 0o777 for path in machine.path_of("/etc").iterdir()}
    assert modes == {"made": 0o600, "old": 0o640}
    assert machine.read("/etc/old") == "old\nnew\n"


def test_in_test_mode_nobody_is_asked_for_an_owner_who_may_not_exist_yet(machine):
    def owner():
        raise AssertionError

    changes = machine.rewrite("/home/new/.ssh/authorized_keys", added, test=True, owner=owner)
    assert changes == {"/home/new/.ssh/authorized_keys": {"old": "", "new": "new"}}
    assert list(machine.path_of("/").iterdir()) == []


def test_a_file_that_cannot_be_written_is_named(machine):
    machine.path_of("/etc").write_text("no folder")
    with pytest.raises(errors.CommandError, match="cannot write /etc/hosts: File exists"):
        machine.rewrite("/etc/hosts", added, test=False)


def test_settings_that_are_refused_are_all_named_on_a_machine_and_noted_in_a_container(machine, tmp_path):
    values = {"net.b": 1, "net.a": 1, "kernel.c": 1}
    with pytest.raises(errors.CommandError) as raised:
        machine.set_sysctls(values, test=False)
    assert [line.partition(":")[0] for line in str(raised.value).splitlines()[1:]] == ["kernel.c", "net.a", "net.b"]
    inside = Machine(nodes.CONTAINER, str(tmp_path)).set_sysctls(values, test=False)
    assert inside["changes"] == {}
    assert [note.partition(":")[0] for note in inside["notes"]] == ["net.a", "net.b", "this is a docker container"]


def test_a_file_is_no_folder_of_a_machine(machine):
    machine.path_of("/proc").write_text("")
    assert machine.read("/proc/swaps") == ""
    assert machine.missing_modules(["vxlan"]) == ["vxlan"]
