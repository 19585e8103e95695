"""NFS: a storage class for each export, and the driver that provisions its volumes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from saltk8s.base import redact
from saltk8s.pillar.vocabulary import values
from saltk8s.pillar.vocabulary.types import Bool, Enum, Key, List, Map, Report, Section, Text
from saltk8s.services import common

MEANING = "Volumes on NFS exports: a storage class for each."
NAMESPACES = ("nfs-system",)

DRIVERS = ("csi", "subdir")

ExportPath = Text(
    "the exported path as the server names it, such as /export/k8s",
    r"/([A-Za-z0-9._+-]+(/[A-Za-z0-9._+-]+)*)?",
    test=lambda text: ".." not in text.split("/"),
    doc="path",
)
MountOption = Text(
    "one mount option such as nfsvers=4.1", r"[a-z][a-z0-9_]*(=[A-Za-z0-9.:/_-]+)?", 128, doc="mount option"
)
Permissions = Text('permissions as chmod takes them, in quotes, such as "0770"', r"[0-7]{3,4}", doc="octal permissions")
ProvisionerName = Text(
    "a provisioner's name such as k8s-sigs.io/nfs-subdir-external-provisioner",
    r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(/[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)?",
    253,
    doc="provisioner's name",
)

_EXPORT = Section(
    {
        "server": Key(values.Host, "The NFS server's name or address.", True, "nas1.osug.example"),
        "path": Key(ExportPath, "The exported path; each claim gets a directory in it.", True, "/export/k8s"),
        "reclaim": Key(
            Enum("delete", "archive", "retain"),
            "What happens to a deleted claim's data: the directory is deleted, renamed to "
            "`archived-...`, or kept together "
            "with its PersistentVolume until it is deleted manually.",
        ),
        "default": Key(Bool(), "Whether it is the default storage class."),
        "mount_options": Key(List(MountOption), "Mount options of the volumes.", example=["nfsvers=4.1", "hard"]),
        "permissions": Key(
            Permissions,
            "Permissions of a volume's directory, set when it is mounted (csi only). Default: the "
            "driver's 0755, owned by "
            "root; pods that do not run as root then need an `fsGroup`.",
            example="0770",
        ),
        "driver": Key(Enum(*DRIVERS), "Driver of this export. Default: the service's."),
        "provisioner": Key(
            ProvisionerName,
            "Name of this export's provisioner (subdir only), to take over the volumes of an existing installation. "
            "Default: nfs-subdir/NAME.",
            example="k8s-sigs.io/nfs-subdir-external-provisioner",
        ),
    }
)

SCHEMA = Section(
    {
        "enabled": common.ENABLED,
        "version": Key(values.ReleaseVersion, "Version of csi-driver-nfs."),
        "driver": Key(
            Enum(*DRIVERS),
            "Driver: csi-driver-nfs, or nfs-subdir-external-provisioner, one for each export, for volumes that were "
            "provisioned by it.",
        ),
        "images": common.images("driver", "provisioner", "registrar", "livenessprobe", "subdir"),
        "exports": Key(
            Map(values.DnsLabel, _EXPORT),
            "Exports by name, which is their storage class's name; at least one is needed.",
        ),
        "log_level": Key(Enum("1", "2", "3", "4", "5"), 'Log verbosity of the driver, "1" to "5".'),
    }
)


def _has_an_export(model: dict[str, Any], report: Report) -> None:
    """Without an export no volume can be provisioned."""
    nfs = common.enabled(model, "nfs")
    path = ("k8s", "services", "nfs", "exports")
    if nfs and not nfs["exports"] and not report.has_problem_at(*path):
        report.add(path, "at least one export, or k8s:services:nfs:enabled: false", "none")


def _exports(model: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield name, section and driver of each export of the enabled service."""
    nfs = common.enabled(model, "nfs") or {}
    for name, export in (nfs.get("exports") or {}).items():
        yield name, export, export["driver"] or nfs["driver"]


def _keys_match_the_driver(model: dict[str, Any], report: Report) -> None:
    """A key that the export's driver ignores is rejected."""
    for name, export, driver in _exports(model):
        for key, needed in (("permissions", "csi"), ("provisioner", "subdir")):
            if export[key] and driver and driver != needed:
                path = ("k8s", "services", "nfs", "exports", name, key)
                report.add(path, f"this key with driver {needed} only", redact.show(export[key]))


def _provisioners_differ(model: dict[str, Any], report: Report) -> None:
    """Two provisioners of one name would provision volumes in each other's export."""
    seen: dict[str, str] = {}
    for name, export, driver in _exports(model):
        if driver != "subdir":
            continue
        provisioner = export["provisioner"] or f"nfs-subdir/{name}"
        other = seen.setdefault(provisioner, name)
        if other != name:
            path = ("k8s", "services", "nfs", "exports", name, "provisioner")
            report.add(path, f"another name than that of the export {other}", redact.show(provisioner))


RULES = (_has_an_export, _keys_match_the_driver, _provisioners_differ)
