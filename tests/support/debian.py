"""Programs that Debian packages: fetched with `apt-get download`, unpacked into the cache, installed nowhere."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from labkit import gobuild

TIMEOUT_S = 300


class Missing(Exception):
    """A package cannot be had; the message is one line."""


def program(package: str, name: str) -> Path:
    """Return the path of a program of a package, fetched when the cache lacks Debian's present version of it.

    package, name: such as ``prometheus`` and ``promtool``. Raises Missing.
    """
    folder = gobuild.cache_dir() / "debian" / f"{package}_{_version(package)}"
    if not folder.is_dir():
        _fetch(package, folder)
    path = folder / "usr" / "bin" / name
    if not path.is_file():
        raise Missing(f"Debian's package {package} has no program {name}")
    return path


def _version(package: str) -> str:
    for line in _run(package, "apt-cache", "policy", package).splitlines():
        name, _, value = line.strip().partition(": ")
        if name == "Candidate" and value != "(none)":
            return value.replace(":", "%3a")
    raise Missing(f"Debian's package {package} is not known here: apt-get update")


def _fetch(package: str, folder: Path) -> None:
    """Unpack the package beside its place and then move it there, so that a half one is never taken for whole."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="work-", dir=folder.parent))
    try:
        sandbox = ("-o", "APT::Sandbox::User=root")  # as root: the user _apt may not write into our cache
        _run(package, "apt-get", *sandbox, "-q", "download", package, cwd=work)
        (archive,) = work.glob("*.deb")
        _run(package, "dpkg-deb", "-x", str(archive), str(work / "x"))
        try:
            (work / "x").rename(folder)
        except OSError:
            if not folder.is_dir():  # another run was first
                raise
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _run(package: str, *command: str, cwd: Path | None = None) -> str:
    what = f"Debian's package {package}, for the tests of Prometheus' rules, cannot be had: {command[0]}"
    try:
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired) as err:
        raise Missing(f"{what}: {err}") from err
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"status {done.returncode}"]
        raise Missing(f"{what}: {lines[-1]}")
    return done.stdout
