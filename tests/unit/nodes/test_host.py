"""The thinking about a node's operating system: texts in, texts out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some
from saltk8s.base import files
from saltk8s.nodes import host
from saltk8s.pillar import rules
from tests.support import nodes

FSTAB = """\
# /etc/fstab
/dev/sda1 / ext4 defaults 0 1
/dev/sda2 none swap sw 0 0
\t/swap.img none\tswap sw 0 0
#/dev/sdb none swap sw 0 0
"""
SSHD = "port 22\nallowtcpforwarding local\nallowstreamlocalforwarding yes\npubkeyauthentication yes\n"


@pytest.mark.parametrize(
    ("grains", "markers", "said", "kind"),
    [
        ({"virtual": "VMware", "virtual_subtype": ""}, [], "", ""),
        ({"virtual": "physical"}, [], "", ""),
        ({"virtual": "kvm", "virtual_subtype": "oVirt"}, [], "", ""),
        ({"virtual": "container", "virtual_subtype": "Docker"}, [], "", "docker"),
        ({"virtual": "LXC"}, [], "", "lxc"),
        ({"virtual": "container"}, [], "", "container"),
        ({"virtual": "physical"}, ["/.dockerenv"], "", "docker"),
        ({"virtual": "physical"}, ["/run/.containerenv"], "", "podman"),
        ({"virtual": "physical"}, [], "systemd-nspawn\n", "systemd-nspawn"),
        ({}, [], "", ""),
    ],
)
def test_container_kind(grains, markers, said, kind):
    assert host.container_kind(grains, markers, said) == kind


@pytest.mark.parametrize("name", nodes.known())
def test_known_systems_have_all_that_the_formulas_read(name):
    found = host.family(nodes.systems()[name], nodes.FAMILIES)
    assert {"packages", "ssh_service", "time", "docker"} <= set(found)
    assert {"package", "service", "file", "item", "join", "text"} == set(found["time"])
    assert {"version", "packages", "hold_needs", "repository"} == set(found["docker"])
    assert "docker-ce" in found["docker"]["packages"]


@pytest.mark.parametrize("name", nodes.known(False))
def test_unknown_systems(name):
    assert host.family(nodes.systems()[name], nodes.FAMILIES) == {}


def test_a_family_is_a_copy():
    first = host.family(nodes.systems()["debian13"], nodes.FAMILIES)
    first["docker"]["packages"]["docker-ce"]["pinned"].clear()
    assert host.family(nodes.systems()["debian13"], nodes.FAMILIES)["docker"]["packages"]["docker-ce"]["pinned"]


def test_host_lines_leave_out_dhcp_and_give_long_names_a_short_one():
    lines = host.host_lines({"a": {"ip": "10.0.0.1"}, "b.osug.example": {"ip": "10.0.0.2"}, "c": {"ip": None}})
    assert lines == ["10.0.0.1 a", "10.0.0.2 b.osug.example b"]


_lines = some.lists(some.text(alphabet="abc #.:-1", max_size=12), max_size=5)
_foreign = some.lists(some.sampled_from([b"a", b"\n", b"\r\n", b"\xe9", b"\x85", b"\xc2\x85", b"\x0c", b"\0"])).map(
    b"".join
)


@given(before=_foreign, ours=_lines, new=_lines, after=_foreign)
def test_a_block_is_ours_and_the_rest_stays_byte_for_byte(before, ours, new, after):
    first = host.with_block(files.text_of(before), "x", ours)
    assert host.with_block(first, "x", ours) == first
    assert files.bytes_of(host.without_block(first, "x")) == before
    later = host.with_block(first + files.text_of(after), "x", new)
    begin, end = host.block_markers("x")
    assert "\n".join([*new, end]) in later and later.count(begin) == 1
    left = files.bytes_of(host.without_block(later, "x"))
    assert left == before + (b"\n" if before and not before.endswith(b"\n") and after else b"") + after


def test_a_block_that_an_editor_saved_for_dos_is_still_ours():
    text = host.with_block("a\r\n", "x", ["1"]).replace("\n", "\r\n").replace("\r\r", "\r")
    assert host.without_block(text, "x") == "a\r\n"
    assert host.with_block(text, "x", ["1"]) == host.with_block("a\r\n", "x", ["1"])


def test_a_block_stays_in_its_place():
    text = host.with_block("a\n", "x", ["1"]) + "b\n"
    assert host.with_block(text, "x", ["2"]) == text.replace("\n1\n", "\n2\n")
    assert host.without_block(text, "x") == "a\nb\n"
    assert host.without_block(text, "y") == text


@pytest.mark.parametrize(
    ("name", "loaded", "built_in", "filesystems", "traces", "there"),
    [
        ("overlay", [], "", "nodev\toverlay\n\text4\n", [], True),
        ("overlay", [], "", "nodev\toverlayfs\n", [], False),
        ("br-netfilter", ["br_netfilter"], "", "", [], True),
        ("ip_set", [], "kernel/net/netfilter/ipset/ip_set.ko\n", "", [], True),
        ("ip_set", [], "kernel/net/netfilter/ipset/ip_set_hash_ip.ko.zst\n", "", [], False),
        ("nf_conntrack", [], "kernel/net/nf-conntrack.ko.xz\n", "", [], True),
        ("br_netfilter", [], "", "", [True], True),
        ("vxlan", [], "", "", [], False),
    ],
)
def test_module_available(name, loaded, built_in, filesystems, traces, there):
    assert host.module_available(name, loaded, built_in, filesystems, traces) is there


@pytest.mark.parametrize(
    ("name", "path", "own"),
    [
        ("net.ipv4.ip_forward", "net/ipv4/ip_forward", True),
        ("net.ipv4.conf.eth0/1.rp_filter", "net/ipv4/conf/eth0.1/rp_filter", True),
        ("net/ipv4/conf/eth0.1/rp_filter", "net/ipv4/conf/eth0.1/rp_filter", True),
        ("kernel.panic", "kernel/panic", False),
        ("vm.max_map_count", "vm/max_map_count", False),
        ("fs.inotify.max_user_instances", "fs/inotify/max_user_instances", False),
    ],
)
def test_sysctl_path(name, path, own):
    assert host.sysctl_path(name) == path
    assert host.is_namespaced(name) is own


def test_the_formula_sets_the_kernel_as_a_kubelet_expects_it():
    assert rules.KERNEL_DEFAULTS.items() <= nodes.FAMILIES["common"]["sysctls"].items()


def test_swap_devices():
    text = "Filename\tType\tSize\tUsed\tPriority\n/dev/sda2  partition\t1\t0\t-2\n/my\\040swap file 1 0 -3\n"
    assert host.swap_devices(text) == ["/dev/sda2", "/my swap"]
    assert host.swap_devices("Filename\tType\tSize\tUsed\tPriority\n") == []
    assert host.swap_devices("") == []


def test_fstab_without_swap_and_back():
    out = host.fstab_without_swap(FSTAB)
    active = [line for line in out.splitlines() if "swap" in line and not line.startswith("#")]
    assert active == []
    assert "/dev/sda1 / ext4 defaults 0 1" in out
    assert host.fstab_without_swap(out) == out
    assert host.fstab_with_swap(out) == FSTAB


def test_only_a_newline_ends_a_line_of_fstab():
    text = "# caf\x85/dev/a none swap\x0c/dev/b none swap\n/dev/c none swap sw\r\n/dev/d none swap"
    out = host.fstab_without_swap(text)
    assert out.count(host.SWAP_MARK) == 2 and out.startswith("# caf\x85/dev/a")
    assert host.fstab_with_swap(out) == text


@pytest.mark.parametrize(
    ("current", "wanted", "same"),
    [
        ("k8s-w1", "k8s-w1", True),
        ("k8s-w1.osug.example", "k8s-w1", True),
        ("K8S-W1", "k8s-w1", True),
        ("k8s-w1", "k8s-w1.osug.example", True),
        ("k8s-w1.other.example", "k8s-w1.osug.example", False),
        ("template", "k8s-w1", False),
        ("", "k8s-w1", False),
    ],
)
def test_same_host(current, wanted, same):
    assert host.same_host(current, wanted) is same


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (SSHD, []),
        (SSHD + "authorizedkeysfile .ssh/authorized_keys .ssh/authorized_keys2\n", []),
        (SSHD.replace("local\n", "no\n", 1), ["AllowTcpForwarding is no"]),
        (SSHD.replace("local\n", "remote\n", 1), ["AllowTcpForwarding is remote"]),
        (SSHD.replace("forwarding yes", "forwarding no"), ["AllowStreamLocalForwarding is no"]),
        (SSHD + "disableforwarding yes\n", ["DisableForwarding is yes"]),
        (SSHD.replace("pubkeyauthentication yes", "pubkeyauthentication no"), ["PubkeyAuthentication is no"]),
        (SSHD + "authorizedkeysfile /etc/ssh/keys/%u\n", ["AuthorizedKeysFile is /etc/ssh/keys/%u"]),
        (SSHD + "allowusers root\nallowusers ops\n", ["AllowUsers is root ops"]),
        (SSHD + "allowusers root\nallowusers rke\n", []),
        (SSHD + "allowusers r*\n", []),
        (SSHD + "allowgroups wheel\n", ["AllowGroups is wheel"]),
        (SSHD + "allowgroups docker\n", []),
        (SSHD + "denyusers rke\n", ["DenyUsers has rke"]),
        (SSHD + "denygroups docker\n", ["DenyGroups has docker"]),
    ],
)
def test_ssh_obstacles(settings, expected):
    found = host.ssh_obstacles(settings, "rke", ["rke", "docker"])
    assert len(found) == len(expected)
    assert all(text.startswith(start) for text, start in zip(found, expected, strict=True))


def test_the_mark_of_our_user_can_stand_in_passwd():
    assert not set(":,=\n") & set(host.OWN_USER)
    assert host.OWN_USER.isascii()
