"""VMs get the size of their shapes: what the driver of Salt Cloud records, and k8s_cloud.resize."""

from __future__ import annotations

import json

import pytest
from pyVmomi import vim
from salt.exceptions import CommandExecutionError
from saltk8s.cloud import vcenter
from tests.support import cloud

LARGER = {"cpus": 16, "memory_gib": 64, "disk_gib": 150}


class Site:
    """Two workers in a vCenter, recorded as created by us, and the minion of the Salt master."""

    def __init__(self, loaders, server, config_dir):
        self.server, self.records = server, config_dir / "cloud.vms.d" / "osug"
        self.minion = loaders(pillar={"k8s": cloud.pillar(server, config_dir)})
        self.records.mkdir(parents=True)
        for name in ("k8s-w1", "k8s-w2"):
            uuid = cloud.clone(server, name, 8, 32, [100, 200])
            record = {"provider": server["host"], "instance_uuid": uuid, "created": "2026-01-01", "by": "salt-cloud"}
            (self.records / f"{name}.json").write_text(json.dumps(record))

    def after(self, **worker):
        """Edit the shape of the workers in the pillar."""
        shape = {"cpus": 8, "memory_gib": 32, "disk_gib": 100, "extra_disks_gib": [200], "template": "debian12"}
        self.minion.pillar["k8s"]["cloud"]["shapes"]["worker"] = shape | worker

    def size(self, name="k8s-w1"):
        """CPUs, memory, disks and power."""
        made = cloud.machines(self.server)[name]
        return made["cpus"], made["memory_gib"], sorted(made["disks_gib"]), made["power"]

    def plan(self, *names):
        """What k8s_cloud.resize_plan says of nodes."""
        return self.minion.call("k8s_cloud.resize_plan", list(names) or None)["nodes"]


def enable_hot_add(found):
    return found.ReconfigVM_Task(vim.vm.ConfigSpec(cpuHotAddEnabled=True, memoryHotAddEnabled=True))


@pytest.fixture
def site(loaders, server, tmp_path):
    return Site(loaders, server, tmp_path / "etc")


def refused(site, *args, **kwargs):
    """The message of a refusal, after which the VM is as it was."""
    before = cloud.machines(site.server)
    with pytest.raises(CommandExecutionError) as raised:
        site.minion.call("k8s_cloud.resize", *args, **kwargs)
    assert cloud.machines(site.server) == before
    assert cloud.PASSWORD not in str(raised.value)
    return str(raised.value)


def test_what_a_running_vm_takes_is_given_while_it_runs(site):
    assert site.plan() == {}

    cloud.change(site.server, "k8s-w1", enable_hot_add)
    site.after(**LARGER)
    plan = site.plan()
    assert list(plan) == ["k8s-w1", "k8s-w2"]
    assert plan["k8s-w1"]["lines"] == [
        "k8s-w1: CPUs 8 -> 16, while it runs",
        "k8s-w1: memory 32 -> 64 GiB, while it runs",
        "k8s-w1: disk 1 100 -> 150 GiB, while it runs",
    ]
    assert (plan["k8s-w1"]["cold"], plan["k8s-w1"]["grown"], plan["k8s-w2"]["cold"]) == (False, [1], True)
    assert site.plan("k8s-w2")["k8s-w2"]["lines"][:2] == [
        "k8s-w2: CPUs 8 -> 16, needs the VM off: its CPU hot add is not enabled",
        "k8s-w2: memory 32 -> 64 GiB, needs the VM off: its memory hot add is not enabled",
    ]

    before = cloud.machines(site.server)
    foretold = site.minion.call("k8s_cloud.resize", "k8s-w1", test=True)
    assert cloud.machines(site.server) == before
    done = site.minion.call("k8s_cloud.resize", "k8s-w1")
    assert done == foretold and set(done["changes"]) == {"CPUs", "memory", "disk 1"}
    assert site.size() == (16, 64, [150, 200], "poweredOn")
    assert site.minion.call("k8s_cloud.resize", "k8s-w1") == {"changes": {}, "lines": []}
    assert {name: vm for name, vm in cloud.machines(site.server).items() if name != "k8s-w1"} == {
        name: vm for name, vm in before.items() if name != "k8s-w1"
    }


def test_what_needs_it_off_is_resumed_wherever_it_was_interrupted(site, monkeypatch):
    site.after(cpus=4, memory_gib=16)
    said = refused(site, "k8s-w1")
    assert "because it would be turned off" in said
    assert "CPUs are taken from no running VM" in said and "memory is taken from no running VM" in said

    class Killed(BaseException):
        """What a kill of the minion looks like from inside: nothing more is done."""

    def killed(*_):
        raise Killed

    for name in ("change", "turn_on"):  # the second kill comes after the change
        with monkeypatch.context() as patch:
            patch.setattr(vcenter.Vcenter, name, killed)
            patch.setattr(vcenter.Vcenter, "turn_on", killed)
            with pytest.raises(Killed):
                site.minion.call("k8s_cloud.resize", "k8s-w1", off=True)
        assert site.size()[3] == "poweredOff" and site.minion.call("k8s_cloud.vm", "k8s-w1")["turn"] is True
        plan = site.plan()["k8s-w1"]
        assert plan["continues"] and plan["cold"] and "goes on, and turns it on" in plan["lines"][-1]
    assert site.size()[:2] == (4, 16)
    done = site.minion.call("k8s_cloud.resize", "k8s-w1", off=True)
    assert done["changes"] == {"power": {"old": "poweredOff", "new": "poweredOn"}}
    assert site.size() == (4, 16, [100, 200], "poweredOn")
    assert "k8s-w1" not in site.plan()
    assert site.minion.call("k8s_cloud.resize", "k8s-w1", off=True) == {"changes": {}, "lines": []}


def test_a_vm_whose_change_fails_runs_again(site, monkeypatch):
    site.after(cpus=4)
    with monkeypatch.context() as patch:
        patch.setattr(vcenter.Vcenter, "turn_off", lambda *_: None)  # the vCenter refuses what follows
        with pytest.raises(CommandExecutionError, match="CpuHotPlugNotSupported"):
            site.minion.call("k8s_cloud.resize", "k8s-w1", off=True)
    assert site.size() == (8, 32, [100, 200], "poweredOn")
    assert site.minion.call("k8s_cloud.resize", "k8s-w1", off=True)["changes"]["CPUs"] == {"old": 8, "new": 4}


def test_refusals_leave_everything_as_it_is(site):
    site.after(disk_gib=50)
    assert "disk 1 100 -> 50 GiB: a disk cannot shrink; set 100" in refused(site, "k8s-w1", off=True)
    site.after(cpus=128, memory_gib=1024)
    said = refused(site, "k8s-w1", off=True)
    assert "has 64 threads" in said and "has 512 GiB" in said
    site.after(extra_disks_gib=[200, 10])
    assert "it has no disk 3, and disks are given to new VMs only" in refused(site, "k8s-w1", off=True)
    site.after(disk_gib=150)
    cloud.change(site.server, "k8s-w1", lambda found: found.CreateSnapshot_Task("backup", "", False, False))
    assert "the VM has snapshots" in refused(site, "k8s-w1")
    assert "k8s-gpu1 has no shape" in refused(site, "k8s-gpu1")
    assert "k8s-w9 is no node" in refused(site, "k8s-w9")


def test_only_the_vm_that_belongs_to_the_node_is_touched(site):
    file = site.records / "k8s-w1.json"
    ours = json.loads(file.read_text())
    site.after(disk_gib=150)

    file.unlink()
    said = refused(site, "k8s-w1")
    assert f"k8s_cloud.adopt k8s-w1 {ours['instance_uuid']}" in said
    assert "refused" in site.plan()["k8s-w1"]["lines"][0]
    other = json.loads((site.records / "k8s-w2.json").read_text())["instance_uuid"]
    for uuid, why in ((other, "is named k8s-w2"), ("502e2a67-5b1c-2f0f-9f3c-3a6a7d1d4c11", "has no VM with")):
        with pytest.raises(CommandExecutionError, match=why):
            site.minion.call("k8s_cloud.adopt", "k8s-w1", uuid)
    assert site.minion.call("k8s_cloud.adopt", "k8s-w1", ours["instance_uuid"], test=True)["changes"]
    assert not file.exists()
    assert site.minion.call("k8s_cloud.adopt", "k8s-w1", ours["instance_uuid"])["changes"]
    assert site.minion.call("k8s_cloud.adopt", "k8s-w1", ours["instance_uuid"])["changes"] == {}
    assert site.minion.call("k8s_cloud.vm", "k8s-w1")["by"] == "adopted"

    for damage, why in (({"provider": "vc2.osug.example"}, "was recorded in the vCenter vc2"), (None, "is damaged")):
        file.write_text(json.dumps(ours | damage) if damage else "{")
        assert why in refused(site, "k8s-w1")
    file.write_text(json.dumps(ours))
    cloud.change(site.server, "k8s-w1", lambda found: found.Rename_Task("old-w1"))
    assert "is named old-w1" in refused(site, "k8s-w1")
    cloud.change(site.server, "old-w1", lambda found: found.Rename_Task("k8s-w1"))
    site.minion.call("k8s_cloud.resize", "k8s-w1")
    assert site.size()[2] == [150, 200]


def test_a_wrong_password_is_said_without_it(site):
    site.minion.pillar["k8s"]["cloud"]["provider"]["password"] = "canary-of-another-vcenter"
    with pytest.raises(CommandExecutionError, match="refuses the login") as raised:
        site.plan()
    assert "canary" not in str(raised.value)
