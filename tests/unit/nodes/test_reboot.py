"""Whether a reboot is pending, and whether its window is open."""

from __future__ import annotations

import datetime

import pytest
from saltk8s.nodes import reboot
from saltk8s.nodes.machine import Machine
from tests.support import nodes


@pytest.mark.parametrize(
    ("release", "installed", "newer"),
    [
        ("6.1.0-23-amd64", ["6.1.0-23-amd64"], ""),
        ("6.1.0-23-amd64", ["6.1.0-9-amd64", "6.1.0-23-amd64", "6.1.0-25-amd64"], "6.1.0-25-amd64"),
        ("6.1.0-23-amd64", ["6.1.0-23-amd64", "6.1.0-25-cloud-amd64"], ""),
        ("5.15.0-92-generic", ["5.15.0-101-generic", "5.15.0-92-generic"], "5.15.0-101-generic"),
        ("5.14.0-427.el9.x86_64", ["5.14.0-427.el9.x86_64", "5.14.0-427.2.1.el9.x86_64"], "5.14.0-427.2.1.el9.x86_64"),
        ("5.14.0-503.el9.x86_64", ["5.14.0-427.13.1.el9.x86_64", "5.14.0-503.el9.x86_64"], ""),
        ("6.18.44-own", ["6.1.0-25-amd64"], ""),
        ("6.1.0-23-amd64", [], ""),
    ],
)
def test_a_newer_kernel_of_the_same_flavour_waits_for_a_reboot(release, installed, newer):
    assert reboot.newer_kernel(release, installed) == newer


@pytest.fixture
def machine(tmp_path):
    """A machine in a folder, with the kernel that runs."""
    (tmp_path / "boot").mkdir()
    (tmp_path / "boot" / "vmlinuz-6.1.0-23-amd64").write_text("")
    (tmp_path / "run").mkdir()
    return Machine(nodes.MACHINE, str(tmp_path))


def test_the_kernel_and_the_system_say_so(machine):
    assert reboot.pending(machine, "6.1.0-23-amd64") == []
    (machine.path_of("/boot/vmlinuz-6.1.0-25-amd64")).write_text("")
    (machine.path_of("/run/reboot-required")).write_text("*** System restart required ***\n")
    (machine.path_of("/run/reboot-required.pkgs")).write_text("libc6\nlinux-image\nlibc6\n")
    found = reboot.pending(machine, "6.1.0-23-amd64")
    assert found == [
        "the kernel 6.1.0-25-amd64 is installed, and 6.1.0-23-amd64 runs",
        "the system asks for it (libc6, linux-image)",
    ]


def test_a_container_is_rebooted_by_its_host(machine):
    (machine.path_of("/run/reboot-required")).write_text("")
    (machine.path_of("/.dockerenv")).write_text("")
    assert reboot.pending(machine, "6.1.0-23-amd64") == []


@pytest.mark.parametrize(
    ("window", "now", "is_open"),
    [
        (None, "2026-11-28 03:00", False),
        ({"from": "02:00", "hours": 4}, "2026-11-28 03:00", True),
        ({"from": "02:00", "hours": 4}, "2026-11-28 01:59", False),
        ({"from": "02:00", "hours": 4}, "2026-11-28 06:00", False),
        ({"from": "02:00", "hours": 4, "days": ["sat"]}, "2026-11-28 02:00", True),
        ({"from": "02:00", "hours": 4, "days": ["sun", "mon"]}, "2026-11-28 03:00", False),
        ({"from": "22:00", "hours": 6, "days": ["fri"]}, "2026-11-28 03:00", True),
        ({"from": "22:00", "hours": 6, "days": ["sat"]}, "2026-11-28 03:00", False),
        ({"from": "00:00", "hours": 24}, "2026-11-28 23:59", True),
    ],
)
def test_the_window_is_open_or_not(window, now, is_open):
    moment = datetime.datetime.fromisoformat(now).replace(tzinfo=datetime.timezone.utc)
    assert (reboot.shut(window, moment) == "") is is_open
