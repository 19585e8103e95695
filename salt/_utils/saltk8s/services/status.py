"""The platform's status as one table: from what was read of the cluster to rows, and from these to lines of text.

A row is ``part``, ``name``, ``state`` and ``why``. State: "ok"; "warn" (works, but needs attention); "bad"; "off"
(disabled in the pillar); "unknown" (could not be read).
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from saltk8s.base import certificates
from saltk8s.pillar.vocabulary.values import seconds
from saltk8s.services.backup import assessment
from saltk8s.services.common import BAD, OK, WARN
from saltk8s.services.status_facts import Failed

OFF, UNKNOWN = "off", "unknown"
PARTS = ("cluster", "nodes", "services", "tenants", "certificates", "backups", "gitops")
WARN_DAYS, BAD_DAYS = 60, 7  # before a certificate expires
MAX_NAMED = 3  # objects of a set that are named when they are not ready

Row = dict[str, str]


def table(model: Mapping[str, Any], facts: Mapping[str, Any], now: datetime.datetime) -> list[Row]:
    """Return the rows, in the order of PARTS.

    model: what ``k8s_config.get`` returns. facts, each of them a Failed when it could not be read: ``version`` (of the
    API server, None before the cluster exists), ``nodes`` (as ``kubectl.list_nodes``), ``sets`` ({service: its objects
    as ``kubectl.list_set``, None: no such set}), ``namespaces`` ({name: phase}), ``certificates`` ({name: PEM}),
    ``schedules`` and ``backups`` (Velero's objects, None: Velero is not installed), ``k8up`` ({plural of a kind: its
    objects, None: not served}), ``gitops`` (the admin's ``k8s_gitops.status``); and ``failures`` ({service, or
    ``cluster``: the error of its state that failed in this run}).
    now: with time zone.
    """
    rows = [
        *_cluster(model, facts["version"], facts["failures"].get("cluster")),
        *_nodes(model["nodes"], facts["nodes"]),
        *_services(model["services"], facts["sets"], facts["failures"]),
        *_tenants(model.get("tenants") or {}, facts["namespaces"]),
        *_certificates(facts["certificates"], now),
        *_backups(model["services"], facts, now),
        *_gitops(model.get("gitops") or {}, facts.get("gitops")),
    ]
    return [dict(zip(("part", "name", "state", "why"), row, strict=True)) for row in rows]


def healthy(rows: Iterable[Row]) -> bool:
    """Return whether nothing is bad or unknown."""
    return all(row["state"] not in (BAD, UNKNOWN) for row in rows)


def lines(rows: Iterable[Row]) -> list[str]:
    """Return the table as lines of text, with a heading for each part and a summary at the end."""
    rows = list(rows)
    width = max((len(row["name"]) for row in rows), default=0)
    text: list[str] = []
    for part in PARTS:
        own = [row for row in rows if row["part"] == part]
        text += [part] if own else []
        text += [f"  {row['name']:{width}}  {row['state']:7}  {row['why']}".rstrip() for row in own]
    counted = {state: sum(row["state"] == state for row in rows) for state in (BAD, UNKNOWN, WARN)}
    problems = ", ".join(f"{number} {state}" for state, number in counted.items() if number)
    return [*text, f"{problems} of {len(rows)} checks" if problems else f"all {len(rows)} checks OK"]


def _cluster(model: Mapping[str, Any], version: Any, failure: str | None) -> Iterator[tuple[str, str, str, str]]:
    name, wanted = model["cluster"]["name"], model["cluster"]["version"].partition("-")[0]
    if isinstance(version, Failed):
        yield "cluster", name, BAD, f"the API server does not answer: {version}"
    elif version is None:
        yield "cluster", name, BAD, failure or "not created yet"
    elif failure:
        yield "cluster", name, BAD, f"{version}, the API server answers, but {failure}"
    elif version.partition("-")[0].partition("+")[0] != wanted:
        yield "cluster", name, WARN, f"{version}, but the pillar declares {wanted}"
    else:
        yield "cluster", name, OK, f"{version}, the API server answers"


def _nodes(declared: Mapping[str, Any], found: Any) -> Iterator[tuple[str, str, str, str]]:
    if isinstance(found, Failed):
        yield "nodes", f"{len(declared)} declared", UNKNOWN, found
        return
    for name in declared:
        node = found.get(name)
        if node is None:
            yield "nodes", name, BAD, "not found in the cluster"
        elif not node["ready"]:
            yield "nodes", name, BAD, node["reason"] or "not Ready"
        else:
            schedulable = node["schedulable"]
            yield "nodes", name, OK if schedulable else WARN, node["version"] + ("" if schedulable else ", cordoned")
    for name in sorted(set(found) - set(declared)):
        yield "nodes", name, WARN, "in the cluster, but not in the pillar"


def _services(
    declared: Mapping[str, Any], sets: Any, failures: Mapping[str, str]
) -> Iterator[tuple[str, str, str, str]]:
    for name, service in declared.items():
        found = sets if isinstance(sets, Failed) else sets.get(name)
        if name in failures:  # whatever the state of its objects: one that is missing has no row
            yield "services", name, BAD, failures[name]
        elif isinstance(found, Failed):
            yield "services", name, UNKNOWN if service["enabled"] else OFF, found if service["enabled"] else ""
        elif not service["enabled"]:
            left = f"disabled, but {len(found)} objects still exist" if found else ""
            yield "services", name, WARN if found else OFF, left
        elif not found:
            yield "services", name, BAD, "not applied yet: none of its objects exists"
        else:
            yield "services", name, *_of_set(found)


def _of_set(found: list[Mapping[str, Any]]) -> tuple[str, str]:
    unready = [obj for obj in found if not obj["ready"]]
    told = unready or [obj for obj in found if obj["reason"]]
    if not told:
        return OK, f"{len(found)} objects"
    named = [f"{o['kind']} {o['namespace'] + '/' if o['namespace'] else ''}{o['name']}: {o['reason']}" for o in told]
    more = f"; and {len(named) - MAX_NAMED} more" if len(named) > MAX_NAMED else ""
    return BAD if unready else WARN, "; ".join(named[:MAX_NAMED]) + more


def _tenants(declared: Mapping[str, Any], phases: Any) -> Iterator[tuple[str, str, str, str]]:
    for name, tenant in declared.items():
        if isinstance(phases, Failed):
            yield "tenants", name, UNKNOWN, phases
            continue
        given = (tenant or {}).get("namespaces") if isinstance(tenant, Mapping) else None
        spaces = list(given or [name])
        wrong = [f"namespace {space}: {phases.get(space) or 'not found'}" for space in spaces
                 if phases.get(space) != "Active"]  # fmt: skip
        yield "tenants", name, BAD if wrong else OK, "; ".join(wrong) or f"namespaces: {', '.join(spaces)}"


def _certificates(found: Mapping[str, Any], now: datetime.datetime) -> Iterator[tuple[str, str, str, str]]:
    for name, pem in found.items():
        if isinstance(pem, Failed):
            yield "certificates", name, UNKNOWN, pem
            continue
        try:
            end = certificates.expires_at(pem)
        except ValueError as err:
            yield "certificates", name, UNKNOWN, str(err)
            continue
        days = certificates.days_left(end, now)
        state = OK if days >= WARN_DAYS else WARN if days >= BAD_DAYS else BAD
        expiry = f"{days} days left, expires" if days >= 0 else f"expired {-days} days ago,"
        yield "certificates", name, state, f"{expiry} {end:%Y-%m-%d}"


def _backups(
    services: Mapping[str, Any], facts: Mapping[str, Any], now: datetime.datetime
) -> Iterator[tuple[str, str, str, str]]:
    limits = (services.get("prometheus") or {}).get("limits") or {}
    max_age = datetime.timedelta(seconds=seconds(limits["backup_age"])) if limits.get("backup_age") else None
    velero, k8up = (facts["schedules"], facts["backups"]), facts.get("k8up") or {}
    for engine, read in (("velero", velero), ("k8up", tuple(k8up.values()))):
        failed = next((one for one in read if isinstance(one, Failed)), None)
        if failed is not None:
            yield "backups", engine, UNKNOWN, failed
        elif engine == "velero":
            rows = assessment.of_velero(velero[0] or (), velero[1] or (), now, max_age)
            yield from (("backups", *row) for row in rows)
        else:
            yield from (("backups", *row) for row in assessment.of_k8up(k8up, now, max_age))


def _gitops(declared: Mapping[str, Any], found: Any) -> Iterator[tuple[str, str, str, str]]:
    """What the admin applies by itself; a pause is shown whether it does or not."""
    if found is None or isinstance(found, Failed):
        return
    last = found["last"]
    if found["paused"]:
        yield "gitops", "apply", WARN, found["paused"]
    elif last and not last["ok"]:
        yield "gitops", "apply", WARN, f"failed at {last['at']}"
    elif declared.get("enabled"):
        yield "gitops", "apply", OK, f"last applied at {last['at']}" if last else "nothing was applied by itself yet"
