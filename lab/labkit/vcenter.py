"""The vCenter simulator: a process of this machine on the lab's bridge, for it starts the containers behind VMs."""

from __future__ import annotations

import socket

from labkit import config, keys, machines, owngo
from labkit.shell import LabError, running, start_process, stop_process, until

NAME = "vcsim"


def start(version: str) -> None:
    """Start it, with this lab's certificate and password, and wait until it listens."""
    config.nodes_dir().mkdir(parents=True, exist_ok=True)
    start_process(
        NAME, owngo.build_own("vcsim"),
        "-l", f"{config.GATEWAY}:{config.VCENTER_PORT}", "-cert", keys.path("vcenter.crt"),
        "-key", keys.path("vcenter.key"), "-user", config.VCENTER_USER,
        "-password-file", keys.path("vcenter_password"), "-template", config.TEMPLATE,
        "-disk-hook", config.LAB / "hooks" / "disk", "-run", machines.node_arguments(version),
    )  # fmt: skip
    until(lambda: _listens() or not running(NAME), "the vCenter simulator listens", 30)
    if not running(NAME):
        raise LabError(f"the vCenter simulator exited: see {config.logs() / 'vcsim.log'}")


def _listens() -> bool:
    try:
        socket.create_connection((config.GATEWAY, config.VCENTER_PORT), timeout=1).close()
    except OSError:
        return False
    return True


def stop() -> bool:
    """Stop it; it removes its containers and disks. Returns whether it ran."""
    return stop_process(NAME, timeout_s=120)
