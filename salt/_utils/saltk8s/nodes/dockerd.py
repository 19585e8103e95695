"""The Docker of a node: what it says of itself, whether a daemon.json is valid, and how it gets a new one."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from saltk8s.base import errors, files, process
from saltk8s.nodes import changes

CONFIG = "/etc/docker/daemon.json"
BEFORE = "/etc/docker/daemon.json.saltk8s-before"  # there while a new one is tried
PROGRAMS = ("/usr/bin/dockerd", "/usr/sbin/dockerd", "/usr/local/bin/dockerd")
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
VALIDATE_S, INFO_S, RESTART_S, UP_S = 30, 20, 180, 60
_UNKNOWN_FLAG = "unknown flag: --validate"  # Docker before 23.0
_NEEDS_ROOT = "needs to be started with root"  # what those say to nobody, once they have taken their configuration


class Dockerd:
    """Docker on this machine, or in a folder in place of ``/``."""

    def __init__(self, path_of: Callable[[str], Path]):
        """path_of: returns a path below the machine's root."""
        self._path_of = path_of

    @property
    def program(self) -> str:
        """The daemon's program, "" before Docker is installed."""
        found = (self._path_of(path) for path in PROGRAMS)
        return next((str(path) for path in found if path.exists()), "")

    def content(self, path: str = CONFIG) -> dict[str, Any] | None:
        """Return daemon.json as data, None when there is none, or it is not readable as one."""
        try:
            found = json.loads(files.read(self._path_of(path)) or "null")
        except ValueError:
            return None
        return found if isinstance(found, dict) else None

    @property
    def tried(self) -> bool:
        """Whether a new daemon.json is in place, and it is not known whether Docker has taken it."""
        return self._path_of(BEFORE).exists()

    def info(self) -> dict[str, Any] | None:
        """Return what ``docker info`` says, None when the daemon does not answer."""
        try:
            done = process.run(["docker", "info", "--format", "{{json .}}"], timeout_s=INFO_S)
            found = json.loads(done.out) if done.exit_status == 0 else None
        except (errors.CommandError, ValueError):
            return None
        return found if isinstance(found, dict) and found.get("DockerRootDir") else None

    def left(self) -> dict[str, Any]:
        """Return the same of a daemon that does not answer, as far as its data folder and its daemon.json tell it."""
        content = self.content() or {}
        root = str(content.get("data-root") or "/var/lib/docker")
        folder = self._path_of(root)
        images = len(list(folder.glob("image/*/imagedb/content/sha256/*")))
        drivers = [path.parent.name for path in folder.glob("image/*/imagedb")]
        return {
            "DockerRootDir": root,
            "Containers": len(list(folder.glob("containers/*"))),
            "Images": images,
            "Driver": drivers[0] if len(drivers) == 1 else None,
            "CgroupDriver": changes.cgroup_driver(content),
            "DriverStatus": [["driver-type"]] if (content.get("features") or {}).get(changes.SNAPSHOTTER) else [],
            "SecurityOptions": ["name=userns"] if content.get("userns-remap") else [],
        }

    def problem(self, content: Mapping[str, Any]) -> str:
        """Return why the installed daemon does not take a daemon.json, "" when it does.

        It is asked itself, with the flags that its service gives it. Nothing is written, and nothing starts.
        """
        handle = os.memfd_create("daemon.json")
        try:
            os.write(handle, text_of(content).encode())
            words = [self.program, *self._flags(), "--config-file", f"/proc/self/fd/{handle}"]
            done = process.run([*words, "--validate"], timeout_s=VALIDATE_S, pass_fds=[handle])
            if _UNKNOWN_FLAG in done.err:
                # it reads its configuration before it looks who starts it, and nobody may not
                words = [*(NOBODY if os.geteuid() == 0 else ()), *words]
                done = process.run(words, timeout_s=VALIDATE_S, pass_fds=[handle])
                return "" if _NEEDS_ROOT in done.err else _plain(done.err)
            return "" if done.exit_status == 0 else _plain(done.err) or f"exit status {done.exit_status}"
        finally:
            os.close(handle)

    def _flags(self) -> list[str]:
        """Return the flags of the service: what is set both there and in daemon.json keeps Docker from starting."""
        done = process.run(["systemctl", "show", "docker", "--property=ExecStart", "--value"], timeout_s=INFO_S)
        found = re.search(r"argv\[\]=(\S+)((?: (?!;)\S+)*) ;", done.out)
        return [word for word in found[2].split() if not word.startswith("$")] if found else []

    def put(self, content: Mapping[str, Any], restart: bool) -> None:
        """Put a daemon.json in place. restart: and restart Docker with it; the old one comes back if that fails.

        Raises CommandError with Docker's own words. Interrupted at any moment, it can be done again.
        """
        path, before = self._path_of(CONFIG), self._path_of(BEFORE)
        path.parent.mkdir(parents=True, exist_ok=True)
        if not restart:
            files.write(path, text_of(content), 0o644)
            before.unlink(missing_ok=True)
            return
        if not self.tried:
            files.write(before, files.read(path) or "{}\n", 0o644)
        files.write(path, text_of(content), 0o644)
        if failure := self._restart():
            old = files.read(before) or "{}\n"
            files.write(path, old, 0o644)
            again = self._restart()
            before.unlink(missing_ok=True)
            raise errors.CommandError(
                f"Docker does not start with the new daemon.json: {failure}\nThe old one is in place again, and Docker "
                + (f"does not start with it either: {again}" if again else "runs with it")
            )
        before.unlink(missing_ok=True)

    def _restart(self) -> str:
        """Restart Docker; return why it does not answer after that, "" when it does."""
        process.run(["systemctl", "reset-failed", "docker"], timeout_s=INFO_S)  # else systemd counts our attempts
        done = process.run(["systemctl", "restart", "docker"], timeout_s=RESTART_S)
        end = time.monotonic() + UP_S
        while done.exit_status == 0:
            if self.info():
                return ""
            if time.monotonic() > end:
                break
            time.sleep(0.5)
        said = process.run(["journalctl", "--unit=docker", "--lines=20", "--output=cat"], timeout_s=INFO_S)
        lines = [line for line in said.out.splitlines() if re.search(r"level=(error|fatal)|failed|unable", line)]
        return "\n".join(lines[-3:]) or _plain(done.err) or f"it does not answer after {UP_S} s"


def text_of(content: Mapping[str, Any]) -> str:
    """Return daemon.json as text, as Salt's serializer writes it."""
    return json.dumps(content, indent=2, sort_keys=True) + "\n"


def _plain(err: str) -> str:
    return " ".join(err.split())[-500:]
