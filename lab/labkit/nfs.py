"""The site's NFS server: a container on the lab's network."""

from __future__ import annotations

import socket

from labkit import config, images
from labkit.shell import run, until

PORTS = (111, 2049, 20048)  # port mapper, NFS, mount


def arguments(version: str) -> list[str]:
    """What the container is started with."""
    # DAC_READ_SEARCH: the server opens files by their handles
    return [
        "docker", "run", "-d", "--name", config.NFS, "--hostname", "nas1",
        "--network", config.NETWORK, "--ip", config.NFS_ADDRESS,
        "--cap-add", "DAC_READ_SEARCH", "--security-opt", "seccomp=unconfined",
        "-v", f"{config.nfs_dir()}:/export", images.local_ref("nfs", version),
        *(f"/export/{name}" for name in config.NFS_EXPORTS),
    ]  # fmt: skip


def start(version: str) -> None:
    """Start it and wait until it listens. What it exports is new with each lab."""
    config.nfs_dir().mkdir(parents=True, exist_ok=True)
    run("docker", "rm", "-f", config.NFS, check=False)
    run(*arguments(version))
    until(_listens, f"the NFS server listens (see docker logs {config.NFS})", 60)


def _listens() -> bool:
    for port in PORTS:
        try:
            socket.create_connection((config.NFS_ADDRESS, port), timeout=1).close()
        except OSError:
            return False
    return True


def stop() -> None:
    """Remove its container; its files go with the lab's state."""
    run("docker", "rm", "-f", config.NFS, check=False)
