"""Versions of ``rke`` and of Kubernetes: which may run, which may follow which."""

from __future__ import annotations

import re
from collections.abc import Iterable

from saltk8s.base import errors

_RKE = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")
_KUBERNETES = re.compile(r"v(\d+)\.(\d+)\.(\d+)-rancher(\d+)-(\d+)")
ADVISORY = (
    "CVE-2023-32191"  # older rke put the cluster's whole state, its CA key too, where any pod reader could get it
)
FIXED = ((1, 4, 19), (1, 5, 10))


def rke_of(output: str) -> str:
    """Return the version that ``rke --version`` names, as ``v1.8.5``.

    Raises Refused when it names none: a build of unknown age may have the faults that we refuse.
    """
    found = _RKE.search(output)
    if not found:
        said = output.strip()[:80] or "nothing"
        raise errors.Refused(f"rke does not say which version it is (it says: {said}); use a released binary")
    return "v" + ".".join(found.groups())


def check_rke(version: str) -> None:
    """Refuse an ``rke`` that exposes the cluster's state (CVE-2023-32191: before 1.4.19, and 1.5 before 1.5.10)."""
    number = tuple(int(part) for part in _RKE.fullmatch(version).groups())
    if number < FIXED[0] or (1, 5, 0) <= number < FIXED[1]:
        raise errors.Refused(
            f"rke {version} has {ADVISORY}: the cluster's keys can be read by anyone who may read ConfigMaps. "
            f"Use 1.4.19, 1.5.10 or newer (k8s:binaries:rke)"
        )


def kubernetes(version: str) -> tuple[int, ...]:
    """Return ``v1.32.6-rancher1-1`` as numbers, to compare. Raises Refused when it is not such a version."""
    found = _KUBERNETES.fullmatch(version)
    if not found:
        raise errors.Refused(f"{version} is not a pinned Kubernetes version such as v1.32.6-rancher1-1")
    return tuple(int(part) for part in found.groups())


def offered(output: str) -> list[str]:
    """Return the versions that ``rke config --list-version --all`` names, oldest first."""
    return sorted({match.group(0) for match in _KUBERNETES.finditer(output)}, key=kubernetes)


def check_kubernetes(wanted: str, choice: Iterable[str], running: str | None) -> None:
    """Refuse a Kubernetes version that cannot be reached.

    wanted: the declared version; choice: what the rke binary offers; running: the cluster's version, None before it
    exists. Raises Refused: not offered, back by a minor version, or forward by more than one.
    """
    choice = list(choice)
    if wanted not in choice:
        raise errors.Refused(f"this rke does not offer Kubernetes {wanted}; it offers {', '.join(choice) or 'none'}")
    if not running:
        return
    old, new = kubernetes(running), kubernetes(wanted)
    if new[:2] < old[:2]:
        raise errors.Refused(
            f"Kubernetes cannot go back from {running} to {wanted}: its data is already in the newer format. "
            f"Restore a snapshot taken before instead"
        )
    if new[0] == old[0] and new[1] > old[1] + 1:
        raise errors.Refused(
            f"Kubernetes {running} cannot become {wanted} in one step: upgrade one minor version at a time"
        )
