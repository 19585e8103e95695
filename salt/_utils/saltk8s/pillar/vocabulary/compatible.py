"""Which versions of the platform's services go with which minor versions of Kubernetes: one table, and what follows.

A row is added when it has been tested, or when the project or a distribution says so. An upgrade of Kubernetes needs
versions that go with the old and the new one: the services stay on while it lasts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from saltk8s.pillar.vocabulary import values

Minor = tuple[int, int]


class Row(NamedTuple):
    """A minor version of a service's program, and the first and last minor version of Kubernetes that it goes with.

    key: of the service in the pillar, its version, or ``images:NAME`` where that is in an image's tag alone; last: None
    when no Kubernetes is known that it does not go with.
    """

    service: str
    key: str
    version: str
    first: Minor
    last: Minor | None
    source: str

    def fits(self, kubernetes: Minor) -> bool:
        """Whether it goes with a minor version of Kubernetes."""
        return self.first <= kubernetes and (self.last is None or kubernetes <= self.last)


_SKEW = "it is released for the first; by Kubernetes' version skew policy the API server may be one minor newer"
_LAB = "with 1.32 tested against a simulated vCenter"
TABLE = (
    Row("vsphere", "cpi_version", "1.30", (1, 30), (1, 31), _SKEW),
    Row("vsphere", "cpi_version", "1.31", (1, 31), (1, 32), f"{_SKEW}; {_LAB}"),
    Row("vsphere", "version", "3.3", (1, 30), (1, 32), f"RKE2 1.30 ships it; {_LAB}"),
    Row("metallb", "version", "0.15", (1, 13), None, "its documentation: 1.13 and newer; 1.32 in the lab"),
    Row("traefik", "version", "3.6", (1, 22), None, "its chart: 1.22 and newer; 1.32 in the lab"),
    Row("nfs", "version", "4.11", (1, 21), None, "its documentation: 1.21 and newer; 1.32 in the lab"),
    Row("prometheus", "version", "3.13", (1, 22), None, "it reads v1 APIs alone; 1.32 in the lab"),
    Row("backup", "images:velero", "1.18", (1, 18), None, "its documentation: 1.18 and newer; 1.32 in the lab"),
    Row("backup", "images:k8up", "2.12", (1, 25), None, "it reads v1 APIs alone; 1.32 in the lab"),
)


def minor(version: str | None) -> Minor | None:
    """Return the first two numbers of a version such as ``v1.32.6-rancher1-1``, None when it is none."""
    numbers = values.version(version or "")
    return numbers[:2] if numbers else None


def words(number: Minor) -> str:
    """Return ``1.32``."""
    return f"{number[0]}.{number[1]}"


def rows(service: str, key: str) -> list[Row]:
    """Return the rows of one program."""
    return [row for row in TABLE if (row.service, row.key) == (service, key)]


def fitting(service: str, key: str, kubernetes: Minor) -> list[str]:
    """Return the minor versions of a program that go with a minor version of Kubernetes, oldest first."""
    return [row.version for row in rows(service, key) if row.fits(kubernetes)]


class Verdict(NamedTuple):
    """What is known of a service's version: fits True, False, or None when the table does not have it."""

    path: str
    version: str
    fits: bool | None
    expected: str = ""


def verdicts(model: Mapping[str, Any], *kubernetes: str) -> list[Verdict]:
    """Return what is known of every enabled service's versions with all of some versions of Kubernetes."""
    wanted = [number for number in map(minor, kubernetes) if number]
    services = model.get("services") or {}
    programs = sorted({(row.service, row.key) for row in TABLE}, key=[(row.service, row.key) for row in TABLE].index)
    found = []
    for service, key in programs:
        given = services.get(service) or {}
        version = _version(given, key)
        if not given.get("enabled") or not version:
            continue
        known = [row for row in rows(service, key) if row.version == words(minor(version) or (0, 0))]
        fits = all(known[0].fits(number) for number in wanted) if known else None
        good = [one for one in rows(service, key) if all(one.fits(number) for number in wanted)]
        expected = " or ".join(f"v{row.version}" for row in good)
        found.append(Verdict(f"k8s:services:{service}:{key}", version, fits, expected))
    return found


def _version(service: Mapping[str, Any], key: str) -> str | None:
    """Return a program's version, None when it is not deployed or its image has none in its tag."""
    kind, _, name = key.partition(":")
    if kind != "images":
        return service.get(key)
    if service.get("engine") not in (None, name):
        return None
    image = (service.get("images") or {}).get(name) or ""
    return image.rpartition("/")[2].partition("@")[0].partition(":")[2] or None
