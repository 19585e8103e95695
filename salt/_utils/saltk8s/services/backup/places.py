"""Who can read which location: an engine inside a namespace leaves its keys and its password there.

K8up and Stash read a Secret of the namespace that they back up, so its people read it, too: a tenant needs a location
and a password of its own. Etcd's snapshots have every Secret and the CA's key in them: no engine reads their location.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from saltk8s.base import redact
from saltk8s.pillar.vocabulary import locations
from saltk8s.pillar.vocabulary.types import Path, Report
from saltk8s.services import common

_SNAPSHOTS = ("k8s", "cluster", "etcd", "snapshots", "s3")
_PLATFORM = ("k8s", "services", "backup")
INSIDE = ("k8up", "stash")  # engines whose keys lie in the namespaces


def owners(model: dict[str, Any]) -> dict[str, str]:
    """Return the tenants of the namespaces that the engine backs up from inside: namespace -> tenant."""
    service = model["services"]["backup"]
    if service["engine"] not in INSIDE or not common.enabled(model, "tenants"):
        return {}
    found: dict[str, str] = {}
    for name, tenant in (model["tenants"] or {}).items():
        spaces = common.namespaces(name, tenant)
        saved = {one["namespace"] for one in ((service["stash"] or {}).get("targets") or {}).values()}
        own = tenant["backup"]
        if service["engine"] == "k8up":
            saved = {*((service["namespaces"] or {}).get("include") or ())}
            # a schedule of its own is one in each of its namespaces
            saved = {*spaces} if own["schedule"] or own["keep"] else saved
        found |= {space: name for space in spaces if own["enabled"] and space in saved}
    return found


def _in_use(model: dict[str, Any]) -> Iterator[tuple[Path, str, str | None]]:
    """Return what the engine writes to: pillar path, name of the location, its password."""
    service = model["services"]["backup"]
    yield _PLATFORM, service["location"], service["encryption_password"]
    for name in dict.fromkeys(owners(model).values()):
        own = model["tenants"][name]["backup"]
        yield ("k8s", "tenants", name, "backup"), own["location"], own["encryption_password"]


def _of_tenants(model: dict[str, Any], report: Report) -> None:
    """A tenant whose namespaces have the engine's keys has a location and a password that nobody else uses."""
    service = common.enabled(model, "backup")
    if not service or not service["engine"]:
        return
    for space, name in owners(model).items():
        own, path = model["tenants"][name]["backup"], ("k8s", "tenants", name, "backup")
        why = f"because {service['engine']} puts keys and password into its namespace {space}"
        if not own["location"] and not report.has_problem_at(*path):
            report.add((*path, "location"), f"a location of its own, {why}, where its people read them", "nothing")
        locations.find(model, own["location"], (*path, "location"), report, ("s3", "nfs"))
        if "admin" in report.secrets_of and own["location"] and not own["encryption_password"]:
            report.add((*path, "encryption_password"), "a password of its own on one line, not empty", "nothing")
    seen: list[tuple[Path, str, str | None]] = []
    for path, name, password in _in_use(model):
        for other, theirs, known in seen:
            where = ":".join(map(redact.name, other))
            if locations.is_shared(model, report, name, theirs):
                report.add((*path, "location"), f"another place and another key than {where}:location", repr(name))
            if password and password == known and not report.encrypted:
                report.add((*path, "encryption_password"), f"another one than {where}'s", "the same")
        seen.append((path, name, password))


def _of_snapshots(model: dict[str, Any], report: Report) -> None:
    """No engine's key reads the snapshots of etcd."""
    snapshots = (((model["cluster"] or {}).get("etcd") or {}).get("snapshots") or {}).get("s3")
    service = common.enabled(model, "backup")
    if not service or not service["engine"] or report.has_problem_at(*_SNAPSHOTS):
        return
    for path, name, _ in _in_use(model):
        if locations.is_shared(model, report, snapshots, name):
            expected = (
                "a location with another bucket (or another prefix) and another access key than "
                f"{':'.join(map(redact.name, path))}:location has: {service['engine']} would read the snapshots, "
                "and in them every Secret and the key of the cluster's CA"
            )
            report.add(_SNAPSHOTS, expected, repr(snapshots))


RULES = (_of_tenants, _of_snapshots)
