"""One filled image store, and the disks of the VMs that share it.

A node that pulled every image would take half a minute and 2 GB of disk each time. A new VM's disk instead begins
with an image store whose read-only layers are hard links to the seed's: what a template with images baked in would be.
"""

from __future__ import annotations

import contextlib
import hashlib
import pathlib
import re
import shutil
import subprocess
import sys

from labkit import config, images
from labkit.recipes import seeded
from labkit.shell import LabError, run, succeeds, until

NAME = "saltk8s-lab-seeder"
SAFE_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
# a machine with this Docker must not take the seed's identity, or find its locks
NOT_COPIED = ("engine-id", "network/files", "containerd/daemon/io.containerd.metadata.v1.bolt/meta.db.lock")


def _images(version: str) -> dict[str, str]:
    """Name on the nodes (through the registry) -> this machine's tag."""
    return {f"{config.REGISTRY}/{image.ref}": images.local_ref(image.name, version) for image in seeded()}


def key(version: str) -> str:
    """Hash of the images and of the Docker that holds them."""
    text = "\n".join([images.local_ref("seeder", version), *(f"{k} {v}" for k, v in sorted(_images(version).items()))])
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def current() -> pathlib.Path:
    """The seed in use: a link, so that the disk hook needs no key."""
    return config.seed_dir() / "current"


def build(version: str) -> bool:
    """Fill the store unless it is; return whether there was anything to do."""
    target = config.seed_dir() / key(version)
    done = not target.exists()
    if done:
        unfinished = target.with_suffix(".new")
        run("docker", "rm", "-f", NAME, check=False)
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        try:
            _fill(unfinished, version)
        finally:
            run("docker", "rm", "-f", "-v", NAME, check=False)
        unfinished.replace(target)
    link = current().with_suffix(".new")
    link.unlink(missing_ok=True)
    link.symlink_to(target.name)
    link.replace(current())
    for old in config.seed_dir().iterdir():
        if old.is_dir() and not old.is_symlink() and old != target:
            shutil.rmtree(old)
    return done


def _fill(folder: pathlib.Path, version: str) -> None:
    argv = [
        "docker",
        "run",
        "-d",
        "--name",
        NAME,
        "--network",
        "none",
        "--cap-add",
        "ALL",
        "--cap-drop",
        "SYS_RESOURCE",
    ]
    for option in ("seccomp", "apparmor", "systempaths"):
        argv += ["--security-opt", f"{option}=unconfined"]
    run(*argv, "-v", f"{folder}:/var/lib/docker", images.local_ref("seeder", version))
    until(lambda: succeeds("docker", "exec", NAME, "docker", "info"), "the seed's Docker answers", 60)
    wanted = _images(version)
    for name, local in wanted.items():
        run("docker", "tag", local, name)
    try:
        _copy(list(wanted))
    finally:
        run("docker", "rmi", *wanted, check=False)
    held = run("docker", "exec", NAME, "docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}").split()
    if set(held) != set(wanted):
        raise LabError(f"the seed's images are {sorted(held)}, expected {sorted(wanted)}")
    run("docker", "stop", "-t", "30", NAME)


def _copy(names: list[str]) -> None:
    save = subprocess.Popen(["docker", "save", *names], stdout=subprocess.PIPE)
    load = subprocess.run(
        ["docker", "exec", "-i", NAME, "docker", "load"], stdin=save.stdout, capture_output=True, text=True, check=False
    )
    save.stdout.close()
    if save.wait() or load.returncode:
        raise LabError(f"docker save | docker load into the seed failed: {load.stdout}{load.stderr}")


def disk(name: str) -> pathlib.Path:
    """The folder that is a VM's disk."""
    if not SAFE_NAME.fullmatch(name):
        raise LabError(f"invalid VM name: {name!r}")
    return config.nodes_dir() / name


def create_disk(name: str) -> None:
    """Give a VM its disk, its image store linked to the seed."""
    target, source = disk(name), current().resolve() / ""
    shutil.rmtree(target, ignore_errors=True)
    (target / "kubelet").mkdir(parents=True)
    docker = target / "docker"
    docker.mkdir(mode=0o710)
    for entry in source.iterdir():
        run("cp", "-al" if entry.name == "overlay2" else "-a", entry, docker / entry.name)
    for path in NOT_COPIED:
        gone = docker / path
        if gone.is_dir():
            shutil.rmtree(gone)
            gone.mkdir()
        else:
            with contextlib.suppress(FileNotFoundError):
                gone.unlink()


def remove_disk(name: str) -> None:
    """Remove a VM's disk."""
    target = disk(name)
    if target.exists():
        shutil.rmtree(target)


def main(argv: list[str]) -> int:
    """The simulator's disk hook: ``create NAME`` or ``remove NAME``."""
    actions = {"create": create_disk, "remove": remove_disk}
    if len(argv) != 2 or argv[0] not in actions:
        print("usage: disk create|remove NAME", file=sys.stderr)
        return 2
    actions[argv[0]](argv[1])
    return 0
