"""The lab's network, and the containers that are its machines."""

from __future__ import annotations

import shlex
import shutil

from labkit import config, images, keys
from labkit.shell import run, succeeds

# Everything that systemd and an inner Docker need, short of --privileged: the machine may lack a capability
# (CAP_SYS_RESOURCE), and the control groups of the host must stay out of reach.
OPTIONS = (
    "--cap-add", "ALL", "--cap-drop", "SYS_RESOURCE",
    "--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined",
    "--security-opt", "systempaths=unconfined", "--cgroupns=private", "--device-cgroup-rule", "a *:* rwm",
    "--device", "/dev/kmsg", "--device", "/dev/net/tun", "--device", "/dev/fuse",
    "--tmpfs", "/run", "--tmpfs", "/tmp:exec",
    "-e", "container=docker", "-e", f"LAB_GATEWAY={config.GATEWAY}", "--stop-timeout", "20",
)  # fmt: skip


def create_network() -> None:
    """Create the lab's network: internal, so that no packet of the lab leaves this machine."""
    if succeeds("docker", "network", "inspect", config.NETWORK):
        return
    run(
        "docker",
        "network",
        "create",
        "--internal",
        "--subnet",
        config.SUBNET,
        "--ip-range",
        config.CONTAINER_RANGE,
        "--gateway",
        config.GATEWAY,
        "-o",
        f"com.docker.network.bridge.name={config.BRIDGE}",
        config.NETWORK,
    )


def node_arguments(version: str) -> str:
    """Arguments of docker create for a VM of the simulator; ``{name}`` becomes the VM's name."""
    volumes = []
    for folder in ("docker", "kubelet"):
        volumes += ["-v", f"{config.nodes_dir()}/{{name}}/{folder}:/var/lib/{folder}"]
    # part of a template; generated for each lab
    volumes += ["-v", f"{keys.path('cloud_key.pub')}:/root/.ssh/authorized_keys:ro"]
    return shlex.join(["--network", config.NETWORK, *OPTIONS, *volumes, images.local_ref("node", version)])


def virtual_machines(everything: bool = True) -> dict[str, str]:
    """VM name -> id of its container."""
    argv = ["docker", "ps", "--no-trunc", "--filter", f"name=^{config.VM_PREFIX}", "--format", "{{.ID}} {{.Names}}"]
    found = {}
    for line in run(*argv, *(["-a"] if everything else [])).splitlines():
        identity, name = line.split()
        # the simulator adds the VM's uuid: vcsim-NAME-xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx
        found[name.removeprefix(config.VM_PREFIX).rsplit("-", 5)[0]] = identity
    return found


def remove_all() -> list[str]:
    """Remove every machine, the network and the VMs' disks; return the names of what existed."""
    gone = sorted(virtual_machines())
    for identity in virtual_machines().values():
        run("docker", "rm", "-f", "-v", identity, check=False)
    if succeeds("docker", "inspect", config.ADMIN):
        run("docker", "rm", "-f", "-v", config.ADMIN)
        gone.append(config.ADMIN)
    if succeeds("docker", "network", "inspect", config.NETWORK):
        run("docker", "network", "rm", config.NETWORK)
        gone.append(f"network {config.NETWORK}")
    remove_disks()
    return gone


def remove_disks() -> None:
    """Remove what the simulator leaves when it is killed."""
    if config.nodes_dir().exists():
        shutil.rmtree(config.nodes_dir())
