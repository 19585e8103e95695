"""Backup: what is backed up when, to which location, and by which of three engines."""

from __future__ import annotations

from typing import Any

from saltk8s.pillar.vocabulary import locations, values
from saltk8s.pillar.vocabulary.cron import Cron
from saltk8s.pillar.vocabulary.types import Bool, Enum, Key, List, Map, Report, Section, Text
from saltk8s.services import common
from saltk8s.services.backup import places

MEANING = "Backups of the cluster's objects and of the files in its volumes."
ENGINE_NAMESPACES = {"velero": "velero", "k8up": "k8up-system", "stash": "stash"}
NAMESPACES = tuple(ENGINE_NAMESPACES.values())
PATH = ("k8s", "services", "backup")
IMAGES = {"velero": ("velero", "velero_plugin_aws"), "k8up": ("k8up",), "stash": ("stash",)}
KINDS = {"velero": ("s3",), "k8up": ("s3", "nfs"), "stash": ("s3", "nfs")}  # of locations

_Command = List(Text("a word of a command line", r"[^\x00]+", 4096), least=1)

_HOOK = Section(
    {
        "namespace": Key(values.DnsLabel, "The workload's namespace.", True, "grafana"),
        "selector": Key(values.Labels, "Labels of the workload's pods.", example={"app": "postgres"}),
        "container": Key(values.DnsLabel, "Container that the commands run in; the pod's first when absent."),
        "before": Key(
            _Command,
            "Command before the backup. With K8up, its output is what is backed up.",
            True,
            ["/bin/sh", "-c", "pg_dumpall -U postgres > /data/dump.sql"],
        ),
        "after": Key(_Command, "Command after the backup; not with K8up.", example=["rm", "/data/dump.sql"]),
        "timeout": Key(values.Duration, "Timeout of a command."),
        "on_error": Key(Enum("fail", "continue"), "Whether a failed command fails the backup."),
        "image": Key(values.Image, "With K8up: image of the pod that runs `before`.", example="postgres:16.4"),
    }
)

_TARGET = Section(
    {
        "namespace": Key(values.DnsLabel, "The workload's namespace.", True, "grafana"),
        "kind": Key(
            Enum("Deployment", "StatefulSet", "DaemonSet", "PersistentVolumeClaim"), "What it is.", True, "StatefulSet"
        ),
        "name": Key(values.DnsName, "Its name.", True, "postgres"),
        "volume": Key(values.DnsLabel, "The volume of its pods that is backed up; not for a claim.", example="data"),
        "paths": Key(
            List(values.AbsolutePath),
            "Paths of the volume that are backed up, as mounted in the pods.",
            example=["/data"],
        ),
        "hook": Key(values.DnsLabel, "Its entry of `hooks`.", example="postgres"),
    }
)

_STASH = Section(
    {
        "license": Key(
            values.pem_text("", "the licence of AppsCode for this cluster", "secret: licence"),
            "Stash's licence; without one its operator stops. The admin only.",
        ),
        "targets": Key(Map(values.DnsLabel, _TARGET), "Workloads that Stash backs up."),
    }
)

SCHEMA = Section(
    {
        "enabled": common.ENABLED,
        "engine": Key(
            Enum("velero", "k8up", "stash"),
            "`velero`: objects and files, to S3. `k8up`: files of volumes, to S3 or NFS, self-service in a namespace. "
            "`stash`: needs a licence.",
        ),
        "images": common.images("velero", "velero_plugin_aws", "k8up", "stash", versions=()),
        "location": Key(values.DnsLabel, "The entry of `k8s:locations` that backups go to.", example="backup"),
        "schedule": Key(Cron, "Cron schedule, in UTC."),
        "keep": Key(values.Duration, "Retention. K8up and Stash keep one a day, for at least a day."),
        "namespaces": Key(
            Section(
                {
                    "include": Key(List(values.DnsLabel), "Those that are backed up; all when empty.", example=["web"]),
                    "exclude": Key(List(values.DnsLabel), "Those that are not; Velero only.", example=["scratch"]),
                }
            ),
            "Namespaces that are backed up.",
        ),
        "volumes": Key(
            Bool(), "Whether the files in volumes are backed up, too (Velero; the others back up only those)."
        ),
        "volumes_timeout": Key(values.Duration, "Timeout for the files of one volume."),
        "encryption_password": Key(
            values.password(""),
            "Encrypts the files of volumes. Keep a copy elsewhere: without it none can be restored.",
        ),
        "hooks": Key(Map(values.DnsLabel, _HOOK), "Commands before and after the backup of a workload, for databases."),
        "kubelet_dir": Key(values.AbsolutePath, "The kubelets' root directory, where volumes are mounted on a node."),
        "stash": Key(_STASH, "Settings of Stash."),
    }
)


def namespaces(model: dict[str, Any]) -> tuple[str, ...]:
    """Return the namespace of the chosen engine."""
    return (ENGINE_NAMESPACES[model["services"]["backup"]["engine"]],)


def complete(model: dict[str, Any]) -> None:
    """Add durations in the engines' units and the schedules, and keep only the images of the chosen engine.

    ``keep_hours``; ``keep_days``, at least one, the unit of restic's retention; ``timeout_s`` of each hook;
    ``schedules``: see _schedules(); Stash's targets: see _targets(); ``owners``: see places.owners().
    """
    service = model["services"]["backup"]
    service |= _kept(service["keep"])
    service["schedules"] = _schedules(model, service)
    if service["stash"]:
        service["stash"]["targets"] = _targets(model, service)
    service["owners"] = places.owners(model)
    for hook in service["hooks"].values():
        hook["timeout_s"] = values.seconds(hook["timeout"])
    service["images"] = {name: image for name, image in service["images"].items() if name in IMAGES[service["engine"]]}


def _kept(keep: str) -> dict[str, int]:
    seconds = values.seconds(keep)
    return {f"keep_{unit}": max(1, seconds // values.SECONDS[unit[0]]) for unit in ("hours", "days")}


def _schedules(model: dict[str, Any], service: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the schedules: ``name``, ``schedule`` (cron), ``keep_hours``, ``keep_days``, ``include``, ``exclude``.

    A tenant with a schedule or a retention of its own has one for its namespaces; the platform's has all the others
    but those of tenants that are not backed up.
    """
    own, apart = [], set()
    tenants = model.get("tenants") if common.enabled(model, "tenants") else None
    for name, tenant in (tenants or {}).items():
        wanted, spaces = tenant["backup"], common.namespaces(name, tenant)
        given = wanted["enabled"] and (wanted["schedule"] or wanted["keep"])
        if given or not wanted["enabled"]:
            apart |= {*spaces}
        if given:
            times = {"schedule": wanted["schedule"] or service["schedule"], **_kept(wanted["keep"] or service["keep"])}
            own.append({"name": f"tenant-{name}", **times, "include": spaces, "exclude": []})
    chosen = service["namespaces"]
    include = [space for space in chosen["include"] if space not in apart]
    exclude = (
        [*chosen["exclude"], *sorted(apart - {*chosen["exclude"]})] if not chosen["include"] else chosen["exclude"]
    )
    platform = {"name": "platform", "schedule": service["schedule"], **_kept(service["keep"])}
    if chosen["include"] and not include:
        return own
    return [platform | {"include": include, "exclude": exclude}, *own]


def _targets(model: dict[str, Any], service: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return Stash's targets, with ``schedule`` and ``keep_days``, without those of tenants that are not backed up."""
    tenants = model.get("tenants") if common.enabled(model, "tenants") else None
    own = {
        space: tenant["backup"] for name, tenant in (tenants or {}).items() for space in common.namespaces(name, tenant)
    }
    found = {}
    for name, target in (service["stash"]["targets"] or {}).items():
        wanted = own.get(target["namespace"]) or {"enabled": True, "schedule": None, "keep": None}
        if wanted["enabled"]:
            days = _kept(wanted["keep"] or service["keep"])["keep_days"]
            found[name] = target | {"schedule": wanted["schedule"] or service["schedule"], "keep_days": days}
    return found


def _of(model: dict[str, Any]) -> dict[str, Any] | None:
    service = common.enabled(model, "backup")
    return service if service and service["engine"] else None


def _location(model: dict[str, Any], report: Report) -> None:
    """A backup needs a location that its engine supports, and a password."""
    service = _of(model)
    if not service:
        return
    path = (*PATH, "location")
    if not service["location"] and not report.has_problem_at(*path):
        report.add(path, "a location of k8s:locations, or k8s:services:backup:enabled: false", "nothing")
    locations.find(model, service["location"], path, report, KINDS[service["engine"]])
    path = (*PATH, "encryption_password")
    if "admin" in report.secrets_of and not service["encryption_password"] and not report.has_problem_at(*path):
        report.add(path, "a secret text on one line, not empty", "nothing")


def _names(model: dict[str, Any], report: Report) -> None:
    """Namespaces: what only Velero supports, and what K8up needs."""
    service = _of(model)
    if not service:
        return
    chosen, path = service["namespaces"] or {}, (*PATH, "namespaces")
    if service["engine"] == "velero":
        for name in sorted({*(chosen.get("include") or ())} & {*(chosen.get("exclude") or ())}):
            report.add((*path, "exclude"), "no namespace that is in include too", repr(name))
        return
    if chosen.get("exclude") and not report.has_problem_at(*path):
        report.add((*path, "exclude"), "nothing: only velero can exclude namespaces", "a list")
    if service["engine"] == "k8up":
        if not chosen.get("include") and not report.has_problem_at(*path, "include"):
            report.add((*path, "include"), "at least one namespace: k8up has one schedule per namespace", "none")
        for name, hook in (service["hooks"] or {}).items():
            here = (*PATH, "hooks", name, "image")
            if not hook["image"] and not report.has_problem_at(*here):
                report.add(here, "the image that runs the command: k8up starts a pod for it", "nothing")


def _stash(model: dict[str, Any], report: Report) -> None:
    """Stash: image and licence, which this pack does not provide."""
    service = _of(model)
    if not service or service["engine"] != "stash":
        return
    own = service["stash"] or {}
    if not (service["images"] or {}).get("stash") and not report.has_problem_at(*PATH, "images"):
        report.add((*PATH, "images", "stash"), "the image of Stash's operator that your licence covers", "nothing")
    path = (*PATH, "stash")
    if "admin" in report.secrets_of and not own.get("license") and not report.has_problem_at(*path, "license"):
        report.add((*path, "license"), "the licence of AppsCode for this cluster", "nothing")
    if not own.get("targets") and not report.has_problem_at(*path, "targets"):
        report.add((*path, "targets"), "at least one workload", "none")
    for name, target in (own.get("targets") or {}).items():
        here = (*path, "targets", name)
        if target["hook"] and target["hook"] not in (service["hooks"] or {}) and not report.has_problem_at(*here):
            report.add((*here, "hook"), "an entry of k8s:services:backup:hooks", repr(target["hook"]))
        needs_volume = target["kind"] not in (None, "PersistentVolumeClaim")
        if needs_volume and not (target["volume"] and target["paths"]) and not report.has_problem_at(*here):
            report.add(here, "volume and paths, which a workload needs", "not both")


RULES = (_location, _names, _stash, *places.RULES)
