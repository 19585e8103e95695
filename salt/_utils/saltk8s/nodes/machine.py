"""A node's machine, inspected and changed: files below a root, and programs that act on the kernel.

Decisions from texts are in saltk8s.nodes.host. Each method that changes something computes its changes once, for test
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
SWAPOFF_S = 600  # swapped-out pages have to be read back
Owner = Callable[[], tuple[int, int]]


class Machine:
    """The machine, or the container, that this minion runs in."""

    def __init__(self, grains: Mapping[str, Any], root: str = "/"):
        """grains: the minion's; root: a folder used in place of ``/``."""
        self._grains, self._root = grains, Path(root)

    def path_of(self, path: str | Path) -> Path:
        """Return a path below the root."""
        return self._root / str(path).lstrip("/")

    def read(self, path: str) -> str:
        """Return the text of a file, empty when there is no such file. files.bytes_of() gives its bytes again."""
        try:
            return files.text_of(self.path_of(path).read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            return ""

    def container(self) -> str:
        """Return what kind of container this is, see host.container_kind()."""
        markers = [marker for marker in host.MARKERS if self.path_of(marker).exists()]
        return host.container_kind(self._grains, markers, self.read("/run/systemd/container"))

    # kernel modules

    def missing_modules(self, names: Iterable[str]) -> list[str]:
        """Return those kernel modules that are neither loaded nor built into the running kernel, as far as visible."""
        folder = self.path_of("/sys/module")
        loaded = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
        built_in = self.read(f"/lib/modules/{platform.release()}/modules.builtin")
        filesystems = self.read("/proc/filesystems")

        def available(name: str) -> bool:
            traces = [self.path_of(path).exists() for path in host.TRACES.get(name, [])]
            return host.module_available(name, loaded, built_in, filesystems, traces)

        return [name for name in names if not available(name)]

    def load_modules(self, names: Iterable[str], test: bool) -> dict:
        """Load the missing kernel modules; none in a container."""
        missing, kind = self.missing_modules(names), self.container()
        if kind:
            seen = f"not visible here: {', '.join(missing)}" if missing else "all required modules are visible here"
            return _unchanged(_in_container(kind, "kernel modules are loaded on its host, not here"), seen)
        failures = []
        for name in () if test else missing:
            done = process.run(["modprobe", name])
            if done.exit_status:
                failures.append(f"{name}: {done.err.strip() or f'modprobe exited with status {done.exit_status}'}")
        if failures:
            hint = f"check for a package with further modules of the kernel {platform.release()}: *-modules-extra"
            raise errors.CommandError("\n".join(["cannot load kernel modules:", *failures, hint]))
        return {"changes": {name: {"old": "not loaded", "new": "loaded"} for name in missing}, "notes": []}

    # kernel settings

    def own_sysctls(self, values: Mapping[str, Any]) -> dict[str, str]:
        """Return those settings that this minion may set: all of them, in a container only those of its network."""
        kind, names = self.container(), sorted(values)
        return {name: host.plain_value(values[name]) for name in names if not kind or host.is_namespaced(name)}

    def set_sysctls(self, values: Mapping[str, Any], test: bool) -> dict:
        """Set kernel settings now. One that is not namespaced or is refused: in a container a note, else an error."""
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
        notes = [_in_container(kind, f"left to its host: {', '.join(left)}")] if left else []
        return {"changes": changes, "notes": [*refused, *notes]}

    def _set_sysctl(self, name: str, wanted: str, test: bool, later: bool) -> str:
        """Set one setting and return its old value. later: one that does not exist may come with a kernel module."""
        path = self.path_of(f"/proc/sys/{host.sysctl_path(name)}")
        if later and not path.exists():
            return "does not exist yet"
        old = host.plain_value(path.read_text())
        if old != wanted and not test:
            path.write_text(f"{wanted}\n")
            kept = host.plain_value(path.read_text())
            if kept != wanted:
                raise OSError(errno.EINVAL, f"the kernel keeps {kept}")
        return old

    # swap, name, time, SSH

    def swap_off(self, test: bool) -> dict:
        """Switch swap off now, and comment the swap entries of /etc/fstab out."""
        kind, devices = self.container(), host.swap_devices(self.read("/proc/swaps"))
        if kind:
            state = f"the host swaps to {', '.join(devices)}" if devices else "the host does not swap"
            return _unchanged(_in_container(kind, f"swap is managed on its host; {state}"))
        for device in () if test else devices:
            _run(["swapoff", device], f"cannot switch off {device}", timeout_s=SWAPOFF_S)
        changes = {device: {"old": "swap", "new": "off"} for device in devices}
        return {"changes": changes | self.rewrite("/etc/fstab", host.fstab_without_swap, test), "notes": []}

    def restore_swap(self, test: bool) -> dict:
        """Restore the swap entries of /etc/fstab that were commented out."""
        return {"changes": self.rewrite("/etc/fstab", host.fstab_with_swap, test), "notes": []}

    def set_hostname(self, name: str, test: bool) -> dict:
        """Set the host name, unless it is set already, with or without a domain; a container keeps its own."""
        current = self.read("/proc/sys/kernel/hostname").strip()
        if host.same_host(current, name):
            return _unchanged(*([f"the host name is {current}"] if current != name else []))
        if kind := self.container():
            return _unchanged(_in_container(kind, f"it keeps its host name, {current}"))
        if not test:
            _run(["hostnamectl", "set-hostname", name], "cannot set the host name")
        return {"changes": {"hostname": {"old": current, "new": name}}, "notes": []}

    def other_time_services(self, ours: str) -> list[str]:
        """Return the active time services other than ours; none when systemd cannot be queried."""
        others = host.other_time_services(ours)
        try:
            states = process.run(["systemctl", "is-active", *others], timeout_s=20).out.splitlines()
        except errors.SaltK8sError:
            return []
        return [name for name, state in zip(others, states, strict=False) if state.strip() == "active"]

    def ssh_obstacles(self, user: str, groups: Iterable[str]) -> list[str]:
        """Return the SSH server's settings that keep rke from reaching Docker as this user."""
        client = f"user={user},host=admin,addr=127.0.0.1,laddr=127.0.0.1,lport=22"
        settings = _run([SSHD, "-T", "-C", client], "cannot read the SSH server's settings")
        return host.ssh_obstacles(settings, user, groups)

    # files that others own too

    def set_block(self, path: str, block: str, lines: Sequence[str] | None, test: bool, **created: Any) -> dict:
        """Write these lines as a block of a file; None removes the block. created: owner and mode, see rewrite()."""

        def change(text: str) -> str:
            return host.without_block(text, block) if lines is None else host.with_block(text, block, lines)

        return {"changes": self.rewrite(path, change, test, **created), "notes": []}

    def rewrite(
        self, path: str, change: Callable[[str], str], test: bool, owner: Owner | None = None, mode: str | None = None
    ) -> dict[str, dict[str, str]]:
        """Apply a function to a file's text; return the changes, empty when the text stays as it is.

        owner: returns (uid, gid) of a file that is created, and of its folder; mode: of a file that is created,
        ``"0600"``. An empty file is removed. What the function keeps stays byte for byte, whatever its encoding.
        """
        old = self.read(path)
        new = change(old)
        if new == old:
            return {}
        if not test:
            try:
                place = self.path_of(path).resolve()  # a symbolic link stays, what it points to is written
                if new:
                    _replace(place, new, owner() if owner else None, int(str(mode or "0644"), 8))
                elif self.path_of(path).is_symlink():
                    place.write_bytes(b"")
                else:
                    place.unlink()
            except OSError as err:
                raise errors.CommandError(f"cannot write {path}: {err.strerror}") from err
        before, after = (files.printable(text).removesuffix("\n").split("\n") for text in (old, new))
        removed, added = (
            [line for line in one if line not in other] for one, other in ((before, after), (after, before))
        )
        return {str(path): {"old": "\n".join(removed), "new": "\n".join(added)}}


def _in_container(kind: str, what: str) -> str:
    return f"this is a {kind} container: {what}"


def _unchanged(*notes: str) -> dict:
    return {"changes": {}, "notes": list(notes)}


def _run(argv: list[str], failure: str, timeout_s: float = 60) -> str:
    """Run a program that has to succeed; return its output."""
    done = process.run(argv, timeout_s=timeout_s)
    if done.exit_status:
        raise errors.CommandError(f"{failure}: {done.err.strip()}")
    return done.out


def _replace(path: Path, text: str, owner: tuple[int, int] | None, mode: int) -> None:
    """Replace a file atomically, keeping owner and mode; in place where it is a mount, as /etc/hosts in a container."""
    if not path.parent.is_dir():
        path.parent.mkdir(mode=0o700 if owner else 0o755)
        if owner:
            os.chown(path.parent, *owner)
    if path.exists():
        existing = path.stat()
        owner, mode = (existing.st_uid, existing.st_gid), existing.st_mode & 0o7777
    try:
        files.write(path, text, mode, owner)
    except OSError as err:
        if err.errno not in (errno.EBUSY, errno.EXDEV):
            raise
        path.write_bytes(files.bytes_of(text))
