"""Operations on backups: their status, a backup now, a restore. For Velero and for K8up.

Velero has its objects in a namespace of its own, K8up in the namespace that is backed up.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Mapping
from typing import Any

from saltk8s.base import errors
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.health.fields import mapping, text
from saltk8s.kubectl.operations import target
from saltk8s.services.backup import copies, runs
from saltk8s.services.backup.runs import K8UP, VELERO
from saltk8s.services.backup.schema import ENGINE_NAMESPACES

SCHEDULE = "platform"  # the name that the formula gives
POLL_INTERVAL_S = 1.0
NAMESPACE = ENGINE_NAMESPACES[VELERO]  # of all of Velero's objects


def status(kubectl: Kubectl, engine: str, now: datetime.datetime | None = None) -> list[dict[str, Any]]:
    """Return one entry a schedule: ``schedule``, ``namespace``, ``when`` (cron), ``last_success`` (name of a backup, or
    None), ``age_s`` of it, ``last`` (name of the newest that has ended), ``phase`` and ``why`` of that one, ``well``
    (whether the newest succeeded), and ``location`` (Velero: phase of the BackupStorageLocation, and its message).
    """
    now = now or datetime.datetime.now(datetime.timezone.utc)
    known = [runs.parse(obj) for obj in _list(kubectl, f"backups.{_group(engine)}")]
    location = _location(kubectl) if engine == VELERO else None
    return [_of_schedule(one, known, engine, now, location) for one in _list(kubectl, f"schedules.{_group(engine)}")]


def _of_schedule(
    obj: Mapping[str, Any], known: list[runs.Run], engine: str, now: datetime.datetime, location: str | None
) -> dict[str, Any]:
    meta, spec = obj["metadata"], obj["spec"]
    ended, success = runs.ended_runs(obj, known), runs.last_success(obj, known)
    last = ended[-1][1] if ended else None
    return {
        "schedule": meta["name"],
        "namespace": meta["namespace"],
        "when": spec["schedule"] if engine == VELERO else (spec.get("backup") or {}).get("schedule"),
        "last_success": success[1].name if success else None,
        "age_s": int((now - success[0]).total_seconds()) if success else None,
        "last": last.name if last else None,
        "phase": last.phase if last else None,
        "why": last.reason if last else "no backup has completed yet",
        "well": bool(last and last.succeeded),
        "location": location,
    }


def _location(kubectl: Kubectl) -> str:
    for obj in _list(kubectl, "backupstoragelocations.velero.io"):
        if obj["metadata"]["name"] == "default":
            found = mapping(obj.get("status"))
            return (text(found.get("phase")) or "not validated yet") + (
                f": {found['message']}" if found.get("message") else ""
            )
    return "not declared"


def backup(kubectl: Kubectl, engine: str, namespace: str | None, timeout_s: float, test: bool) -> dict[str, Any]:
    """Make a backup as the schedule would; return ``name``, ``namespace``, ``phase`` and ``seconds``.

    namespace: back up this one alone, with Velero as its own schedule would; required with K8up. ``phase`` is None in
    test mode.
    """
    space = _space(engine, namespace)
    schedule = _own_schedule(kubectl, namespace) if engine == VELERO and namespace else None
    schedule = schedule or _schedule(kubectl, engine, space)
    name = f"{schedule['metadata']['name']}-{_stamp()}"
    if engine == VELERO:
        spec = dict(schedule["spec"]["template"])
        if namespace:
            _existing(kubectl, "namespace", namespace)
            spec |= {"includedNamespaces": [target.checked_name("namespace", namespace)], "excludedNamespaces": []}
    else:
        left_out = ("schedule", "concurrentRunsAllowed")
        spec = {key: value for key, value in schedule["spec"]["backup"].items() if key not in left_out}
        spec |= _shared(schedule)
    # one that leaves out a part of the schedule's is none of its: it would pass for the last success of all
    whole = not namespace or schedule["spec"].get("template", {}).get("includedNamespaces", [namespace]) == [namespace]
    made = _object(engine, "Backup", space, name, spec, schedule["metadata"]["name"] if whole else "")
    return _carry_out(kubectl, made, timeout_s, test)


def restore(
    kubectl: Kubectl,
    engine: str,
    name: str,
    namespace: str,
    to: str | None,
    timeout_s: float,
    test: bool,
    existing: bool = False,
) -> dict[str, Any]:
    """Restore a namespace from a backup (Velero), or files into a claim (K8up); return what backup() returns.

    name: of Velero's Backup, or of K8up's snapshot; to: Velero: another namespace; K8up: the claim; existing: Velero:
    restore although the namespace exists (existing objects stay as they are). Raises Refused and Invalid before
    anything is done.
    """
    namespace = target.checked_name("namespace", namespace)
    if engine == VELERO:
        spec = _from_velero(kubectl, name, namespace, to, existing)
        restored = _object(engine, "Restore", NAMESPACE, f"{name}-{_stamp()}", spec)
        try:
            return _carry_out(kubectl, restored, timeout_s, test)
        finally:
            if to and to != namespace and not test:
                copies.release(kubectl, to)
    if not to:
        raise errors.Invalid("to: expected the claim that the files are restored to", "to", "required with k8up")
    _existing(kubectl, "persistentvolumeclaim", to, namespace)
    schedule = _schedule(kubectl, engine, namespace)
    spec = _shared(schedule) | {"snapshot": name, "restoreMethod": {"folder": {"claimName": to}}}
    if "volumes" in schedule["spec"]["backup"]:
        spec["volumes"] = schedule["spec"]["backup"]["volumes"]
    restored = _object(engine, "Restore", namespace, f"{SCHEDULE}-{_stamp()}", spec)
    return _carry_out(kubectl, restored, timeout_s, test)


def _from_velero(kubectl: Kubectl, name: str, namespace: str, to: str | None, existing: bool) -> dict[str, Any]:
    saved = _existing(kubectl, "backups.velero.io", target.checked_name("name", name), NAMESPACE)
    found, spec = runs.parse(saved), saved.get("spec") or {}
    if not found.succeeded and found.phase != "PartiallyFailed":
        phase = text(mapping(saved.get("status")).get("phase")) or "not completed"
        raise errors.Refused(
            f"backup {name} is {phase}: nothing to restore; {found.reason or 'wait until it has completed'}"
        )
    inside = spec.get("includedNamespaces") or ["*"]
    if ("*" not in inside and namespace not in inside) or namespace in (spec.get("excludedNamespaces") or ()):
        raise errors.Invalid(f"backup {name} does not include the namespace {namespace}", "namespace", "not backed up")
    goal = target.checked_name("to", to) if to else namespace
    if not existing and _get(kubectl, "namespace", goal):
        raise errors.Refused(
            f"namespace {goal} exists: Velero skips objects that exist, and volumes keep their files. "
            "Delete it first, restore to another namespace (to=), or pass existing=True"
        )
    renamed = {"namespaceMapping": {namespace: goal}} if goal != namespace else {}
    return {"backupName": name, "includedNamespaces": [namespace], **renamed}


def _carry_out(kubectl: Kubectl, obj: dict[str, Any], timeout_s: float, test: bool) -> dict[str, Any]:
    meta, begin = obj["metadata"], time.monotonic()
    result = {"kind": obj["kind"], "name": meta["name"], "namespace": meta["namespace"], "phase": None, "seconds": 0.0}
    kubectl.apply([obj], dry_run=test, force_conflicts=False, what=f"{obj['kind']} {meta['name']}")
    if test:
        return result
    kind = f"{obj['kind'].lower()}s.{obj['apiVersion'].partition('/')[0]}"
    while True:
        live = _existing(kubectl, kind, meta["name"], meta["namespace"])
        found = runs.parse(live)
        seconds = round(time.monotonic() - begin, 1)
        if found.phase in runs.FAILED:
            raise errors.NotReady(
                f"{obj['kind']} {meta['name']} is {found.phase}: {found.reason or 'no reason given'}; "
                f"the engine's log has more (docs/services/backup.md)"
            )
        if runs.found_nothing(live):
            spaces = ", ".join(obj["spec"]["includedNamespaces"])
            raise errors.Invalid(
                f"{meta['name']} is {found.phase} and restored nothing: the backup has no namespace {spaces}",
                "namespace",
                "not in the backup",
            )
        if found.succeeded:
            return result | {"phase": found.phase, "seconds": seconds}
        if seconds > timeout_s:
            raise errors.CommandTimeout(
                f"{obj['kind']} {meta['name']} timed out after {timeout_s:g} s; it keeps running"
            )
        time.sleep(POLL_INTERVAL_S)


def _object(
    engine: str, kind: str, space: str, name: str, spec: Mapping[str, Any], schedule: str = ""
) -> dict[str, Any]:
    meta = {"name": name, "namespace": space, "labels": {runs.SCHEDULE_LABEL: schedule} if schedule else {}}
    return {"apiVersion": f"{_group(engine)}/v1", "kind": kind, "metadata": meta, "spec": dict(spec)}


def _shared(schedule: Mapping[str, Any]) -> dict[str, Any]:
    """What K8up gives to each run of a schedule."""
    return {key: schedule["spec"][key] for key in ("backend", "podSecurityContext") if key in schedule["spec"]}


def _space(engine: str, namespace: str | None) -> str:
    if engine == VELERO:
        return NAMESPACE
    if not namespace:
        raise errors.Invalid("namespace: k8up backs up one namespace at a time", "namespace", "required with k8up")
    return target.checked_name("namespace", namespace)


def _own_schedule(kubectl: Kubectl, namespace: str) -> dict[str, Any] | None:
    """Return Velero's Schedule that names a namespace, a tenant's with its retention; None when none does."""
    for obj in kubectl.objects("get", "schedules.velero.io", "--namespace", NAMESPACE, what="get schedules"):
        if namespace in (obj["spec"]["template"].get("includedNamespaces") or ()):
            return obj
    return None


def _schedule(kubectl: Kubectl, engine: str, space: str) -> dict[str, Any]:
    return _existing(kubectl, f"schedules.{_group(engine)}", SCHEDULE, space)


def _group(engine: str) -> str:
    if engine not in (VELERO, K8UP):
        raise errors.Invalid(f"engine {engine}: expected velero or k8up", "engine", "not supported here")
    return f"{engine}.io"


def _list(kubectl: Kubectl, kind: str) -> list[dict[str, Any]]:
    return kubectl.objects("get", kind, "--all-namespaces", what=f"get {kind}")


def _get(kubectl: Kubectl, kind: str, name: str, space: str | None = None) -> dict[str, Any] | None:
    where = ["--namespace", space] if space else []
    found = kubectl.objects("get", kind, name, "--ignore-not-found", *where, what=f"{kind} {name}")
    return found[0] if found else None


def _existing(kubectl: Kubectl, kind: str, name: str, space: str | None = None) -> dict[str, Any]:
    found = _get(kubectl, kind, name, space)
    if found is None:
        where = f" in {space}" if space else ""
        raise errors.Invalid(f"{kind.partition('.')[0].rstrip('s')} {name} not found{where}", kind, "not found")
    return found


def _stamp() -> str:
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%d%H%M%S")
