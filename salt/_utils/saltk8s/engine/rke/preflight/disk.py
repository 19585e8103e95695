"""Whether the nodes have room for another version's images and for a snapshot of etcd: asked before an upgrade."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from saltk8s.engine.rke.node import ETCD_DATA
from saltk8s.engine.rke.running.snapshot import FOLDER as SNAPSHOTS
from saltk8s.engine.ssh import Inspection, Probe

DISK = "disk"
IMAGES_KIB = 4 * 2**20  # hyperkube alone is unpacked to 2.5 GiB, and both versions are there for a while
OTHERS_KIB = 2**20
FULL = 0.9  # at which kubelets evict pods and remove images, by their defaults
_DOCKER = "docker"

# The root of Docker's data is Docker's to say; the others are rke's.
INSPECTION = Inspection(
    runtime="Docker",
    command=(
        "root=$(docker info --format '{{.DockerRootDir}}') || exit 1; "
        f'for one in "{_DOCKER}=$root" etcd={ETCD_DATA} snapshots={SNAPSHOTS} kubelet=/var/lib/kubelet; do '
        'if test -d "${one#*=}"; then df -Pk "${one#*=}" 2>/dev/null | '
        """while read -r device size used free rest; do case $size in [0-9]*) """
        f'echo "{DISK} ${{one%%=*}} $size $used $free ${{one#*=}}" ;; esac; done; fi; done'
    ),
    containers=(),
    questions=(DISK,),
)


class Disk(NamedTuple):
    """The file system of a folder. what: ``docker``, ``etcd`` ...; size, used, free: in KiB."""

    what: str
    size: int
    used: int
    free: int
    path: str


def read(probe: Probe) -> list[Disk]:
    """Return the file systems that a node named."""
    found = []
    for line in probe.answers.get(DISK, ()):
        parts = line.split(maxsplit=4)
        if len(parts) == 5 and all(part.isdigit() for part in parts[1:4]):
            found.append(Disk(parts[0], int(parts[1]), int(parts[2]), int(parts[3]), parts[4]))
    return found


def problems(probes: Mapping[str, Probe], etcd_kib: int) -> tuple[list[str], list[str]]:
    """Return (what has to be mended first, what could not be asked). etcd_kib: size of etcd's database."""
    bad, unknown = [], []
    for name, probe in probes.items():
        disks = read(probe)
        if probe.problem or not disks:
            unknown.append(f"{name}: {probe.detail or 'its disks are not known'}")
        bad += [f"{name}: {problem}" for disk in disks if (problem := _problem(disk, etcd_kib))]
    return bad, unknown


def _problem(disk: Disk, etcd_kib: int) -> str:
    need = {_DOCKER: IMAGES_KIB, "etcd": OTHERS_KIB + etcd_kib, "snapshots": OTHERS_KIB + 2 * etcd_kib}
    wanted = need.get(disk.what, OTHERS_KIB)
    if disk.free < wanted:
        return f"{disk.path} has {_gib(disk.free)} GiB free, and the upgrade needs {_gib(wanted)}"
    added = IMAGES_KIB if disk.what == _DOCKER else 0
    if disk.what in (_DOCKER, "kubelet") and disk.size and (disk.used + added) / disk.size > FULL:
        filled = (disk.used + added) / disk.size
        return f"{disk.path} would be {filled:.0%} full, and at {FULL:.0%} the kubelet evicts pods"
    return ""


def _gib(kib: int) -> str:
    return f"{kib / 2**20:.1f}"
