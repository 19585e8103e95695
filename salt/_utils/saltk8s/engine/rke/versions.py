"""Versions of ``rke`` and of Kubernetes: which may run, which may follow which."""

from __future__ import annotations

import re
from collections.abc import Iterable

from saltk8s.base import errors
from saltk8s.pillar.vocabulary import values

_RKE = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")
KUBERNETES = re.compile(r"v(1)\.(\d{1,3})\.(\d{1,3})-rancher(\d{1,3})-(\d{1,3})")
EXAMPLE = "v1.32.6-rancher1-1"
# older rke keeps the cluster's whole state, its CA key too, in a ConfigMap
ADVISORY = "CVE-2023-32191"
FIXED = ((1, 4, 19), (1, 5, 10))
# of K8sVersionDockerInfo in rke's data.json, the same for every Kubernetes that it offers; those before 20.10, which it
# accepts too, no supported system has
DOCKER = {
    *((20, 10), (23, 0), (24, 0), (25, 0), (26, 0), (26, 1)),
    *((27, minor) for minor in range(6)),
    *((28, 0), (28, 1)),
}
DOCKER_ACCEPTED = "20.10, 23.0 to 28.1"
_DOCKER = re.compile(r"(?:\d+:)?(\d+)\.(\d+)(?!\d)")
FIXED_IN = tuple(".".join(map(str, number)) for number in FIXED)


def rke_of(output: str) -> str:
    """Return the version that ``rke --version`` names, as ``v1.8.5``.

    Raises Refused when it names none: a build of unknown age may have the vulnerability that check_rke refuses.
    """
    found = _RKE.search(output)
    if not found:
        printed = output.strip()[:80] or "nothing"
        raise errors.Refused(f"rke --version names no version (it prints: {printed}); use a released binary")
    return "v" + ".".join(found.groups())


def is_safe(version: str) -> bool:
    """Return whether a version of ``rke`` keeps the cluster's state secret; False when it is no version."""
    found = values.version(version)
    return found is not None and (found >= FIXED[1] or FIXED[0] <= found < (1, 5, 0))


def accepts_docker(package: str) -> bool:
    """Return whether rke accepts the Docker of a package version, or of a prefix of one, such as ``5:27.5``.

    A prefix without the minor version installs the newest one, which need not be one that it accepts.
    """
    found = _DOCKER.match(package)
    return found is not None and (int(found[1]), int(found[2])) in DOCKER


def check_rke(version: str) -> None:
    """Refuse an ``rke`` that publishes the cluster's state."""
    if not is_safe(version):
        raise errors.Refused(
            f"rke {version} has {ADVISORY}: anybody who may read ConfigMaps can read the cluster's keys. "
            f"Use {', '.join(FIXED_IN)} or newer (k8s:binaries:rke)"
        )


def kubernetes(version: str) -> tuple[int, ...]:
    """Return ``v1.32.6-rancher1-1`` as numbers, to compare. Raises Refused when it is not such a version."""
    found = KUBERNETES.fullmatch(version)
    if not found:
        raise errors.Refused(f"{version} is not a pinned Kubernetes version such as {EXAMPLE}")
    return tuple(int(part) for part in found.groups())


def offered(output: str) -> list[str]:
    """Return the versions that ``rke config --list-version --all`` names, oldest first."""
    return sorted({match.group(0) for match in KUBERNETES.finditer(output)}, key=kubernetes)


def check_kubernetes(wanted: str, choice: Iterable[str], running: str | None) -> None:
    """Refuse a Kubernetes version that cannot be reached.

    wanted: the declared version; choice: what the rke binary offers; running: the cluster's version, None before it
    exists. Raises Refused: not offered, back by a minor version, or forward by more than one.
    """
    choice = list(choice)
    if wanted not in choice:
        raise errors.Refused(f"this rke does not offer Kubernetes {wanted}; it offers {', '.join(choice) or 'none'}")
    steps = values.minor_steps(running, wanted) if running else None
    if steps is None:
        return
    if steps < 0:
        raise errors.Refused(
            f"Kubernetes cannot go back from {running} to {wanted}: its data is already in the newer format. "
            f"Restore a snapshot taken before instead"
        )
    if steps > 1:
        raise errors.Refused(
            f"Kubernetes {running} cannot become {wanted} in one step: upgrade one minor version at a time"
        )
