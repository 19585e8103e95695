"""Backups by hand: how old the last one is, one more right now, and back again. For Velero and for K8up.

Velero has its objects in a namespace of its own, K8up in the namespace that is saved. An ``engine`` knows where its
objects are and what their end looks like; everything else is the same for both.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from saltk8s.base import errors
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.operations import target

SCHEDULE = "platform"  # what the formula declares
PAUSE_S = 1.0
VELERO = "velero"
GOOD = ("Completed", "Succeeded")
BAD = ("Failed", "PartiallyFailed", "FailedValidation", "FinalizingPartiallyFailed")
BY_SCHEDULE = "velero.io/schedule-name"


class Run(NamedTuple):
    """A backup or a restore as both engines tell it.

    phase: Velero's, or the reason of K8up's condition ``Completed``; empty while it runs; ended: UTC, or None.
    """

    name: str
    namespace: str
    phase: str
    ended: datetime.datetime | None
    why: str
    schedule: str


def state(obj: Mapping[str, Any]) -> Run:
    """Return what a Backup or a Restore of either engine says of itself."""
    meta, status = obj["metadata"], obj.get("status") or {}
    if obj["apiVersion"].startswith("velero.io/"):
        phase, ended = status.get("phase") or "", status.get("completionTimestamp")
        counts = [f"{status[key]} {key}" for key in ("errors", "warnings") if status.get(key)]
        why = "; ".join([*(status.get("validationErrors") or ()), status.get("failureReason") or "", *counts])
        schedule = (meta.get("labels") or {}).get(BY_SCHEDULE, "")
    else:
        done = _condition(status, "Completed")
        phase, ended, why = done.get("reason", ""), done.get("lastTransitionTime"), done.get("message", "")
        owners = [one["name"] for one in meta.get("ownerReferences") or () if one.get("kind") == "Schedule"]
        schedule = owners[0] if owners else (meta.get("labels") or {}).get(BY_SCHEDULE, "")
    known = phase if phase in GOOD + BAD else ""
    return Run(meta["name"], meta["namespace"], known, _time(ended) if known else None, why.strip("; "), schedule)


def status(kubectl: Kubectl, engine: str, now: datetime.datetime | None = None) -> list[dict[str, Any]]:
    """Return one entry a schedule: ``schedule``, ``namespace``, ``when`` (cron), ``last_success`` (name of a backup, or
    None), ``age_s`` of it, ``last`` (name of the newest that has ended), ``phase`` and ``why`` of that one, ``well``
    (whether the newest went well), and ``location`` (Velero: whether it can be written, else why not).
    """
    now = now or datetime.datetime.now(datetime.timezone.utc)
    runs = [state(obj) for obj in _list(kubectl, f"backups.{_group(engine)}")]
    location = _location(kubectl) if engine == VELERO else None
    return [_of_schedule(one, runs, engine, now, location) for one in _list(kubectl, f"schedules.{_group(engine)}")]


def _of_schedule(
    obj: Mapping[str, Any], runs: list[Run], engine: str, now: datetime.datetime, location: str | None
) -> dict[str, Any]:
    meta, spec = obj["metadata"], obj["spec"]
    own = [run for run in runs if run.ended and (run.schedule, run.namespace) == (meta["name"], meta["namespace"])]
    own.sort(key=lambda run: run.ended)
    good = [run for run in own if run.phase in GOOD]
    last = own[-1] if own else None
    return {
        "schedule": meta["name"],
        "namespace": meta["namespace"],
        "when": spec["schedule"] if engine == VELERO else (spec.get("backup") or {}).get("schedule"),
        "last_success": good[-1].name if good else None,
        "age_s": int((now - good[-1].ended).total_seconds()) if good else None,
        "last": last.name if last else None,
        "phase": last.phase if last else None,
        "why": last.why if last else "none has ended yet",
        "well": bool(last and last.phase in GOOD),
        "location": location,
    }


def _location(kubectl: Kubectl) -> str:
    for obj in _list(kubectl, "backupstoragelocations.velero.io"):
        if obj["metadata"]["name"] == "default":
            found = obj.get("status") or {}
            return found.get("phase", "not looked at yet") + (f": {found['message']}" if found.get("message") else "")
    return "is not declared"


def backup(kubectl: Kubectl, engine: str, namespace: str | None, timeout_s: float, test: bool) -> dict[str, Any]:
    """Make a backup as the platform's schedule would; return ``name``, ``namespace``, ``phase`` and ``seconds``.

    namespace: save this one alone; K8up needs it. ``phase`` is None in test mode.
    """
    space = _space(engine, namespace)
    schedule = _schedule(kubectl, engine, space)
    name = f"{SCHEDULE}-{_stamp()}"
    if engine == VELERO:
        spec = dict(schedule["spec"]["template"])
        if namespace:
            _existing(kubectl, "namespace", namespace)
            spec |= {"includedNamespaces": [target.plain("namespace", namespace)], "excludedNamespaces": []}
    else:
        left_out = ("schedule", "concurrentRunsAllowed")
        spec = {key: value for key, value in schedule["spec"]["backup"].items() if key not in left_out}
        spec |= _shared(schedule)
    return _carry_out(kubectl, _object(engine, "Backup", space, name, spec), timeout_s, test)


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
    """Bring a namespace back from a backup (Velero), or files into a claim (K8up); return what backup() returns.

    name: of Velero's Backup, or of K8up's snapshot; to: Velero: another namespace; K8up: the claim; existing: Velero:
    go on although the namespace is there (what is there stays as it is). Raises Refused and Invalid before anything is
    done.
    """
    namespace = target.plain("namespace", namespace)
    if engine == VELERO:
        spec = _from_velero(kubectl, name, namespace, to, existing)
        return _carry_out(kubectl, _object(engine, "Restore", VELERO, f"{name}-{_stamp()}", spec), timeout_s, test)
    if not to:
        raise errors.Invalid("to: expected the claim that the files go into", "to", "it is needed with k8up")
    _existing(kubectl, "persistentvolumeclaim", to, namespace)
    schedule = _schedule(kubectl, engine, namespace)
    spec = _shared(schedule) | {"snapshot": name, "restoreMethod": {"folder": {"claimName": to}}}
    if "volumes" in schedule["spec"]["backup"]:
        spec["volumes"] = schedule["spec"]["backup"]["volumes"]
    restored = _object(engine, "Restore", namespace, f"{SCHEDULE}-{_stamp()}", spec)
    return _carry_out(kubectl, restored, timeout_s, test)


def _from_velero(kubectl: Kubectl, name: str, namespace: str, to: str | None, existing: bool) -> dict[str, Any]:
    saved = _existing(kubectl, "backups.velero.io", target.plain("name", name), VELERO)
    found, spec = state(saved), saved.get("spec") or {}
    if found.phase not in (*GOOD, "PartiallyFailed"):
        raise errors.Refused(
            f"backup {name} is {(saved.get('status') or {}).get('phase') or 'not done'}: nothing to "
            f"restore; {found.why or 'wait for its end'}"
        )
    inside = spec.get("includedNamespaces") or ["*"]
    if ("*" not in inside and namespace not in inside) or namespace in (spec.get("excludedNamespaces") or ()):
        raise errors.Invalid(f"backup {name} does not hold the namespace {namespace}", "namespace", "it was not saved")
    goal = target.plain("to", to) if to else namespace
    if not existing and _get(kubectl, "namespace", goal):
        raise errors.Refused(
            f"namespace {goal} is there: Velero leaves what exists as it is, and volumes keep their "
            "files. Delete it first, restore to another name (to=), or say existing=True"
        )
    mapping = {"namespaceMapping": {namespace: goal}} if goal != namespace else {}
    return {"backupName": name, "includedNamespaces": [namespace], **mapping}


def _carry_out(kubectl: Kubectl, obj: dict[str, Any], timeout_s: float, test: bool) -> dict[str, Any]:
    meta, begin = obj["metadata"], time.monotonic()
    told = {"kind": obj["kind"], "name": meta["name"], "namespace": meta["namespace"], "phase": None, "seconds": 0.0}
    kubectl.apply([obj], dry_run=test, force_conflicts=False, what=f"{obj['kind']} {meta['name']}")
    if test:
        return told
    kind = f"{obj['kind'].lower()}s.{obj['apiVersion'].partition('/')[0]}"
    while True:
        found = state(_existing(kubectl, kind, meta["name"], meta["namespace"]))
        seconds = round(time.monotonic() - begin, 1)
        if found.phase in BAD:
            raise errors.NotReady(
                f"{obj['kind']} {meta['name']} is {found.phase}: {found.why or 'no reason given'}; "
                f"the engine's log has more (docs/services/backup.md)"
            )
        if found.phase in GOOD:
            return told | {"phase": found.phase, "seconds": seconds}
        if seconds > timeout_s:
            raise errors.CommandTimeout(f"{obj['kind']} {meta['name']}: no end within {timeout_s:g} s; it goes on")
        time.sleep(PAUSE_S)


def _object(engine: str, kind: str, space: str, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    meta = {"name": name, "namespace": space, "labels": {BY_SCHEDULE: SCHEDULE} if kind == "Backup" else {}}
    return {"apiVersion": f"{_group(engine)}/v1", "kind": kind, "metadata": meta, "spec": dict(spec)}


def _shared(schedule: Mapping[str, Any]) -> dict[str, Any]:
    """What K8up gives to each run of a schedule."""
    return {key: schedule["spec"][key] for key in ("backend", "podSecurityContext") if key in schedule["spec"]}


def _space(engine: str, namespace: str | None) -> str:
    if engine == VELERO:
        return VELERO
    if not namespace:
        raise errors.Invalid("namespace: k8up saves one namespace at a time", "namespace", "it is needed with k8up")
    return target.plain("namespace", namespace)


def _schedule(kubectl: Kubectl, engine: str, space: str) -> dict[str, Any]:
    return _existing(kubectl, f"schedules.{_group(engine)}", SCHEDULE, space)


def _group(engine: str) -> str:
    if engine not in (VELERO, "k8up"):
        raise errors.Invalid(f"engine {engine}: only velero and k8up can be asked", "engine", "it has its own commands")
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
        raise errors.Invalid(f"there is no {kind.partition('.')[0].rstrip('s')} {name}{where}", kind, "it is not there")
    return found


def _condition(status: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    return next((one for one in status.get("conditions") or () if one.get("type") == kind), {})


def _time(text: str | None) -> datetime.datetime | None:
    if not text:
        return None
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc)


def _stamp() -> str:
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%d%H%M%S")
