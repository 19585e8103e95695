"""A node's reboot: whether one is pending, and whether the window for it is open. Pure, but for reading files."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Mapping
from typing import Any

from saltk8s.nodes.machine import Machine

MARK = "/run/saltk8s-reboot"  # gone after a boot: while it is there, the reboot has not happened
ASKED = f"if test -e {MARK}; then echo reboot; fi"  # what the admin asks a node
REQUIRED = ("/run/reboot-required", "/var/run/reboot-required")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def pending(machine: Machine, release: str) -> list[str]:
    """Return why a node should reboot, nothing when it need not. release: of the kernel that runs.

    A container's kernel is its host's.
    """
    if machine.container():
        return []
    found = newer_kernel(release, _kernels(machine))
    reasons = [f"the kernel {found} is installed, and {release} runs"] if found else []
    for path in REQUIRED:
        if machine.path_of(path).exists():
            packages = sorted(set(machine.read(f"{path}.pkgs").split()))
            return [*reasons, f"the system asks for it ({', '.join(packages) or path})"]
    return reasons


def _kernels(machine: Machine) -> set[str]:
    """Return the releases whose kernel can be booted: removed ones may have left their modules."""
    found = {path.name.removeprefix("vmlinuz-") for path in machine.path_of("/boot").glob("vmlinuz-*")}
    return found | {path.parent.name for path in machine.path_of("/lib/modules").glob("*/vmlinuz")}


def newer_kernel(release: str, installed: Iterable[str]) -> str:
    """Return the newest installed kernel of the running one's flavour when it is newer, else an empty string."""
    same = [one for one in installed if _flavour(one) == _flavour(release)]
    newest = max(same, key=_number, default=release)
    return newest if release in same and _number(newest) > _number(release) else ""


def _number(release: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", re.split("[A-Za-z_]", release, maxsplit=1)[0])]


def _flavour(release: str) -> list[str]:
    return re.findall(r"[A-Za-z]+", release)


def shut(window: Mapping[str, Any] | None, now: datetime.datetime) -> str:
    """Return why a reboot is not made now, "" while the window is open.

    window: ``k8s:os:reboots``, None without one; now: in UTC.
    """
    if not window:
        return "k8s:os:reboots has no window; reboot=now does it now"
    hour, minute = map(int, window["from"].split(":"))
    for back in (0, 1):  # one that began yesterday may still be open
        day = (now - datetime.timedelta(days=back)).replace(hour=hour, minute=minute, second=0, microsecond=0)
        opened = day <= now < day + datetime.timedelta(hours=window["hours"])
        if opened and DAYS[day.weekday()] in (window.get("days") or DAYS):
            return ""
    return f"its window is {words(window)}"


def words(window: Mapping[str, Any]) -> str:
    """Return a window as text."""
    days = window.get("days") or ()
    return f"{', '.join(days) or 'every day'} from {window['from']} UTC for {window['hours']} h"
