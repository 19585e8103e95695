"""A vCenter simulator, the pillar of a site on it, and salt-cloud as an operator calls it, for the functional tests."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from pyVim.connect import Disconnect, SmartConnect
from pyVmomi import vim
from tests.support import pillars
from tests.support.salt import ADMIN

USER = "salt@vsphere.local"
PASSWORD = "canary-of-the-vcenter-#{}:'\""  # what a careless template would break, and what no log may show
KEY = pillars.secret_values()["cloud"]["defaults"]["ssh_private_key"]
KEY_LINE = KEY.splitlines()[2]  # what to look for where the key may not be
NAMES = {
    "datacenter": "OSUG",
    "cluster": "PROD",
    "resourcepool": "k8s-pool",
    "datastore": "SAN1",
    "network": "VLAN42",
    "folder": "k8s",
    "template": "debian12",
}


@contextmanager
def vcenter(program: Path, folder: Path) -> Iterator[dict[str, Any]]:
    """Run the simulator without containers; yield ``{"host", "port"}``. program: the built vcsim."""
    secret = folder / "vcenter-password"
    secret.write_text(PASSWORD + "\n")
    secret.chmod(0o600)
    argv = [str(program), "-l", "127.0.0.1:0", "-user", USER, "-password-file", str(secret)]
    argv += [word for key, name in NAMES.items() for word in (f"-{key}", name)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline()  # printed once it listens
            assert line.startswith("vcsim listens on "), f"the simulator did not start: {line!r}"
            host, _, port = line.split()[-1].rpartition(":")
            yield {"host": host, "port": int(port)}
        finally:
            process.terminate()


def pillar(server: dict[str, Any], config_dir: Path, ssh: bool = False) -> dict[str, Any]:
    """A site's tree ``k8s``: two shapes, static addresses and DHCP, a machine that exists already.

    server: host and port of the vCenter; config_dir: folder as /etc/salt; ssh: let Salt Cloud install the minion.
    """
    tree = pillars.full()
    tree["cluster"]["admin"] = ADMIN
    tree["cloud"] |= {"master": "10.20.0.5", "config_dir": str(config_dir)}
    tree["cloud"]["provider"] = {
        "url": server["host"],
        "port": server["port"],
        "user": USER,
        "password": PASSWORD,
        "verify_ssl": False,
    }
    tree["cloud"]["defaults"] |= NAMES | {"dns": ["10.20.0.2", "10.20.0.3"]}
    if not ssh:
        tree["cloud"]["defaults"].pop("ssh_private_key")
    tree["cloud"]["shapes"]["worker"] |= {"extra_disks_gib": [200], "folder": "vm", "hot_add": True}
    tree["nodes"] = {
        "k8s-cp1": {"roles": ["controlplane", "etcd"], "shape": "control", "address": "10.20.0.11/24"},
        "k8s-w1": {"roles": ["worker"], "shape": "worker", "address": "10.20.0.21/24"},
        "k8s-w2": {"roles": ["worker"], "shape": "worker", "address": "dhcp"},
        "k8s-gpu1": {"roles": ["worker"], "address": "10.20.0.31/24"},
    }
    return tree


class Cloud:
    """salt-cloud with a configuration folder of its own, as root of a Salt master would run it.

    config_dir: folder as /etc/salt; root: folder for everything else that Salt Cloud writes.
    """

    def __init__(self, config_dir: Path, root: Path):
        self.config_dir = config_dir
        self.log = root / "cloud.log"
        self.drivers = root / "var" / "cache" / "salt" / "master" / "extmods" / "clouds"
        config_dir.mkdir(parents=True, exist_ok=True)
        (config_dir / "master").write_text(yaml.safe_dump({"root_dir": str(root), "user": "root"}))
        # the simulator gives no address to a VM that uses DHCP: do not wait the usual 20 minutes for it
        main = {"log_file": str(self.log), "log_level_logfile": "debug", "wait_for_ip_timeout": 4}
        (config_dir / "cloud").write_text(yaml.safe_dump(main))

    def run(self, *words: str, timeout_s: float = 240) -> tuple[int, Any, str]:
        """Run salt-cloud; return its exit status, its answer (None when it gave none) and all that it said."""
        program = Path(sys.executable).with_name("salt-cloud")
        argv = [str(program), "-c", str(self.config_dir), "--out=json", "-l", "warning", *words]
        # requests lets these win over verify_ssl: false, which the simulator's made-up certificate needs
        env = {key: value for key, value in os.environ.items() if key not in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")}
        done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout_s, check=False, env=env)
        start = done.stdout.find("{")
        try:
            answer = json.loads(done.stdout[start:]) if start >= 0 else None
        except json.JSONDecodeError:
            answer = None
        return done.returncode, answer, done.stdout + done.stderr


@contextmanager
def inventory(server: dict[str, Any]) -> Iterator[Any]:
    """Yield the vCenter's content, seen by a client of our own."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    client = SmartConnect(host=server["host"], port=server["port"], user=USER, pwd=PASSWORD, sslContext=context)
    try:
        yield client.RetrieveContent()
    finally:
        Disconnect(client)


def machines(server: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What the vCenter says of each VM that is no template."""
    with inventory(server) as content:
        view = content.viewManager.CreateContainerView(content.rootFolder, [vim.VirtualMachine], True)
        return {vm.name: _machine(vm) for vm in view.view if not vm.config.template}


def clone(server: dict[str, Any], name: str, cpus: int, memory_gib: int, disks_gib: list[int]) -> str:
    """Clone the template as Salt Cloud does, in a moment; return the VM's instance UUID."""
    edit, add = vim.vm.device.VirtualDeviceSpec.Operation.edit, vim.vm.device.VirtualDeviceSpec.Operation.add
    with inventory(server) as content:
        template, pool = (
            _one(content, vim.VirtualMachine, NAMES["template"]),
            _one(content, vim.ResourcePool, "k8s-pool"),
        )
        disk = next(d for d in template.config.hardware.device if isinstance(d, vim.vm.device.VirtualDisk))
        disk.capacityInKB = disks_gib[0] * 1024**2
        changes = [vim.vm.device.VirtualDeviceSpec(operation=edit, device=disk)]
        config = vim.vm.ConfigSpec(numCPUs=cpus, memoryMB=memory_gib * 1024, deviceChange=changes)
        where = vim.vm.RelocateSpec(pool=pool, datastore=_one(content, vim.Datastore, "SAN1"))
        spec = vim.vm.CloneSpec(location=where, config=config, powerOn=True, template=False)
        made = done(template.CloneVM_Task(_one(content, vim.Folder, NAMES["folder"]), name, spec)).result
        more = []
        for number, gib in enumerate(disks_gib[1:], 1):
            backing = vim.vm.device.VirtualDisk.FlatVer2BackingInfo(diskMode="persistent", thinProvisioned=True)
            backing.fileName = ""
            new = vim.vm.device.VirtualDisk(backing=backing, controllerKey=disk.controllerKey, unitNumber=number)
            new.capacityInKB, new.key = gib * 1024**2, -number
            create = vim.vm.device.VirtualDeviceSpec.FileOperation.create
            more.append(vim.vm.device.VirtualDeviceSpec(operation=add, fileOperation=create, device=new))
        done(made.ReconfigVM_Task(vim.vm.ConfigSpec(deviceChange=more)))
        return made.config.instanceUuid


def change(server: dict[str, Any], name: str, action: Callable[[Any], Any]) -> None:
    """Do something with a VM behind the pack's back, as an administrator of the vCenter: action returns its task."""
    with inventory(server) as content:
        done(action(_one(content, vim.VirtualMachine, name)))


def done(task: Any) -> Any:
    """Wait for a task that succeeds; return its info."""
    for _ in range(600):
        if str(task.info.state) in ("success", "error"):
            break
        time.sleep(0.05)
    assert str(task.info.state) == "success", task.info.error
    return task.info


def _one(content: Any, kind: Any, name: str) -> Any:
    view = content.viewManager.CreateContainerView(content.rootFolder, [kind], True)
    return next(one for one in view.view if one.name == name)


def _machine(vm: Any) -> dict[str, Any]:
    devices = vm.config.hardware.device
    cards = [device for device in devices if isinstance(device, vim.vm.device.VirtualEthernetCard)]
    return {
        "id": vm._moId,
        "instance_uuid": vm.config.instanceUuid,
        "power": str(vm.runtime.powerState),
        "cpus": vm.config.hardware.numCPU,
        "memory_gib": vm.config.hardware.memoryMB / 1024,
        "disks_gib": [d.capacityInKB / 1024**2 for d in devices if isinstance(d, vim.vm.device.VirtualDisk)],
        "hot_add": (bool(vm.config.cpuHotAddEnabled), bool(vm.config.memoryHotAddEnabled)),
        "cards": len(cards),
        "networks": [network.name for network in vm.network],
        "folder": vm.parent.name,
        "pool": vm.resourcePool.name,
        "datastores": [store.name for store in vm.datastore],
        "hostname": vm.guest.hostName,
        "address": vm.guest.ipAddress,
    }
