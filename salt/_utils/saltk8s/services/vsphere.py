"""vSphere: cloud controller manager (CPI), and volumes on its datastores (CSI)."""

from __future__ import annotations

from typing import Any

from saltk8s.base import redact
from saltk8s.pillar.vocabulary import compatible, values
from saltk8s.pillar.vocabulary.types import Bool, Enum, Int, Key, List, Map, Report, Section, Text
from saltk8s.services import common

MEANING = "vSphere: cloud controller manager, and volumes on its datastores."
NAMESPACES = ("vsphere-system",)

StorageName = Text("a storage policy's name in the vCenter", r"[^\x00-\x1f\x7f\"\\]+", 80, doc="name")
DatastoreUrl = Text(
    "a datastore's URL as the vCenter shows it, such as ds:///vmfs/volumes/5a1b-93c2/", r"ds:///[^\s\"\\]+/", doc="URL"
)
UserName = Text("a vCenter account such as k8s@vsphere.local", r"[^\x00-\x1f\x7f\s\"]+", 256, doc="account")
DatacenterName = Text("a datacenter's name or inventory path", r"[^\x00-\x1f\x7f\",\\]+", 256, doc="name")

_CLASS = Section(
    {
        "policy": Key(StorageName, "Storage policy of the volumes; this or `datastore`.", example="k8s-san"),
        "datastore": Key(
            DatastoreUrl, "URL of the volumes' datastore; this or `policy`.", example="ds:///vmfs/volumes/5a1b-93c2/"
        ),
        "default": Key(Bool(), "Whether it is the default storage class."),
        "reclaim": Key(Enum("delete", "retain"), "Reclaim policy."),
        "expand": Key(Bool(), "Whether claims may be expanded."),
        "fs": Key(Enum("ext4", "xfs"), "File system of new volumes."),
    }
)

SCHEMA = Section(
    {
        "enabled": common.ENABLED,
        "version": Key(values.ReleaseVersion, "Version of the CSI driver and its syncer."),
        "cpi_version": Key(values.ReleaseVersion, "Version of the cloud controller manager."),
        "images": common.images(
            *("cpi", "driver", "syncer", "provisioner", "attacher", "resizer", "registrar", "livenessprobe"),
            versions=("version", "cpi_version"),
        ),
        "server": Key(
            values.Host, "The vCenter. Default: that of `k8s:cloud:provider`.", example="vcenter.osug.example"
        ),
        "port": Key(Int(1, 65535), "The vCenter's port. Default: that of `k8s:cloud:provider`.", example=443),
        "verify_ssl": Key(Bool(), "Whether its certificate is verified. Default: as `k8s:cloud:provider`."),
        "ca": Key(values.Certificate, "CA of the vCenter's certificate, where the images do not trust it."),
        "datacenters": Key(
            List(DatacenterName),
            "Datacenters of the nodes; that of `k8s:cloud:defaults` when empty.",
            example=["OSUG"],
        ),
        "user": Key(
            UserName,
            "Account for nodes and volumes. Not that of Salt Cloud: it needs fewer privileges.",
            example="k8s@osug",
        ),
        "password": Key(values.password(""), "Its password; the admin only."),
        "storage_classes": Key(Map(values.DnsLabel, _CLASS), "Storage classes by name."),
        "replicas": Key(Int(1, 3), "Replicas of the CSI controller, on control plane nodes; one is active."),
    }
)


def vcenter(model: dict[str, Any]) -> dict[str, Any]:
    """Return server, port, verify_ssl and datacenters: own values, or those of k8s:cloud where there are none."""
    own, cloud = model["services"]["vsphere"], model.get("cloud") or {}
    provider, defaults = cloud.get("provider") or {}, cloud.get("defaults") or {}
    known = [defaults["datacenter"]] if defaults.get("datacenter") else []
    verify = own["verify_ssl"] if own["verify_ssl"] is not None else provider.get("verify_ssl", True)
    return {
        "server": own["server"] or provider.get("url"),
        "port": own["port"] or provider.get("port") or 443,
        "verify_ssl": verify is not False,
        "datacenters": own["datacenters"] or known,
    }


def complete(model: dict[str, Any]) -> None:
    """Fill in the vCenter's values in the service's part of a model."""
    model["services"]["vsphere"].update(vcenter(model))


def _versions_are_compatible(model: dict[str, Any], report: Report) -> None:
    """An untested combination of versions is rejected: it fails only when a node or a volume is missing."""
    vsphere = common.enabled(model, "vsphere")
    cluster = compatible.minor((model["cluster"] or {}).get("version"))
    if not vsphere or not cluster:
        return
    where = ("k8s", "services", "vsphere")
    if not all(compatible.fitting("vsphere", key, cluster) for key in ("cpi_version", "version")):
        every = [row for row in compatible.TABLE if row.service == "vsphere"]
        known = sorted({number for row in every for number in (row.first, row.last) if number})
        expected = f"Kubernetes {', '.join(map(compatible.words, known))}, or enabled: false"
        report.add(where, expected, f"Kubernetes {compatible.words(cluster)}")
        return
    for key in ("cpi_version", "version"):
        fitting, version = compatible.fitting("vsphere", key, cluster), compatible.minor(vsphere[key])
        if version and compatible.words(version) not in fitting:
            expected = f"v{' or v'.join(fitting)}, which is known to work with Kubernetes {compatible.words(cluster)}"
            report.add((*where, key), expected, redact.show(vsphere[key]))


def _has_a_vcenter(model: dict[str, Any], report: Report) -> None:
    """Both programs need a vCenter and its account."""
    vsphere = common.enabled(model, "vsphere")
    if not vsphere:
        return
    where, place = ("k8s", "services", "vsphere"), vcenter(model)
    lacking = {
        "server": None if place["server"] or report.has_problem_at("k8s", "cloud")
        else "a vCenter, here or in k8s:cloud:provider",
        "datacenters": None if place["datacenters"] or report.has_problem_at("k8s", "cloud")
        else "a datacenter, here or in k8s:cloud:defaults",
        "user": None if vsphere["user"] else "a vCenter account for nodes and volumes",
        "password": None if vsphere["password"] or "admin" not in report.secrets_of
        else "the password of k8s:services:vsphere:user",
    }  # fmt: skip
    for key, expected in lacking.items():
        if expected and not report.has_problem_at(*where, key):
            report.add((*where, key), expected, "nothing")


def _a_class_has_one_target(model: dict[str, Any], report: Report) -> None:
    """A storage class has either a policy or a datastore."""
    for name, spec in ((common.enabled(model, "vsphere") or {}).get("storage_classes") or {}).items():
        path = ("k8s", "services", "vsphere", "storage_classes", name)
        if bool(spec["policy"]) == bool(spec["datastore"]) and not report.has_problem_at(*path):
            report.add(path, "either a policy or a datastore", "both" if spec["policy"] else "neither")


RULES = (_versions_are_compatible, _has_a_vcenter, _a_class_has_one_target)
