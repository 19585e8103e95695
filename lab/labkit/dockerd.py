"""The Docker of this machine: used when it runs, started when not, and then stopped again with the lab."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import shutil

from labkit import config
from labkit.shell import LabError, pid_file, run, running, start_process, stop_process, succeeds, until

NAME = "dockerd"
KEPT = ("pids", "before-dockerd.json")  # of the lab's state: what it takes to stop Docker
# what dockerd writes for the whole machine, restored when the lab started it
SYSCTLS = ("net/ipv4/ip_forward", "net/bridge/bridge-nf-call-iptables", "net/bridge/bridge-nf-call-ip6tables")
PROC = pathlib.Path("/proc/sys")


def answers() -> bool:
    """Whether the Docker daemon answers."""
    return succeeds("docker", "version", "--format", "{{.Server.Version}}")


def _before() -> pathlib.Path:
    return config.state() / "before-dockerd.json"


def ensure() -> bool:
    """Start Docker unless it answers; return whether it was started."""
    if answers():
        return False
    before = {"sysctls": {}, "rules": ""}
    for name in SYSCTLS:
        if (PROC / name).exists():
            before["sysctls"][name] = (PROC / name).read_text().strip()
    if shutil.which("iptables-save"):
        before["rules"] = run("iptables-save", check=False)
    config.state().mkdir(parents=True, exist_ok=True)
    _before().write_text(json.dumps(before))
    folder = config.store().parent / "docker"  # a cache like the others, not the machine's /var/lib/docker
    start_process(NAME, "dockerd", "--data-root", folder, "--storage-driver", "overlay2", "--userland-proxy=false")
    try:
        until(lambda: answers() or not running(NAME), "Docker answers", 60)
    except LabError as err:
        raise LabError(f"{err}: see {config.logs() / 'dockerd.log'}") from err
    if not running(NAME):
        log = (config.logs() / "dockerd.log").read_text().splitlines()[-15:]
        raise LabError("dockerd exited at its start:\n" + "\n".join(log))
    return True


def ours() -> bool:
    """Whether the Docker that runs was started for the lab."""
    return pid_file(NAME).exists()


def others() -> list[str]:
    """Names of the containers there are; once the lab's are gone, they are not the lab's."""
    return run("docker", "ps", "-a", "--format", "{{.Names}}").split() if answers() else []


def stop() -> bool:
    """Stop Docker if the lab started it, and restore what it changed on this machine; return whether it was stopped."""
    if not ours():
        return False
    stop_process(NAME)
    _clean_up()
    try:
        before = json.loads(_before().read_text())
    except (OSError, ValueError):
        return True
    if shutil.which("iptables-restore"):
        run("iptables-restore", stdin=before["rules"] or EMPTY_RULES, check=False)
    for name, value in before["sysctls"].items():
        if (PROC / name).read_text().strip() != value:
            (PROC / name).write_text(value)
    _before().unlink()
    return True


def _clean_up() -> None:
    """Remove what dockerd leaves when it exits: its bridge, its mounts and sockets, its empty control groups."""
    if succeeds("ip", "link", "show", "docker0"):
        run("ip", "link", "delete", "docker0", check=False)
    for mount in sorted(pathlib.Path("/run/docker/netns").glob("*")):
        run("umount", mount, check=False)
    for folder in ("/run/docker", "/run/containerd"):
        shutil.rmtree(folder, ignore_errors=True)
    for top in pathlib.Path("/sys/fs/cgroup").glob("*/docker"):
        for folder, _, _ in os.walk(top, topdown=False):
            with contextlib.suppress(OSError):  # one with processes in it is in use
                pathlib.Path(folder).rmdir()


# what `iptables-save` says with no rule at all is "", which restores nothing
EMPTY_RULES = "".join(
    f"*{table}\n" + "".join(f":{chain} ACCEPT [0:0]\n" for chain in chains.split()) + "COMMIT\n"
    for table, chains in {"filter": "INPUT FORWARD OUTPUT", "nat": "PREROUTING INPUT OUTPUT POSTROUTING"}.items()
)
