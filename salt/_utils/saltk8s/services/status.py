"""What is healthy, as one table: from what was read of the cluster to rows, and from these to readable lines.

A row is ``part``, ``name``, ``state`` and ``why``. State: "ok"; "warn" (works, but somebody has to look); "bad"; "off"
(the pillar does not want it); "unknown" (it could not be asked).
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from saltk8s.base import certificates
from saltk8s.pillar.vocabulary import cron

OK, WARN, BAD, OFF, UNKNOWN = "ok", "warn", "bad", "off", "unknown"
PARTS = ("cluster", "nodes", "services", "tenants", "certificates", "backups")
WARN_DAYS, BAD_DAYS = 60, 7  # before a certificate ends
LATE = 2  # a backup that is older than this many times its schedule's interval is late
NAMED = 3  # objects of a set that are named when they are not well

Row = dict[str, str]


class Failed(str):
    """Why something could not be read, in the place of what was to be read."""

    __slots__ = ()


def table(model: Mapping[str, Any], facts: Mapping[str, Any], now: datetime.datetime) -> list[Row]:
    """Return the rows, in the order of PARTS.

    model: what ``k8s_config.get`` returns. facts, each of them a Failed when it could not be read: ``version`` (of the
    API server, None before the cluster exists), ``nodes`` (as ``kubectl.nodes``), ``sets`` ({service: its objects as
    ``kubectl.list_set``, None: no such set}), ``namespaces`` ({name: phase}), ``certificates`` ({name: PEM}),
    ``schedules`` and ``backups`` (Velero's objects, None: there is no Velero); and ``failures`` ({service: what failed
    of it in this run}). now: with time zone.
    """
    rows = [
        *_cluster(model, facts["version"]),
        *_nodes(model["nodes"], facts["nodes"]),
        *_services(model["services"], facts["sets"], facts["failures"]),
        *_tenants(model.get("tenants") or {}, facts["namespaces"]),
        *_certificates(facts["certificates"], now),
        *_backups(facts["schedules"], facts["backups"], now),
    ]
    return [dict(zip(("part", "name", "state", "why"), row, strict=True)) for row in rows]


def phases(namespaces: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the phase of each Namespace object by name."""
    return {space["metadata"]["name"]: (space.get("status") or {}).get("phase", "") for space in namespaces}


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
    told = ", ".join(f"{number} {state}" for state, number in counted.items() if number)
    return [*text, f"all of it is well ({len(rows)} rows)" if not told else f"{told} of {len(rows)} rows"]


def _cluster(model: Mapping[str, Any], version: Any) -> Iterator[tuple[str, str, str, str]]:
    name, wanted = model["cluster"]["name"], model["cluster"]["version"].partition("-")[0]
    if isinstance(version, Failed):
        yield "cluster", name, BAD, f"the API server cannot be asked: {version}"
    elif version is None:
        yield "cluster", name, BAD, "it does not exist yet"
    elif version.partition("-")[0].partition("+")[0] != wanted:
        yield "cluster", name, WARN, f"{version}, and the pillar says {wanted}"
    else:
        yield "cluster", name, OK, f"{version}, the API server answers"


def _nodes(declared: Mapping[str, Any], found: Any) -> Iterator[tuple[str, str, str, str]]:
    if isinstance(found, Failed):
        yield "nodes", f"{len(declared)} declared", UNKNOWN, found
        return
    for name in declared:
        node = found.get(name)
        if node is None:
            yield "nodes", name, BAD, "it is not in the cluster"
        elif not node["ready"]:
            yield "nodes", name, BAD, node["reason"] or "not ready"
        else:
            plain = node["schedulable"]
            yield "nodes", name, OK if plain else WARN, node["version"] + ("" if plain else ", takes no new pods")
    for name in sorted(set(found) - set(declared)):
        yield "nodes", name, WARN, "in the cluster, and not in the pillar"


def _services(
    declared: Mapping[str, Any], sets: Any, failures: Mapping[str, str]
) -> Iterator[tuple[str, str, str, str]]:
    for name, service in declared.items():
        found = sets if isinstance(sets, Failed) else sets.get(name)
        if name in failures:  # whatever its objects look like: one that is missing has no row
            yield "services", name, BAD, failures[name]
        elif isinstance(found, Failed):
            yield "services", name, UNKNOWN if service["enabled"] else OFF, found if service["enabled"] else ""
        elif not service["enabled"]:
            yield "services", name, WARN if found else OFF, f"{len(found)} objects are still there" if found else ""
        elif not found:
            yield "services", name, BAD, "nothing of it is there: it was not applied yet"
        else:
            yield "services", name, *_of_set(found)


def _of_set(found: list[Mapping[str, Any]]) -> tuple[str, str]:
    sick = [obj for obj in found if not obj["ready"]]
    if not sick:
        return OK, f"{len(found)} objects"
    told = [f"{o['kind']} {o['namespace'] + '/' if o['namespace'] else ''}{o['name']}: {o['reason']}" for o in sick]
    more = f"; and {len(told) - NAMED} more" if len(told) > NAMED else ""
    return BAD, "; ".join(told[:NAMED]) + more


def _tenants(declared: Mapping[str, Any], phases: Any) -> Iterator[tuple[str, str, str, str]]:
    for name, tenant in declared.items():
        if isinstance(phases, Failed):
            yield "tenants", name, UNKNOWN, phases
            continue
        given = (tenant or {}).get("namespaces") if isinstance(tenant, Mapping) else None
        spaces = list(given or [name])
        wrong = [f"namespace {space}: {phases.get(space) or 'not there'}" for space in spaces
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
        told = f"{days} days left" if days >= 0 else f"it ended {-days} days ago"
        yield "certificates", name, state, f"{told}, until {end:%Y-%m-%d}"


def _backups(schedules: Any, backups: Any, now: datetime.datetime) -> Iterator[tuple[str, str, str, str]]:
    for failed in (schedules, backups):
        if isinstance(failed, Failed):
            yield "backups", "velero", UNKNOWN, failed
            return
    for schedule in schedules or ():
        name = schedule["metadata"]["name"]
        if (schedule.get("spec") or {}).get("paused"):
            yield "backups", name, WARN, "the schedule is paused"
            continue
        own = [b for b in backups or () if (b["metadata"].get("labels") or {}).get("velero.io/schedule-name") == name]
        yield "backups", name, *_of_schedule(schedule, own, now)


def _of_schedule(
    schedule: Mapping[str, Any], own: Iterable[Mapping[str, Any]], now: datetime.datetime
) -> tuple[str, str]:
    well = [backup["status"] for backup in own if (backup.get("status") or {}).get("phase") == "Completed"]
    done = [_time(ended["completionTimestamp"]) for ended in well]
    made = _time(schedule["metadata"]["creationTimestamp"])
    limit = LATE * cron.longest_interval(schedule["spec"]["schedule"])
    if not done:
        return (BAD, "no backup of it ever succeeded") if now - made > limit else (WARN, "no backup of it yet")
    age = now - max(done)
    told = f"last success {max(done):%Y-%m-%d %H:%M} UTC, {_hours(age)} ago"
    return (BAD, f"{told}: it is late") if age > limit else (OK, told)


def _time(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def _hours(age: datetime.timedelta) -> str:
    hours = int(age.total_seconds() // 3600)
    return f"{hours} h" if hours < 72 else f"{hours // 24} days"
