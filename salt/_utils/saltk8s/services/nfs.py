"""NFS: a storage class for each export, and who makes the volumes in it."""

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
            "What becomes of a deleted claim's data: the directory is deleted; it is renamed to `archived-...`; or "
            "directory and PersistentVolume stay until somebody deletes them.",
        ),
        "default": Key(Bool(), "Whether claims that name no storage class get this one."),
        "mount_options": Key(List(MountOption), "Mount options of the volumes.", example=["nfsvers=4.1", "hard"]),
        "permissions": Key(
            Permissions,
            "Permissions that a volume's directory is given when it is mounted (csi alone); as the driver makes it "
            "(0755, of root) when not given: then pods that are not root need an `fsGroup`.",
            example="0770",
        ),
        "driver": Key(Enum(*DRIVERS), "The driver of this export, where it is another one than the service's."),
        "provisioner": Key(
            ProvisionerName,
            "Name under which the provisioner of this export works (subdir alone): that of the installation whose "
            "volumes it takes over; nfs-subdir/NAME when not given.",
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
            "Who makes the volumes: csi-driver-nfs, or nfs-subdir-external-provisioner, one for each export, which is "
            "here for volumes that were made by it.",
        ),
        "images": common.images("driver", "provisioner", "registrar", "livenessprobe", "subdir"),
        "exports": Key(
            Map(values.DnsLabel, _EXPORT),
            "Exports by name, which is their storage class's name; at least one is needed.",
        ),
        "log_level": Key(Enum("1", "2", "3", "4", "5"), 'How much the driver logs: "1" (little) to "5".'),
    }
)


def _has_an_export(model: dict[str, Any], report: Report) -> None:
    """Without an export there is nowhere to put a volume."""
    nfs = common.enabled(model, "nfs")
    path = ("k8s", "services", "nfs", "exports")
    if nfs and not nfs["exports"] and not report.has_problem_at(*path):
        report.add(path, "at least one export, or k8s:services:nfs:enabled: false", "none")


def _exports(model: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield name, section and driver of each export of the enabled service."""
    nfs = common.enabled(model, "nfs") or {}
    for name, export in (nfs.get("exports") or {}).items():
        yield name, export, export["driver"] or nfs["driver"]


def _keys_suit_the_driver(model: dict[str, Any], report: Report) -> None:
    """A key that the export's driver does not look at would be believed and do nothing."""
    for name, export, driver in _exports(model):
        for key, needed in (("permissions", "csi"), ("provisioner", "subdir")):
            if export[key] and driver and driver != needed:
                path = ("k8s", "services", "nfs", "exports", name, key)
                report.add(path, f"this key with driver {needed} alone", redact.show(export[key]))


def _provisioners_differ(model: dict[str, Any], report: Report) -> None:
    """Two provisioners of one name would make volumes in each other's export."""
    seen: dict[str, str] = {}
    for name, export, driver in _exports(model):
        if driver != "subdir":
            continue
        provisioner = export["provisioner"] or f"nfs-subdir/{name}"
        other = seen.setdefault(provisioner, name)
        if other != name:
            path = ("k8s", "services", "nfs", "exports", name, "provisioner")
            report.add(path, f"another name than that of the export {other}", redact.show(provisioner))


RULES = (_has_an_export, _keys_suit_the_driver, _provisioners_differ)
