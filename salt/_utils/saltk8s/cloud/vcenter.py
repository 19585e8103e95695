"""A vCenter, through pyvmomi: finds a node's VM, reads its size, changes it, turns it off and on.

Only the minion of the Salt master has pyvmomi and the password, so it is imported when a connection is made.
"""

from __future__ import annotations

import importlib
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from saltk8s.base import errors
from saltk8s.cloud.records import Record
from saltk8s.cloud.sizes import Change, Disk, Facts

CONNECT_S = 30
TASK_S = 900
SHUTDOWN_S = 300  # for the guest to shut down by itself
POLL_S = 2.0
KIB_PER_GIB = 1024**2


@contextmanager
def connected(model: dict[str, Any]) -> Iterator[Vcenter]:
    """Log in to the vCenter of the pillar, and out again.

    Raises MissingProgram without pyvmomi, Unreachable, Unauthorized; what the vCenter answers to a request as
    CommandError with the fault's name. None of them has the password.
    """
    connect, vim, vmodl = _sdk()
    given = model["cloud"]["provider"]
    url = given["url"]
    try:
        service = connect.SmartConnect(
            host=url,
            port=given["port"],
            user=given["user"],
            pwd=given["password"],
            sslContext=_tls(given["verify_ssl"]),
            httpConnectionTimeout=CONNECT_S,
        )
    except (vim.fault.InvalidLogin, vim.fault.NoPermission) as err:
        raise errors.Unauthorized(f"the vCenter {url} refuses the login of {given['user']}") from err
    except (OSError, vmodl.MethodFault) as err:
        raise errors.Unreachable(f"the vCenter {url} does not answer: {_reason(err)}") from err
    try:
        yield Vcenter(service.RetrieveContent(), url)
    except vmodl.MethodFault as err:
        raise errors.CommandError(f"the vCenter {url} refused: {_reason(err)}") from err
    except OSError as err:
        raise errors.Unreachable(f"the vCenter {url} no longer answers: {_reason(err)}") from err
    finally:
        with suppress(OSError, vmodl.MethodFault):
            connect.Disconnect(service)


class Vcenter:
    """One session. A ``vm`` is a ``vim.VirtualMachine``."""

    def __init__(self, content: Any, provider: str):
        """content: the service's; provider: the vCenter's name or address, as the pillar and the records have it."""
        self._content, self.provider = content, provider
        self._names: dict[str, list[Any]] | None = None

    def owned(self, record: Record, name: str) -> Any:
        """Return the VM that a record is about. Raises Refused when it is not there, or is not the node's."""
        if record.provider != self.provider:
            raise errors.Refused(
                f"the VM of {name} was recorded in the vCenter {record.provider}, not in {self.provider}; when that is "
                "another name of the same one: k8s_cloud.adopt"
            )
        vm = self._content.searchIndex.FindByUuid(None, record.instance_uuid, True, True)
        if vm is None:
            raise errors.Refused(
                f"the vCenter {self.provider} has no VM with the instance UUID {record.instance_uuid}, that of {name}: "
                "it was deleted, or registered anew; when another VM is the node's now: k8s_cloud.adopt"
            )
        if vm.name != name:
            raise errors.Refused(
                f"the VM with the instance UUID of {name} is named {vm.name} in the vCenter {self.provider}: rename it"
            )
        return vm

    def named(self, name: str) -> list[Any]:
        """Return the VMs of a name. Only for what is shown: a name says nothing about whose a VM is."""
        if self._names is None:
            self._names = {}
            for vm, its in self._all():
                self._names.setdefault(its, []).append(vm)
        return self._names.get(name, [])

    def facts(self, vm: Any) -> Facts:
        """Return the size of a VM, and what its host and its devices allow. Raises Refused when it is inaccessible."""
        its = self._properties(vm, "name", "config", "runtime", "snapshot")
        config, runtime = its.get("config"), its["runtime"]
        if config is None or str(runtime.connectionState) != "connected":
            raise errors.Refused(f"the VM {its['name']} is {runtime.connectionState} in the vCenter {self.provider}")
        hardware = runtime.host.summary.hardware if runtime.host else None
        return Facts(
            instance_uuid=config.instanceUuid,
            power=str(runtime.powerState),
            template=bool(config.template),
            cpus=config.hardware.numCPU,
            cores_per_socket=config.hardware.numCoresPerSocket or 1,
            memory_mib=config.hardware.memoryMB,
            cpu_hot_add=bool(config.cpuHotAddEnabled),
            memory_hot_add=bool(config.memoryHotAddEnabled),
            hot_memory_limit_mib=config.hotPlugMemoryLimit,
            hot_memory_step_mib=config.hotPlugMemoryIncrementSize,
            snapshots="snapshot" in its,
            disks={number: _disk(one) for number, one in _disks(config.hardware.device).items()},
            host=runtime.host.name if runtime.host else "",
            host_cpus=hardware.numCpuThreads if hardware else None,
            host_memory_mib=hardware.memorySize // 1024**2 if hardware else None,
        )

    def change(self, vm: Any, changes: list[Change]) -> None:
        """Give a VM another size: CPUs, memory and the size of disks in one task."""
        _, vim, _ = _sdk()
        spec = vim.vm.ConfigSpec()
        disks = _disks(vm.config.hardware.device)
        for change in changes:
            if change.what == "cpus":
                spec.numCPUs = change.new
            elif change.what == "memory_gib":
                spec.memoryMB = int(change.new * 1024)
            else:
                disk = disks[change.disk]
                disk.capacityInKB, disk.capacityInBytes = change.new * KIB_PER_GIB, change.new * 1024**3
                edit = vim.vm.device.VirtualDeviceSpec.Operation.edit
                spec.deviceChange.append(vim.vm.device.VirtualDeviceSpec(operation=edit, device=disk))
        self.wait(vm.ReconfigVM_Task(spec=spec), f"resize of {vm.name}")

    def has(self, record: Record) -> bool:
        """Whether the VM of a record is there; True, too, for a record of another vCenter, which owned() refuses."""
        found = self._content.searchIndex.FindByUuid(None, record.instance_uuid, True, True)
        return record.provider != self.provider or found is not None

    def volumes(self, vm: Any) -> list[str]:
        """Return the volumes of Kubernetes that are attached to a VM, by their files."""
        attached = (one for one in vm.config.hardware.device if getattr(one, "vDiskId", None))
        return [getattr(one.backing, "fileName", "") or str(one.vDiskId.id) for one in attached]

    def destroy(self, vm: Any) -> None:
        """Turn a VM off, and destroy it with its disks."""
        name = vm.name
        if str(vm.runtime.powerState) != "poweredOff":
            self.wait(vm.PowerOffVM_Task(), f"power off of {name}")
        self.wait(vm.Destroy_Task(), f"destruction of {name}")

    def turn_off(self, vm: Any) -> None:
        """Let the guest shut down, by its tools; turn the VM off when it has none, or is not down in time."""
        _, vim, _ = _sdk()
        if str(vm.runtime.powerState) == "poweredOff":
            return
        with suppress(vim.fault.ToolsUnavailable, vim.fault.InvalidPowerState, vim.fault.InvalidState):
            vm.ShutdownGuest()
            if _until(lambda: str(vm.runtime.powerState) == "poweredOff", SHUTDOWN_S):
                return
        self.wait(vm.PowerOffVM_Task(), f"power off of {vm.name}")

    def turn_on(self, vm: Any) -> None:
        """Turn a VM on; nothing when it is."""
        if str(vm.runtime.powerState) != "poweredOn":
            self.wait(vm.PowerOnVM_Task(), f"power on of {vm.name}")

    def wait(self, task: Any, what: str, timeout_s: float = TASK_S) -> Any:
        """Wait for a task; return its result. Raises CommandError with the fault's name, CommandTimeout."""
        if not _until(lambda: str(task.info.state) in ("success", "error"), timeout_s):
            raise errors.CommandTimeout(f"{what}: timed out after {timeout_s:g} s; the vCenter goes on with the task")
        if str(task.info.state) == "error":
            raise errors.CommandError(f"{what} failed in the vCenter {self.provider}: {_reason(task.info.error)}")
        return task.info.result

    def _all(self) -> Iterator[tuple[Any, str]]:
        """Every VM with its name, by one request: a request for each would take minutes in a large vCenter."""
        _, vim, vmodl = _sdk()
        collector = vmodl.query.PropertyCollector
        view = self._content.viewManager.CreateContainerView(self._content.rootFolder, [vim.VirtualMachine], True)
        step = collector.TraversalSpec(name="each", path="view", skip=False, type=vim.view.ContainerView)
        try:
            for one in self._retrieve(collector.ObjectSpec(obj=view, skip=True, selectSet=[step]), ["name"]):
                yield one.obj, one.propSet[0].val
        finally:
            view.Destroy()

    def _properties(self, vm: Any, *paths: str) -> dict[str, Any]:
        """Properties of a VM, by one request; those that are not set are not in it."""
        _, _, vmodl = _sdk()
        (found,) = self._retrieve(vmodl.query.PropertyCollector.ObjectSpec(obj=vm), list(paths))
        return {one.name: one.val for one in found.propSet}

    def _retrieve(self, start: Any, paths: list[str]) -> Any:
        _, vim, vmodl = _sdk()
        collector = vmodl.query.PropertyCollector
        wanted = collector.PropertySpec(type=vim.VirtualMachine, pathSet=paths)
        return self._content.propertyCollector.RetrieveContents(
            [collector.FilterSpec(objectSet=[start], propSet=[wanted])]
        )


def _sdk() -> tuple[Any, Any, Any]:
    """Import pyvmomi, which Salt Cloud's driver needs, too."""
    try:
        sdk = importlib.import_module("pyVmomi")
        return importlib.import_module("pyVim.connect"), sdk.vim, sdk.vmodl
    except ImportError as err:
        raise errors.MissingProgram("pyvmomi is not installed beside Salt on this minion: see docs/install.md") from err


def _tls(verify: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _reason(err: Any) -> str:
    """A fault in words: its name, which the vCenter's documentation explains, and its message."""
    name = type(err).__name__.rsplit(".", 1)[-1]
    said = [getattr(err, "privilegeId", ""), str(getattr(err, "msg", "") or getattr(err, "localizedMessage", "") or "")]
    said = said if any(said) or not isinstance(err, OSError) else [str(err)]
    return ": ".join([name, *(one for one in said if one)])


def _until(done: Callable[[], bool], timeout_s: float) -> bool:
    end, pause = time.monotonic() + timeout_s, 0.05
    while not done():
        if time.monotonic() >= end:
            return False
        time.sleep(min(pause, POLL_S))
        pause *= 2
    return True


def _disks(devices: Any) -> dict[int, Any]:
    """A VM's disks by number, in the order in which they were given to it, as in its shape.

    Without volumes of Kubernetes (vDiskId), which are attached to the VM and belong to their claims. The labels of a
    vCenter (``Hard disk 1``) are in the language of whoever asks.
    """
    own = [one for one in devices if hasattr(one, "capacityInKB") and not getattr(one, "vDiskId", None)]
    return dict(enumerate(sorted(own, key=lambda one: one.key), 1))


def _disk(device: Any) -> Disk:
    store = getattr(device.backing, "datastore", None)
    return Disk(
        device.capacityInKB / KIB_PER_GIB,
        bool(getattr(device.backing, "thinProvisioned", False)),
        store.summary.name if store else "",
        store.summary.freeSpace / 1024**3 if store else None,
    )
