"""The states of ``k8s_host``, really applied to a machine that is a folder: test mode, first run, second run."""

from __future__ import annotations

import os
import platform

import pytest
from saltk8s.base import process
from saltk8s.nodes import host
from tests.support import nodes

HOSTS = "/etc/saltk8s-test/hosts"
FSTAB = "/dev/sda1 / ext4 defaults 0 1\n/dev/saltk8s_test none swap sw 0 0\n"
SWAPS = "Filename Type Size Used Priority\n/dev/saltk8s_test partition 1024 0 -2\n"


@pytest.fixture
def machine(loaders, tmp_path, monkeypatch):
    """A machine of its own. All names that it is tried with are ones that no real machine has."""
    root = tmp_path / "root"
    minion = loaders(minion_id="k8s-w1", grains=nodes.MACHINE, saltk8s_root=str(root))
    made = nodes.Machine(root, minion, monkeypatch)
    made.file("/proc/filesystems", "nodev\tproc\n")
    return made


@pytest.fixture
def container(machine):
    """The same, as a container."""
    machine.file("/.dockerenv", "")
    return machine


def three_runs(machine, function, name, **kwargs):
    """Test mode writes and starts nothing; the first run changes; the second does not. Return the first two."""
    before = machine.snapshot()
    would = machine.minion.state(function, name, test=True, **kwargs)
    assert (would["result"], bool(would["changes"])) == (None, True), would
    assert (machine.snapshot(), machine.ran) == (before, []), "test mode changed something"
    did = machine.minion.state(function, name, **kwargs)
    assert did["result"] is True and did["changes"] == would["changes"], (would, did)
    return would, did


def unchanged(machine, function, name, **kwargs):
    """Neither mode changes anything; return the answer."""
    before, ran = machine.snapshot(), list(machine.ran)
    for test in (True, False):
        answer = machine.minion.state(function, name, test=test, **kwargs)
        assert (answer["result"], answer["changes"]) == (True, {}), answer
    assert (machine.snapshot(), machine.ran) == (before, ran)
    return answer


def test_kernel_modules_are_loaded_once(machine):
    machine.file("/sys/module/vxlan/initstate", "live\n")
    machine.file(f"/lib/modules/{platform.release()}/modules.builtin", "kernel/fs/overlayfs/overlay.ko\n")
    wanted = {"modules": ["overlay", "vxlan", "br_netfilter", "ip_set"]}
    would, _ = three_runs(machine, "k8s_host.modules_loaded", "modules", **wanted)
    assert set(would["changes"]) == {"br_netfilter", "ip_set"}
    assert machine.ran == [["modprobe", "br_netfilter"], ["modprobe", "ip_set"]]
    machine.file("/proc/sys/net/bridge/bridge-nf-call-iptables", "1\n")
    machine.file("/sys/module/ip_set/initstate", "live\n")
    unchanged(machine, "k8s_host.modules_loaded", "modules", **wanted)


def test_modules_that_cannot_be_loaded_are_all_named(machine):
    machine.answers["modprobe"] = process.Result(1, "", "modprobe: FATAL: Module not found")
    answer = machine.minion.state("k8s_host.modules_loaded", "modules", modules=["vxlan", "ip_set"])
    assert (answer["result"], answer["changes"]) == (False, {})
    assert "vxlan: modprobe: FATAL" in answer["comment"] and "ip_set: modprobe: FATAL" in answer["comment"]


def test_a_container_loads_no_module_and_says_so(container):
    answer = unchanged(container, "k8s_host.modules_loaded", "modules", modules=["vxlan"])
    assert "docker container" in answer["comment"] and "not visible here: vxlan" in answer["comment"]
    assert container.ran == []


def test_sysctls_are_set_once(machine):
    machine.file("/proc/sys/net/saltk8s_test/forward", "0\n")
    machine.file("/proc/sys/kernel/saltk8s_test", "10\n")
    machine.file("/proc/sys/net/saltk8s_test/range", "32768\t60999\n")
    values = {"net.saltk8s_test.forward": 1, "kernel.saltk8s_test": "10", "net.saltk8s_test.range": "32768 60999"}
    would, _ = three_runs(machine, "k8s_host.sysctls_set", "sysctls", values=values)
    assert would["changes"] == {"net.saltk8s_test.forward": {"old": "0", "new": "1"}}
    assert machine.file("/proc/sys/net/saltk8s_test/forward") == "1\n"
    unchanged(machine, "k8s_host.sysctls_set", "sysctls", values=values)


def test_sysctls_that_there_are_not_are_named_on_a_machine(machine):
    values = {"net.saltk8s_test.bridge": 1}
    assert machine.minion.state("k8s_host.sysctls_set", "sysctls", test=True, values=values)["result"] is None
    answer = machine.minion.state("k8s_host.sysctls_set", "sysctls", values=values)
    assert answer["result"] is False and "net.saltk8s_test.bridge: No such file" in answer["comment"]


def test_a_container_sets_its_networks_sysctls_only(container):
    container.file("/proc/sys/net/saltk8s_test/forward", "0\n")
    container.file("/proc/sys/kernel/saltk8s_test", "0\n")
    values = {"net.saltk8s_test.forward": 1, "kernel.saltk8s_test": 10, "net.saltk8s_test.absent": 1}
    _, did = three_runs(container, "k8s_host.sysctls_set", "sysctls", values=values)
    assert "left to its host: kernel.saltk8s_test" in did["comment"]
    assert "net.saltk8s_test.absent: No such file" in did["comment"]
    assert container.file("/proc/sys/kernel/saltk8s_test") == "0\n"
    unchanged(container, "k8s_host.sysctls_set", "sysctls", values=values)


def test_swap_is_switched_off_and_comes_back_with_clean(machine):
    machine.file("/proc/swaps", SWAPS)
    machine.file("/etc/fstab", FSTAB)
    would, _ = three_runs(machine, "k8s_host.swap_off", "swap")
    assert set(would["changes"]) == {"/dev/saltk8s_test", "/etc/fstab"}
    assert machine.ran == [["swapoff", "/dev/saltk8s_test"]]
    assert machine.file("/etc/fstab").splitlines()[1] == host.SWAP_MARK + "/dev/saltk8s_test none swap sw 0 0"
    machine.file("/proc/swaps", SWAPS.splitlines()[0] + "\n")
    unchanged(machine, "k8s_host.swap_off", "swap")
    machine.ran.clear()
    three_runs(machine, "k8s_host.swap_restored", "swap")
    assert machine.file("/etc/fstab") == FSTAB
    unchanged(machine, "k8s_host.swap_restored", "swap")


def test_swap_that_cannot_be_switched_off_is_an_error(machine):
    machine.file("/proc/swaps", SWAPS)
    machine.answers["swapoff"] = process.Result(255, "", "Cannot allocate memory")
    answer = machine.minion.state("k8s_host.swap_off", "swap")
    assert answer["result"] is False and "Cannot allocate memory" in answer["comment"]


def test_a_container_leaves_swap_alone_and_says_so(container):
    container.file("/proc/swaps", SWAPS)
    container.file("/etc/fstab", FSTAB)
    assert "the host swaps to /dev/saltk8s_test" in unchanged(container, "k8s_host.swap_off", "swap")["comment"]


def test_the_host_name_is_set_once(machine):
    three_runs(machine, "k8s_host.hostname_set", "k8s-w1")
    assert machine.ran == [["hostnamectl", "set-hostname", "k8s-w1"]]
    machine.file("/proc/sys/kernel/hostname", "k8s-w1.osug.example\n")
    unchanged(machine, "k8s_host.hostname_set", "k8s-w1")


def test_a_container_keeps_its_name_and_says_so(container):
    comment = unchanged(container, "k8s_host.hostname_set", "k8s-w1")["comment"]
    assert f"keeps its host name, {container.NAME}" in comment


def test_a_block_in_a_file_that_is_not_ours(machine):
    machine.file(HOSTS, "127.0.0.1 localhost\n")
    (machine.root / HOSTS[1:]).chmod(0o640)
    three_runs(machine, "k8s_host.block_present", HOSTS, block="nodes", lines=["10.0.0.1 a"])
    text = "127.0.0.1 localhost\n# begin saltk8s: nodes\n10.0.0.1 a\n# end saltk8s: nodes\n"
    assert machine.file(HOSTS) == text
    assert (machine.root / HOSTS[1:]).stat().st_mode & 0o777 == 0o640
    unchanged(machine, "k8s_host.block_present", HOSTS, block="nodes", lines=["10.0.0.1 a"])
    _, did = three_runs(machine, "k8s_host.block_present", HOSTS, block="nodes", lines=["10.0.0.2 a"])
    assert did["changes"] == {HOSTS: {"old": "10.0.0.1 a", "new": "10.0.0.2 a"}}
    three_runs(machine, "k8s_host.block_absent", HOSTS, block="nodes")
    assert machine.file(HOSTS) == "127.0.0.1 localhost\n"
    unchanged(machine, "k8s_host.block_absent", HOSTS, block="nodes")


def test_a_block_in_a_file_that_is_made_and_goes_with_it(machine):
    (machine.root / "home/saltk8s-test").mkdir(parents=True)
    keys = "/home/saltk8s-test/.ssh/authorized_keys"
    where = {"user": "root", "mode": "0600", "block": "key", "lines": ["ssh-ed25519 A"]}
    three_runs(machine, "k8s_host.block_present", keys, **where)
    place = machine.root / keys[1:]
    assert (place.stat().st_mode & 0o777, place.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    three_runs(machine, "k8s_host.block_absent", keys, block="key")
    assert not place.exists()
    unchanged(machine, "k8s_host.block_absent", keys, block="key")


def test_a_file_that_is_a_mount_is_written_in_place(machine, monkeypatch):
    machine.file(HOSTS, "127.0.0.1 localhost\n")

    def busy(self, target):
        raise OSError(16, os.strerror(16))

    monkeypatch.setattr(type(machine.root), "replace", busy)
    three_runs(machine, "k8s_host.block_present", HOSTS, block="nodes", lines=["10.0.0.1 a"])
    assert "10.0.0.1 a" in machine.file(HOSTS)
    assert [path.name for path in (machine.root / HOSTS[1:]).parent.iterdir()] == ["hosts"]


def test_ssh_open(machine):
    machine.answers["/usr/sbin/sshd"] = process.Result(0, "allowtcpforwarding no\n", "")
    would = machine.minion.state("k8s_host.ssh_open", "ssh", test=True, user="rke")
    did = machine.minion.state("k8s_host.ssh_open", "ssh", user="rke")
    assert (would["result"], did["result"]) == (None, False)
    assert "AllowTcpForwarding is no" in did["comment"]
    machine.answers["/usr/sbin/sshd"] = process.Result(255, "", "no hostkeys available")
    assert "no hostkeys" in machine.minion.state("k8s_host.ssh_open", "ssh", user="rke")["comment"]
    machine.answers["/usr/sbin/sshd"] = process.Result(0, "allowtcpforwarding local\n", "")
    assert machine.minion.state("k8s_host.ssh_open", "ssh", user="rke")["result"] is True


def test_what_stands_in_the_way_is_said_in_test_mode_too(machine):
    for test in (True, False):
        answer = machine.minion.state("k8s_host.stopped", "it", why="because", test=test)
        assert (answer["result"], answer["changes"], answer["comment"]) == (False, {}, "because")
        answer = machine.minion.state("k8s_host.left_alone", "it", why="because", test=test)
        assert (answer["result"], answer["changes"], answer["comment"]) == (True, {}, "left alone: because")


@pytest.mark.parametrize(
    ("output", "others"),
    [("active\ninactive\ninactive\ninactive\ninactive\n", ["chrony"]), ("", []), ("inactive\n" * 6, [])],
)
def test_other_time_services(machine, output, others):
    machine.answers["systemctl"] = process.Result(3, output, "")
    ours = "systemd-timesyncd"
    assert machine.minion.call("k8s_host.other_time_services", ours) == others
    assert "chronyd" not in machine.ran[0] or ours not in machine.ran[0]
