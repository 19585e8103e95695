"""The size of a VM: what the pillar's shape makes different, what of it a running VM takes, and what is refused. Pure.

Source: vSphere Virtual Machine Administration, "Change CPU Hot Plug Settings", "Change Memory Hot Add Settings",
"Change the Virtual Disk Configuration".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

MIB = 1024
ON, OFF = "poweredOn", "poweredOff"


class Disk(NamedTuple):
    """free_gib: of its datastore, None when that is not known."""

    gib: float
    thin: bool = True
    datastore: str = ""
    free_gib: float | None = None


class Facts(NamedTuple):
    """A VM as its vCenter has it.

    hot_memory_limit_mib: what can be added up to while it runs; disks: by number; host_cpus, host_memory_mib: of the
    machine that it runs on, None when that is not known.
    """

    instance_uuid: str
    power: str
    template: bool
    cpus: int
    cores_per_socket: int
    memory_mib: int
    cpu_hot_add: bool
    memory_hot_add: bool
    hot_memory_limit_mib: int | None
    hot_memory_step_mib: int | None
    snapshots: bool
    disks: dict[int, Disk]
    host: str
    host_cpus: int | None
    host_memory_mib: int | None


class Change(NamedTuple):
    """what: ``cpus``, ``memory_gib`` or ``disk``; cold: why the VM has to be off for it, "" when it runs on."""

    what: str
    old: float
    new: int
    cold: str = ""
    disk: int = 0

    @property
    def title(self) -> str:
        """What changes, in words."""
        return {"cpus": "CPUs", "memory_gib": "memory"}.get(self.what, f"disk {self.disk}")

    def __str__(self) -> str:
        unit = "" if self.what == "cpus" else " GiB"
        how = f"needs the VM off: {self.cold}" if self.cold else "while it runs"
        return f"{self.title} {self.old:g} -> {self.new:g}{unit}, {how}"


@dataclass
class Plan:
    """What a VM's resize means.

    refused: why it is not done, each with the way that works; continues: an earlier resize was interrupted, and goes
    on; off: the VM is off.
    """

    node: str
    changes: list[Change] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    continues: bool = False
    off: bool = False

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do, and nothing to refuse."""
        return not (self.changes or self.refused or self.continues)

    @property
    def cold(self) -> bool:
        """Whether the node has to leave its work for it."""
        return self.continues or any(change.cold for change in self.changes)

    def lines(self) -> list[str]:
        """Return the plan for a human."""
        if self.refused:
            return [f"{self.node}: refused: {reason}" for reason in self.refused]
        lines = [f"{self.node}: {change}" for change in self.changes]
        if self.continues:
            lines.append(f"{self.node}: a resize was interrupted: goes on{', and turns it on' if self.off else ''}")
        elif self.off and self.changes:
            lines.append(f"{self.node}: is off, and not by a resize: changed as it is, and left off")
        return lines

    def as_changes(self) -> dict[str, dict[str, Any]]:
        """Return Salt's ``changes``."""
        found: dict[str, dict[str, Any]] = {one.title: {"old": one.old, "new": one.new} for one in self.changes}
        return found | ({"power": {"old": OFF, "new": ON}} if self.continues and self.off else {})

    def as_dict(self) -> dict[str, Any]:
        """Return the plan as data."""
        return {
            "node": self.node,
            "changes": self.as_changes(),
            "cold": self.cold,
            "continues": self.continues,
            "off": self.off,
            "grown": [one.disk for one in self.changes if one.what == "disk"],
            "more": any(one.what != "disk" for one in self.changes),
            "refused": self.refused,
            "lines": self.lines(),
        }


def plan(node: str, shape: dict[str, Any], facts: Facts, turn: bool) -> Plan:
    """Compare a VM with its shape.

    turn: whether an earlier resize was going to turn it off and on, and was interrupted.
    """
    running = facts.power != OFF
    found = Plan(node, continues=turn, off=not running)
    if facts.template:
        found.refused.append("it is a template in the vCenter")
        return found
    if facts.power not in (ON, OFF):
        found.refused.append(f"the VM is {facts.power}: turn it on first")
    _cpus(found, facts, shape["cpus"], running)
    _memory(found, facts, shape["memory_gib"], running)
    for number, gib in enumerate([shape["disk_gib"], *shape["extra_disks_gib"]], 1):
        _disk(found, facts, number, gib)
    return found


def _cpus(found: Plan, facts: Facts, new: int, running: bool) -> None:
    if new == facts.cpus:
        return
    if facts.host_cpus and new > facts.host_cpus:
        found.refused.append(
            f"{new} CPUs: its host {facts.host} has {facts.host_cpus} threads; take fewer, or another host"
        )
    if new % facts.cores_per_socket:
        found.refused.append(
            f"{new} CPUs: the VM has {facts.cores_per_socket} cores per socket; take a multiple, or change that in the "
            "vCenter while the VM is off"
        )
    cold = ""
    if running and new < facts.cpus:
        cold = "CPUs are taken from no running VM"
    elif running and not facts.cpu_hot_add:
        cold = "its CPU hot add is not enabled"
    found.changes.append(Change("cpus", facts.cpus, new, cold))


def _memory(found: Plan, facts: Facts, new: int, running: bool) -> None:
    wanted, limit, step = new * MIB, facts.hot_memory_limit_mib, facts.hot_memory_step_mib
    if wanted == facts.memory_mib:
        return
    if facts.host_memory_mib and wanted > facts.host_memory_mib:
        has = f"{facts.host_memory_mib / MIB:.0f} GiB"
        found.refused.append(f"{new} GiB of memory: its host {facts.host} has {has}; take less, or another host")
    cold = ""
    if running and wanted < facts.memory_mib:
        cold = "memory is taken from no running VM"
    elif running and not facts.memory_hot_add:
        cold = "its memory hot add is not enabled"
    elif running and limit and wanted > limit:
        cold = f"while it runs, memory can be added up to {limit / MIB:g} GiB"
    elif running and step and (wanted - facts.memory_mib) % step:
        cold = f"while it runs, memory can be added by multiples of {step} MiB"
    found.changes.append(Change("memory_gib", facts.memory_mib / MIB, new, cold))


def _disk(found: Plan, facts: Facts, number: int, new: int) -> None:
    disk = facts.disks.get(number)
    if disk is None:
        found.refused.append(
            f"it has no disk {number}, and disks are given to new VMs only: exchange the node, or take the disk out of "
            "the shape"
        )
    elif new < disk.gib:
        found.refused.append(
            f"disk {number} {disk.gib:g} -> {new} GiB: a disk cannot shrink; set {disk.gib:g}, or exchange the node"
        )
    elif new > disk.gib:
        _growth(found, facts, number, disk, new)


def _growth(found: Plan, facts: Facts, number: int, disk: Disk, new: int) -> None:
    if facts.snapshots:
        found.refused.append(
            f"disk {number} {disk.gib:g} -> {new} GiB: the VM has snapshots, which keep its disks as they are: delete "
            "them in the vCenter (a backup may be running)"
        )
    more = new - disk.gib
    if not disk.thin and disk.free_gib is not None and more > disk.free_gib:
        found.refused.append(
            f"disk {number} {disk.gib:g} -> {new} GiB: its datastore {disk.datastore} has {disk.free_gib:.0f} GiB free"
        )
    found.changes.append(Change("disk", disk.gib, new, disk=number))
