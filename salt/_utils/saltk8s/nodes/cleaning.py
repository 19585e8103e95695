"""Cleans a node of the cluster that it was in, so that nothing of it runs on, and the node can join one again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from saltk8s.base import errors, process
from saltk8s.nodes import leftovers
from saltk8s.nodes.machine import Machine

DOCKER_S = 180  # containers get ten seconds each to end, many at once
UNMOUNT_S = 20
REMOVE_S = 600
SHOWN = 10
_FILTERS = ("iptables-nft", "iptables-legacy", "ip6tables-nft", "ip6tables-legacy")
_SIMPLE = ("iptables", "ip6tables")  # where the distribution has one kind only

Found = dict[str, list[str]]


class Unclean(errors.CommandError):
    """Something is left. ``changes``: what was cleaned before."""

    def __init__(self, message: str, changes: Mapping[str, Any]):
        self.changes = dict(changes)
        super().__init__(message)

    def details(self) -> dict[str, Any]:
        """Return the code and the changes."""
        return super().details() | {"changes": self.changes}


class Cleaning:
    """What a cluster left on a machine, and its removal."""

    def __init__(self, machine: Machine, keep_etcd: bool = False):
        """keep_etcd: move etcd's data aside, rather than remove them."""
        self._machine, self._keep_etcd = machine, keep_etcd

    def clean(self, test: bool) -> dict[str, Any]:
        """Remove all that a cluster left; test: only say what that is.

        Returns changes and notes, see saltk8s.nodes.machine. Raises Unclean, naming what is left and why; CommandError.
        """
        found = self.found()
        changes = {what: {"old": _shown(some), "new": None} for what, some in found.items()}
        notes = [f"{path} stays: {what}" for path, what in leftovers.KEPT.items() if self._filled(path)]
        if test or not found:
            return {"changes": changes, "notes": notes}
        failures = self._remove(found)
        left = self.found()
        if left:
            done = {what: change for what, change in changes.items() if left.get(what) != found[what]}
            lines = [f"  {what}: {_shown(some)}" for what, some in left.items()]
            raise Unclean("\n".join(["the node is not clean, what is left:", *lines, *failures]), done)
        return {"changes": changes, "notes": [*notes, *self._aside()]}

    def found(self) -> Found:
        """Return what a cluster left, {what: names}, nothing on a clean machine."""
        names = [path.name for path in _inside(self._machine.path_of("/sys/class/net"))]
        found = {
            "containers": self._containers(),
            "mounts": self._mounts(),
            "interfaces": leftovers.interfaces(names),
            **{f"rules of {program}": self._rules(program) for program in self._filters()},
            "ipsets": leftovers.sets((_output(["ipset", "list", "-n"]) or "").split()),
            "folders": [path for path in leftovers.FOLDERS if self._filled(path)],
        }
        return {what: some for what, some in found.items() if some}

    def runs(self, name: str) -> bool:
        """Whether a container of this name runs here."""
        return name in _docker("ps", "--format", "{{.Names}}")

    # what is there

    def _containers(self) -> list[str]:
        filters = [f"--filter=name={pattern}" for pattern in (leftovers.KUBELET, *leftovers.CONTAINERS)]
        return sorted(_docker("ps", "--all", "--format", "{{.Names}}", *filters))

    def _mounts(self) -> list[str]:
        return leftovers.mounts(self._mountinfo(), [self._real(path) for path in leftovers.MOUNTED])

    def _mountinfo(self) -> str:
        return self._machine.read("/proc/self/mountinfo")

    def _real(self, path: str) -> str:
        """Return what a path leads to: the data may lie elsewhere, behind a link."""
        root = self._machine.path_of("/")
        return f"/{self._machine.path_of(path).resolve().relative_to(root.resolve())}"

    def _filters(self) -> list[str]:
        return [one for one in _FILTERS if _saved(one) is not None] or [*_SIMPLE]

    def _rules(self, program: str) -> list[str]:
        saved = _saved(program) or ""
        return [*leftovers.chains(saved), *leftovers.rules(saved)]

    def _stays(self, path: str) -> bool:
        """Whether a folder itself stays, and is emptied: a disk of its own, or a link."""
        return self._machine.path_of(path).is_symlink() or leftovers.is_mount(self._mountinfo(), path)

    def _filled(self, path: str) -> bool:
        place = self._machine.path_of(path)
        if not place.is_dir():
            return place.exists()
        content = [one for one in _inside(place) if one.name != "lost+found"]
        return bool(content) or not self._stays(path) and path not in leftovers.KEPT

    # removing it

    def _remove(self, found: Found) -> list[str]:
        """Remove what was found, in an order in which nothing comes back; return what failed."""
        failures = _each([["docker", "rm", "--force", "--volumes", *some] for some in _kubelet_first(found)], DOCKER_S)
        for point in self._mounts():
            if _each([["umount", "--", point]], UNMOUNT_S):  # a server that is gone: detached, and never looked into
                failures += _each([["umount", "--lazy", "--", point]], UNMOUNT_S)
        failures += _each([["ip", "link", "delete", "dev", name] for name in found.get("interfaces", ())])
        for program in self._filters():
            failures += _without(program)
        failures += _each([["ipset", "destroy", name] for name in found.get("ipsets", ())])
        if self._mounts():  # what is mounted there is somebody's data
            return [*failures, "no folder was removed: something is still mounted below them"]
        return failures + [failure for path in found.get("folders", ()) for failure in self._remove_folder(path)]

    def _remove_folder(self, path: str) -> list[str]:
        place = self._machine.path_of(path)
        if path == leftovers.ETCD_DATA and self._keep_etcd:
            return self._put_aside(place)
        targets = _inside(place) if self._stays(path) else [place]
        words = ["rm", "--recursive", "--force", "--one-file-system", "--"]
        return _each([[*words, *map(str, targets)]], REMOVE_S) if targets else []

    def _put_aside(self, place: Path) -> list[str]:
        target = place.with_name(f"etcd.left-{datetime.now(timezone.utc):%Y-%m-%dT%H-%M-%SZ}")
        if not self._stays(leftovers.ETCD_DATA):
            place.rename(target)
            return []
        return _each([["cp", "--archive", "--", str(place), str(target)]], REMOVE_S) or _each(
            [["rm", "--recursive", "--force", "--one-file-system", "--", *map(str, _inside(place))]], REMOVE_S
        )

    def _aside(self) -> list[str]:
        place = self._machine.path_of(leftovers.ETCD_DATA).parent
        return [f"etcd's data are in {path}: as secret as the cluster" for path in sorted(place.glob("etcd.left-*"))]


def _kubelet_first(found: Found) -> list[list[str]]:
    names = found.get("containers", [])
    first = [name for name in names if re.fullmatch(leftovers.KUBELET, name)]
    return [some for some in (first, [name for name in names if name not in first]) if some]


def _docker(*words: str) -> list[str]:
    """Return the lines that docker prints, none without Docker. Raises CommandError when its daemon does not answer."""
    try:
        done = process.run(["docker", *words], timeout_s=DOCKER_S)
    except errors.MissingProgram:
        return []
    if done.exit_status:
        raise errors.CommandError(
            f"Docker does not answer, so what it would start again cannot be removed: {done.err.strip()}; "
            "start it (systemctl start docker), then run this again"
        )
    return done.out.split()


def _without(program: str) -> list[str]:
    text = leftovers.without(_saved(program) or "")
    if not text:
        return []
    done = process.run([f"{program}-restore", "--noflush"], stdin=text)
    return [f"{program}-restore: {done.err.strip()}"] if done.exit_status else []


def _each(commands: Iterable[list[str]], timeout_s: float = 60) -> list[str]:
    """Run programs one after the other; return what failed, in words."""
    failures = []
    for argv in commands:
        try:
            done = process.run(argv, timeout_s=timeout_s)
        except errors.SaltK8sError as err:
            failures.append(str(err))
            continue
        if done.exit_status:
            failures.append(f"{' '.join(argv[:3])}: {done.said}")
    return failures


def _saved(program: str) -> str | None:
    return _output([f"{program}-save"])


def _output(argv: list[str]) -> str | None:
    """Return what a program prints; None where there is none, or this kernel has nothing of what it asks for."""
    try:
        done = process.run(argv)
    except errors.MissingProgram:
        return None
    return None if done.exit_status else done.out


def _inside(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _shown(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{', '.join(names[:SHOWN])}{more}"
