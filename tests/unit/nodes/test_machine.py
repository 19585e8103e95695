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


def test_foreign_bytes_and_links_stay(machine, tmp_path):
    machine.path_of("/etc").mkdir()
    kept = b"127.0.0.1 localhost\r\n# caf\xe9\n\xff\xfe last"
    (tmp_path / "site-hosts").write_bytes(kept)
    machine.path_of("/etc/hosts").symlink_to(tmp_path / "site-hosts")
    did = machine.set_block("/etc/hosts", "nodes", ["10.0.0.1 a"], test=False)
    assert did["changes"]["/etc/hosts"]["old"] == ""
    block = b"# begin saltk8s: nodes (the line above had no newline)\n10.0.0.1 a\n# end saltk8s: nodes\n"
    assert (tmp_path / "site-hosts").read_bytes() == kept + b"\n" + block
    machine.set_block("/etc/hosts", "nodes", None, test=False)
    assert (tmp_path / "site-hosts").read_bytes() == kept
    assert machine.path_of("/etc/hosts").is_symlink()


def test_a_link_stays_when_nothing_is_left_of_its_file(machine, tmp_path):
    machine.path_of("/etc").mkdir()
    machine.path_of("/etc/hosts").symlink_to(tmp_path / "site-hosts")
    machine.set_block("/etc/hosts", "nodes", ["10.0.0.1 a"], test=False)
    machine.set_block("/etc/hosts", "nodes", None, test=False)
    assert machine.path_of("/etc/hosts").is_symlink() and (tmp_path / "site-hosts").read_bytes() == b""


def test_changes_can_be_sent_whatever_the_encoding(machine):
    machine.path_of("/etc").mkdir()
    machine.path_of("/etc/fstab").write_bytes(b"/dev/a none swap caf\xe9\n")
    changes = machine.rewrite("/etc/fstab", lambda text: "", test=True)
    assert changes["/etc/fstab"]["old"].encode() == b"/dev/a none swap caf\xef\xbf\xbd"


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
