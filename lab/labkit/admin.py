"""The machine with the Salt master and the admin minion, set up as docs/install.md describes."""

from __future__ import annotations

import pathlib

from labkit import config, images, keys, machines, pillar
from labkit.shell import run, succeeds, until

MASTER = """# as docs/install.md has it
file_roots:
  base: [/srv/saltk8s/salt]
pillar_roots:
  base: [/srv/saltk8s/lab-pillar, /srv/saltk8s/generated, /srv/saltk8s/pillar.example]
# a laptop's share of processes, and time enough on a busy one
worker_threads: 4
timeout: 30
gather_job_timeout: 15
"""
MINION = f"""id: {config.ADMIN_MINION}
master: {config.ADMIN_ADDRESS}
# master and minion start at the same moment: ask again soon
acceptance_wait_time: 1
random_reauth_delay: 1
"""

SSH = (
    "".join(f"Host {name}\n  HostName {address}\n" for name, address in config.MACHINES.items())
    + """Host *
  User root
  IdentityFile /etc/saltk8s-lab/cloud_key
  StrictHostKeyChecking no
  UserKnownHostsFile /dev/null
  LogLevel ERROR
"""
)


def mounts(programs: dict[str, pathlib.Path]) -> dict[pathlib.Path, str]:
    """This machine's path -> path on the admin, all read-only."""
    return {
        config.ROOT / "salt": "/srv/saltk8s/salt",
        config.ROOT / "pillar.example": "/srv/saltk8s/pillar.example",
        config.LAB / "pillar": "/srv/saltk8s/lab-pillar",
        pillar.folder(): "/srv/saltk8s/generated",
        programs["rke"]: "/srv/saltk8s/binaries/rke",
        programs["kubectl"]: "/srv/saltk8s/binaries/kubectl",
        keys.folder() / "admin": "/etc/saltk8s-lab",
        keys.path("ca.crt"): "/usr/local/share/ca-certificates/saltk8s-lab.crt",
    }


def create(version: str, programs: dict[str, pathlib.Path]) -> None:
    """Start the machine, its Salt master and its minion; accept the minion's key."""
    volumes = []
    for source, target in mounts(programs).items():
        volumes += ["-v", f"{source}:{target}:ro"]
    run(
        "docker",
        "create",
        "--name",
        config.ADMIN,
        "--hostname",
        config.ADMIN_MINION,
        "--network",
        config.NETWORK,
        "--ip",
        config.ADMIN_ADDRESS,
        *machines.OPTIONS,
        *volumes,
        images.local_ref("admin", version),
    )
    _put("/etc/salt/master.d/saltk8s.conf", MASTER)
    _put("/etc/salt/minion.d/saltk8s.conf", MINION)
    _put("/etc/ssh/lab_config", SSH)
    run("docker", "start", config.ADMIN)
    until(
        lambda: succeeds(*command("systemctl", "is-active", "salt-master", "salt-minion")),
        "salt-master and salt-minion are active",
        90,
    )
    run(*command("update-ca-certificates"))
    until(
        lambda: f'"{config.ADMIN_MINION}"' in run(*command("salt-key", "--out=json", "-l", "pre"), check=False),
        "the admin's minion asks for its key",
        90,
    )
    run(*command("salt-key", "-y", "-a", config.ADMIN_MINION))
    until(_minion_answers, "the admin's minion answers", 90)


def _minion_answers() -> bool:
    # the command `salt` would wait for gather_job_timeout when the minion is not there yet
    ask = f"LocalClient().cmd('{config.ADMIN_MINION}', 'test.ping', timeout=2, gather_job_timeout=2)"
    return "True" in run(
        *command("/opt/salt/bin/python", "-c", f"from salt.client import LocalClient; print({ask})"), check=False
    )


def _put(path: str, text: str) -> None:
    """Write a file into the machine before it starts."""
    folder = config.state() / "admin-files"
    local = folder / path.lstrip("/")
    local.parent.mkdir(parents=True, exist_ok=True)
    local.write_text(text)
    run("docker", "cp", f"{folder}/.", f"{config.ADMIN}:/")


def command(*argv: str) -> list[str]:
    """The command on the admin, without terminal or input."""
    return ["docker", "exec", config.ADMIN, *argv]
