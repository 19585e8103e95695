"""What a change of Docker means for a node that runs containers: what it would lose, and whether they end."""

from __future__ import annotations

import pytest
from saltk8s.nodes import changes

INFO = {
    "DockerRootDir": "/var/lib/docker-of-tests",
    "CgroupDriver": "systemd",
    "Driver": "overlay2",
    "DriverStatus": [["Backing Filesystem", "extfs"]],
    "SecurityOptions": ["name=seccomp,profile=default"],
    "Containers": 3,
    "Images": 5,
}
SAME = {"data-root": "/var/lib/docker-of-tests", "exec-opts": ["native.cgroupdriver=systemd"]}
REMAPPED = {"DockerRootDir": "/var/lib/docker-of-tests/1000.1000", "SecurityOptions": ["name=userns"]}


@pytest.mark.parametrize(
    ("over", "info", "named"),
    [
        ({}, {}, []),
        ({"storage-driver": "overlay2"}, {}, []),
        ({"data-root": "/srv/docker"}, {}, ["k8s:docker:data_root", "3 containers and 5 images", "/srv/docker"]),
        ({"data-root": "/srv/docker"}, {"Containers": 0}, ["0 containers and 5 images"]),
        ({"data-root": "/srv/docker"}, {"Containers": 0, "Images": 0}, []),
        ({"storage-driver": "vfs"}, {}, ["storage driver", "overlay2", "vfs"]),
        ({"storage-driver": "vfs"}, {"Containers": 0, "Images": 0}, []),
        ({"userns-remap": "default"}, {}, ["userns-remap"]),
        ({"userns-remap": "default"}, REMAPPED, []),
        ({}, REMAPPED, ["userns-remap"]),
        ({"features": {"containerd-snapshotter": True}}, {}, ["containerd-snapshotter"]),
        ({}, {"DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]]}, ["containerd-snapshotter"]),
        ({"exec-opts": ["native.cgroupdriver=cgroupfs"]}, {}, ["k8s:docker:cgroup_driver", "systemd", "cgroupfs"]),
        ({"exec-opts": ["native.cgroupdriver=cgroupfs"]}, {"Containers": 0}, []),
        ({"exec-opts": []}, {}, []),
    ],
)
def test_what_docker_keeps_is_never_lost(over, info, named):
    found = "\n".join(changes.lost(SAME | over, INFO | info))
    assert bool(found) is bool(named)
    assert all(word in found for word in named)


def test_a_link_to_the_data_folder_is_the_same_folder(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert (
        changes.lost(SAME | {"data-root": str(tmp_path / "link")}, INFO | {"DockerRootDir": f"{tmp_path}/real"}) == []
    )


def test_differences_are_by_key():
    assert changes.differences({"a": 1, "b": 2}, {"b": 3, "c": 4}) == {
        "a": {"old": 1, "new": None},
        "b": {"old": 2, "new": 3},
        "c": {"old": None, "new": 4},
    }
    assert changes.differences(None, {}) == {}


@pytest.mark.parametrize(
    ("installed", "other"),
    [("5:27.5.1-1~debian.12", False), ("5:27.4.0-1~debian.12", True), ("", True), ("5:28.1.1-1", True)],
)
def test_a_pin_is_a_prefix(installed, other):
    pins = {"docker-ce": "5:27.5*", "containerd.io": None}
    found = changes.other_versions({"docker-ce": installed, "containerd.io": ""}, pins)
    assert found == ({"docker-ce": {"old": installed or "not installed", "new": "5:27.5*"}} if other else {})


@pytest.mark.parametrize(
    ("old", "new", "versions", "ends"),
    [
        ({"live-restore": True}, {"live-restore": True}, {}, False),
        ({"live-restore": True}, {"live-restore": False}, {}, True),
        ({"live-restore": False}, {"live-restore": True}, {}, True),
        (None, {"live-restore": True}, {}, True),
        ({"live-restore": True}, {"live-restore": True}, {"docker-ce": {}}, True),
    ],
)
def test_containers_stay_only_with_live_restore_before_and_after(old, new, versions, ends):
    assert changes.stops_containers(old, new, versions) is ends
