"""What a VM's resize takes, and what is refused: saltk8s.cloud.sizes."""

from __future__ import annotations

import itertools

import pytest
from saltk8s.cloud import sizes
from saltk8s.cloud.sizes import Disk, Facts

SHAPE = {"cpus": 8, "memory_gib": 32, "disk_gib": 100, "extra_disks_gib": [200]}
FACTS = Facts(
    instance_uuid="502e2a67-5b1c-2f0f-9f3c-3a6a7d1d4c11",
    power=sizes.ON,
    template=False,
    cpus=8,
    cores_per_socket=1,
    memory_mib=32768,
    cpu_hot_add=True,
    memory_hot_add=True,
    hot_memory_limit_mib=None,
    hot_memory_step_mib=None,
    snapshots=False,
    disks={1: Disk(100), 2: Disk(200)},
    host="esx1",
    host_cpus=64,
    host_memory_mib=524288,
)


def plan(turn=False, shape=None, **facts):
    return sizes.plan("w1", SHAPE | (shape or {}), FACTS._replace(**facts), turn)


def test_an_equal_vm_is_left_alone_whatever_its_state():
    powers, snapshots = (sizes.ON, sizes.OFF), (True, False)
    for power, some in itertools.product(powers, snapshots):
        assert plan(power=power, snapshots=some, host_cpus=2, host_memory_mib=1024).empty


@pytest.mark.parametrize(
    ("shape", "facts", "cold"),
    [
        ({"cpus": 16}, {}, ""),
        ({"cpus": 16}, {"cpu_hot_add": False}, "its CPU hot add is not enabled"),
        ({"cpus": 4}, {}, "CPUs are taken from no running VM"),
        ({"memory_gib": 64}, {}, ""),
        ({"memory_gib": 64}, {"memory_hot_add": False}, "its memory hot add is not enabled"),
        ({"memory_gib": 16}, {}, "memory is taken from no running VM"),
        ({"memory_gib": 64}, {"hot_memory_limit_mib": 49152}, "while it runs, memory can be added up to 48 GiB"),
        (
            {"memory_gib": 64},
            {"hot_memory_step_mib": 1000},
            "while it runs, memory can be added by multiples of 1000 MiB",
        ),
        ({"disk_gib": 150}, {"cpu_hot_add": False, "memory_hot_add": False}, ""),
        ({"extra_disks_gib": [201]}, {}, ""),
    ],
)
def test_what_a_running_vm_takes(shape, facts, cold):
    found = plan(shape=shape, **facts)
    assert [change.cold for change in found.changes] == [cold] and found.refused == []
    assert found.cold is bool(cold)
    assert plan(shape=shape, **(facts | {"power": sizes.OFF})).cold is False


@pytest.mark.parametrize(
    ("shape", "facts", "why"),
    [
        ({"cpus": 65}, {}, "65 CPUs: its host esx1 has 64 threads; take fewer, or another host"),
        ({"memory_gib": 513}, {}, "513 GiB of memory: its host esx1 has 512 GiB; take less, or another host"),
        ({"cpus": 12}, {"cores_per_socket": 8}, "12 CPUs: the VM has 8 cores per socket; take a multiple"),
        ({"disk_gib": 99}, {}, "disk 1 100 -> 99 GiB: a disk cannot shrink; set 100"),
        ({"extra_disks_gib": [199]}, {}, "disk 2 200 -> 199 GiB: a disk cannot shrink"),
        ({"extra_disks_gib": [200, 5]}, {}, "it has no disk 3, and disks are given to new VMs only"),
        ({"disk_gib": 101}, {"snapshots": True}, "the VM has snapshots"),
        (
            {"disk_gib": 150},
            {"disks": {1: Disk(100, False, "SAN1", 20), 2: Disk(200)}},
            "disk 1 100 -> 150 GiB: its datastore SAN1 has 20 GiB free",
        ),
        ({}, {"power": "suspended"}, "the VM is suspended"),
        ({}, {"template": True}, "it is a template"),
    ],
)
def test_refusals(shape, facts, why):
    (reason,) = plan(shape=shape, **facts).refused
    assert why in reason


def test_what_is_not_known_refuses_nothing():
    found = plan(shape={"cpus": 768, "memory_gib": 24576}, host_cpus=None, host_memory_mib=None)
    assert found.refused == [] and len(found.changes) == 2


def test_a_volume_of_kubernetes_beside_the_shape_s_disks_is_nobody_s_business():
    assert plan(disks={1: Disk(100), 2: Disk(200), 3: Disk(7)}).empty


def test_an_interrupted_resize_goes_on_and_says_so():
    off = plan(turn=True, power=sizes.OFF)
    assert not off.empty and off.cold and off.as_changes() == {"power": {"old": "poweredOff", "new": "poweredOn"}}
    assert off.lines() == ["w1: a resize was interrupted: goes on, and turns it on"]
    on = plan(turn=True)
    assert not on.empty and on.as_changes() == {} and on.lines() == ["w1: a resize was interrupted: goes on"]


def test_a_vm_that_was_off_stays_off():
    found = plan(power=sizes.OFF, shape={"cpus": 4})
    assert not found.cold and found.lines()[-1] == "w1: is off, and not by a resize: changed as it is, and left off"
