"""What a new daemon.json or another Docker means for a node that runs containers: pure functions."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

CGROUP = "native.cgroupdriver="
SNAPSHOTTER = "containerd-snapshotter"
REMAPPED = re.compile(r"\d+\.\d+")  # the folder of a remapped user namespace, below the data folder
WAY = (
    "Set it back. For another one, take the node out of the cluster, remove what Docker keeps there (docker system "
    "prune --all --volumes), apply, and let the node join again (docs/operations/os-and-docker.md)"
)


def differences(old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the keys of daemon.json that change, with the old and the new value. old: None when there is no file."""
    old = old or {}
    names = [name for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name)]
    return {name: {"old": old.get(name), "new": new.get(name)} for name in names}


def other_versions(installed: Mapping[str, str], wanted: Mapping[str, str | None]) -> dict[str, dict[str, str]]:
    """Return the packages whose pin is another, with both, where Docker is installed; so does another package of it.

    installed: versions, "" for one that is not; wanted: as saltk8s.nodes.docker.packages() returns it.
    """
    return {
        name: {"old": installed.get(name) or "not installed", "new": pin}
        for name, pin in wanted.items()
        if pin and not fnmatch(installed.get(name) or "", pin)
    }


def stops_containers(old: Mapping[str, Any] | None, new: Mapping[str, Any], versions: Mapping[str, Any]) -> bool:
    """Return whether a change ends containers, or may: Docker keeps them only over a restart of one version.

    versions: the packages that change.
    """
    return bool(versions) or not ((old or {}).get("live-restore") and new.get("live-restore"))


def lost(wanted: Mapping[str, Any], info: Mapping[str, Any]) -> list[str]:
    """Return why a daemon.json is refused: Docker would no longer find what it keeps on this node.

    wanted: the new daemon.json; info: what ``docker info`` says of the daemon that runs.
    """
    containers, images = int(info.get("Containers") or 0), int(info.get("Images") or 0)
    kept = f"{containers} containers and {images} images"
    found = []
    if containers or images:
        found = [
            f"{name} is {old} on this node, where Docker keeps {kept}, and not {new}: Docker would find none of them"
            for name, old, new in _stores(wanted, info)
        ]
    driver, new_driver = info.get("CgroupDriver"), cgroup_driver(wanted)
    if containers and driver and new_driver and driver != new_driver:
        found.append(
            f"the cgroup driver (k8s:docker:cgroup_driver) is {driver} on this node, which {containers} containers "
            f"were created with, and not {new_driver}: none of them would start again"
        )
    return found


def _stores(wanted: Mapping[str, Any], info: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return what decides where Docker looks for images and containers, and changes: name, old, new."""
    pairs = []
    root, new_root = _root(info), wanted.get("data-root") or "/var/lib/docker"
    if os.path.realpath(root) != os.path.realpath(new_root):
        pairs.append(("the data folder (k8s:docker:data_root)", root, new_root))
    remapped, remap = _remapped(info), wanted.get("userns-remap") or ""
    if remapped != bool(remap):
        words = ("remapped", "not remapped")
        pairs.append(("the user namespace (userns-remap)", words[not remapped], words[not remap]))
    snapshotter, new_one = _snapshotter(info), bool((wanted.get("features") or {}).get(SNAPSHOTTER))
    if snapshotter != new_one:
        words = ("containerd's", "Docker's own")
        pairs.append((f"the image store (features: {SNAPSHOTTER})", words[not snapshotter], words[not new_one]))
    driver, new_driver = info.get("Driver"), wanted.get("storage-driver")
    if driver and new_driver and driver != new_driver:
        pairs.append(("the storage driver (storage-driver)", driver, new_driver))
    return pairs


def _root(info: Mapping[str, Any]) -> str:
    root = Path(str(info.get("DockerRootDir") or "/"))
    return str(root.parent if _remapped(info) and REMAPPED.fullmatch(root.name) else root)


def _remapped(info: Mapping[str, Any]) -> bool:
    return any("name=userns" in option for option in info.get("SecurityOptions") or [])


def _snapshotter(info: Mapping[str, Any]) -> bool:
    return any(line[:1] == ["driver-type"] for line in info.get("DriverStatus") or [])


def cgroup_driver(content: Mapping[str, Any]) -> str:
    """Return the cgroup driver that a daemon.json names, "" when it leaves that to Docker."""
    named = [str(option)[len(CGROUP) :] for option in content.get("exec-opts") or [] if str(option).startswith(CGROUP)]
    return named[-1] if named else ""


def words(changes: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return changes as lines of text."""
    return [f"{name}: {_word(change['old'])} -> {_word(change['new'])}" for name, change in changes.items()]


def _word(value: Any) -> str:
    return "nothing" if value is None else str(value)
