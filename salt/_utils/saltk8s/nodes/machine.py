"""A node's machine, looked at and changed: files below a root, and the programs that act on the kernel.

What is to be decided from a text is in saltk8s.nodes.host. Each method that acts computes its changes once, for test
mode and the real run, and returns ``{"changes": {what: {"old", "new"}}, "notes": [texts for the operator]}``. All of
them raise CommandError.
"""

from __future__ import annotations

import errno
import os
import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from saltk8s.base import errors, files, process
from saltk8s.nodes import host

SSHD = "/usr/sbin/sshd"
SWAPOFF_S = 600  # what was swapped out has to be read back
Owner = Callable[[], tuple[int, int]]


class Machine:
    """The machine that this minion runs on, or in a container of."""

    def __init__(self, grains: Mapping[str, Any], root: str = "/"):
        """grains: the minion's; root: a folder to take for ``/``."""
        self._grains, self._root = grains, Path(root)

    def place(self, path: str | Path) -> Path:
        """Return where a path is, below the root."""
        return self._root / str(path).lstrip("/")

    def read(self, path: str) -> str:
        """Return the text of a file, empty when there is no such file."""
        try:
            return self.place(path).read_text(errors="replace")
        except (FileNotFoundError, NotADirectoryError):
            return ""

    def container(self) -> str:
        """Return what kind of container this is, see host.container_kind()."""
        markers = [marker for marker in host.MARKERS if self.place(marker).exists()]
        return host.container_kind(self._grains, markers, self.read("/run/systemd/container"))

    # kernel modules

    def missing_modules(self, names: Iterable[str]) -> list[str]:
        """Return those kernel modules that the running kernel shows no sign of, loaded or built in."""
        folder = self.place("/sys/module")
        loaded = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
        built_in = self.read(f"/lib/modules/{platform.release()}/modules.builtin")
        filesystems = self.read("/proc/filesystems")

        def there(name: str) -> bool:
            traces = [self.place(path).exists() for path in host.TRACES.get(name, [])]
            return host.module_is_there(name, loaded, built_in, filesystems, traces)

        return [name for name in names if not there(name)]

    def load_modules(self, names: Iterable[str], test: bool) -> dict:
        """Load the kernel modules that are not there yet; none in a container."""
        missing, kind = self.missing_modules(names), self.container()
        if kind:
            seen = f"not seen from here: {', '.join(missing)}" if missing else "all that are needed are seen from here"
            return _noted(_container(kind, "kernel modules are loaded by the machine it runs on, not from here"), seen)
        failures = []
        for name in () if test else missing:
            done = process.run(["modprobe", name])
            if done.exit_status:
                failures.append(f"{name}: {done.err.strip() or f'modprobe left with {done.exit_status}'}")
        if failures:
            hint = f"for the kernel {platform.release()} there may be a package with more of them: *-modules-extra"
            raise errors.CommandError("\n".join(["cannot load kernel modules:", *failures, hint]))
        return {"changes": {name: {"old": "not loaded", "new": "loaded"} for name in missing}, "notes": []}

    # kernel settings

    def own_sysctls(self, values: Mapping[str, Any]) -> dict[str, str]:
        """Return those settings that this minion may set: all on a machine of its own, its network's in a container."""
        kind, names = self.container(), sorted(values)
        return {name: host.plain_value(values[name]) for name in names if not kind or host.own_to_container(name)}

    def set_sysctls(self, values: Mapping[str, Any], test: bool) -> dict:
        """Set kernel settings now. In a container what is not its own or is refused is noted, elsewhere an error."""
        kind, own = self.container(), self.own_sysctls(values)
        changes, refused = {}, []
        for name, wanted in own.items():
            try:
                old = self._set_sysctl(name, wanted, test, later=test and not kind)
            except OSError as err:
                refused.append(f"{name}: {err.strerror}")
                continue
            if old != wanted:
                changes[name] = {"old": old, "new": wanted}
        if refused and not kind:
            raise errors.CommandError("\n".join(["cannot set:", *refused]))
        left = sorted(set(values) - set(own))
        notes = [_container(kind, f"left to the machine it runs on: {', '.join(left)}")] if left else []
        return {"changes": changes, "notes": [*refused, *notes]}

    def _set_sysctl(self, name: str, wanted: str, test: bool, later: bool) -> str:
        """Set one setting and return its old value. later: one that there is not may come with a kernel module."""
        path = self.place(f"/proc/sys/{host.sysctl_path(name)}")
        if later and not path.exists():
            return "not there yet"
        old = host.plain_value(path.read_text())
        if old != wanted and not test:
            path.write_text(f"{wanted}\n")
            kept = host.plain_value(path.read_text())
            if kept != wanted:
                raise OSError(errno.EINVAL, f"the kernel keeps {kept}")
        return old

    # swap, name, time, SSH

    def swap_off(self, test: bool) -> dict:
        """Stop swapping now, and comment the swap entries of /etc/fstab out."""
        kind, devices = self.container(), host.swap_devices(self.read("/proc/swaps"))
        if kind:
            state = f"it swaps to {', '.join(devices)}" if devices else "it does not swap"
            return _noted(_container(kind, f"swap is the machine's it runs on; {state}"))
        for device in () if test else devices:
            _must(["swapoff", device], f"cannot switch off {device}", timeout_s=SWAPOFF_S)
        changes = {device: {"old": "swap", "new": "off"} for device in devices}
        return {"changes": changes | self.rewrite("/etc/fstab", host.fstab_without_swap, test), "notes": []}

    def swap_back(self, test: bool) -> dict:
        """Put the swap entries that were commented out back into /etc/fstab."""
        return {"changes": self.rewrite("/etc/fstab", host.fstab_with_swap, test), "notes": []}

    def set_hostname(self, name: str, test: bool) -> dict:
        """Give the machine its name, unless it has it, with or without a domain; a container keeps its own."""
        current = self.read("/proc/sys/kernel/hostname").strip()
        if host.same_host(current, name):
            return _noted(*([f"it is {current}"] if current != name else []))
        if kind := self.container():
            return _noted(_container(kind, f"it keeps the name it was given, {current}"))
        if not test:
            _must(["hostnamectl", "set-hostname", name], "cannot set the host name")
        return {"changes": {"hostname": {"old": current, "new": name}}, "notes": []}

    def other_time_services(self, ours: str) -> list[str]:
        """Return the services other than ours that keep this machine's clock; none when nobody can tell."""
        others = host.other_time_services(ours)
        try:
            told = process.run(["systemctl", "is-active", *others], timeout_s=20).out.splitlines()
        except errors.SaltK8sError:
            return []
        return [name for name, state in zip(others, told, strict=False) if state.strip() == "active"]

    def ssh_obstacles(self, user: str, groups: Iterable[str]) -> list[str]:
        """Return what in the SSH server's settings keeps rke from reaching Docker as this user."""
        client = f"user={user},host=admin,addr=127.0.0.1,laddr=127.0.0.1,lport=22"
        told = _must([SSHD, "-T", "-C", client], "the SSH server refuses its own settings")
        return host.ssh_obstacles(told, user, groups)

    # files that are not ours

    def set_block(self, path: str, block: str, lines: Sequence[str] | None, test: bool, **made: Any) -> dict:
        """Have these lines in our block of a file; None takes the block out. made: see rewrite()."""

        def change(text: str) -> str:
            return host.without_block(text, block) if lines is None else host.with_block(text, block, lines)

        return {"changes": self.rewrite(path, change, test, **made), "notes": []}

    def rewrite(
        self, path: str, change: Callable[[str], str], test: bool, owner: Owner | None = None, mode: str | None = None
    ) -> dict[str, dict[str, str]]:
        """Apply a function to a file's text; return the changes, empty when the text stays as it is.

        owner: asked for (uid, gid) of a file that is made, and of its folder; mode: of a file that is made, ``"0600"``.
        A file without text is removed.
        """
        old = self.read(path)
        new = change(old)
        if new == old:
            return {}
        if not test:
            try:
                if new:
                    _replace(self.place(path), new, owner() if owner else None, int(str(mode or "0644"), 8))
                else:
                    self.place(path).unlink()
            except OSError as err:
                raise errors.CommandError(f"cannot write {path}: {err.strerror}") from err
        before, after = old.splitlines(), new.splitlines()
        gone, come = ([line for line in one if line not in other] for one, other in ((before, after), (after, before)))
        return {str(path): {"old": "\n".join(gone), "new": "\n".join(come)}}


def _container(kind: str, what: str) -> str:
    return f"this is a {kind} container: {what}"


def _noted(*notes: str) -> dict:
    return {"changes": {}, "notes": list(notes)}


def _must(argv: list[str], failure: str, timeout_s: float = 60) -> str:
    """Run a program that has to end well; return what it prints."""
    done = process.run(argv, timeout_s=timeout_s)
    if done.exit_status:
        raise errors.CommandError(f"{failure}: {done.err.strip()}")
    return done.out


def _replace(place: Path, text: str, owner: tuple[int, int] | None, mode: int) -> None:
    """Replace a file at once, keeping owner and mode; in place where it is a mount, as /etc/hosts in a container."""
    if not place.parent.is_dir():
        place.parent.mkdir(mode=0o700 if owner else 0o755)
        if owner:
            os.chown(place.parent, *owner)
    if place.exists():
        there = place.stat()
        owner, mode = (there.st_uid, there.st_gid), there.st_mode & 0o7777
    try:
        files.write(place, text, mode, owner)
    except OSError as err:
        if err.errno not in (errno.EBUSY, errno.EXDEV):
            raise
        place.write_text(text)
