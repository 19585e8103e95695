"""Certificates and snapshots of etcd as metrics of Prometheus. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any

from saltk8s.services.prometheus.schema import NAMESPACE

NAME = "upkeep"  # of the ConfigMap that the pod of the highstate's metrics exposes too
SET = "prometheus-upkeep"
LATE = 2  # intervals between two snapshots, after which the newest is too old
MARGIN_S = 3600
_HELP = {
    "saltk8s_certificate_expiry_timestamp_seconds": "Unix time when a certificate of the cluster expires.",
    "saltk8s_etcd_snapshot_timestamp_seconds": "Unix time of the newest snapshot on an etcd node.",
    "saltk8s_etcd_snapshot_age_limit_seconds": "Age at which the newest snapshot is too old.",
    "saltk8s_etcd_snapshot_check_success": "Whether the snapshot that was checked last can be restored.",
    "saltk8s_etcd_snapshot_check_timestamp_seconds": "Unix time of the last check that succeeded.",
    "saltk8s_upkeep_timestamp_seconds": "Unix time of these figures.",
}
Sample = tuple[str, Mapping[str, str], float]


def metrics(
    certificates: Iterable[Mapping[str, Any]],
    snapshots: Iterable[Mapping[str, Any]],
    check: Mapping[str, Any],
    every_s: int,
    at_s: float,
) -> str:
    """Return them in Prometheus' text format.

    certificates, snapshots, check: what k8s_keys.certificates, k8s_etcd.snapshots and k8s_etcd.last_check return;
    every_s: seconds between two snapshots; at_s: Unix time.
    """
    expiry: dict[tuple[str, str], float] = {}
    for row in certificates:
        key, end = (row["where"], row["name"]), _seconds(row["expires"])
        expiry[key] = min(end, expiry.get(key, end))
    newest: dict[str, float] = {}
    for snapshot in snapshots:
        for node in snapshot["nodes"]:
            newest[node] = max(_seconds(snapshot["taken"]), newest.get(node, 0))
    samples: list[Sample] = [
        *(
            ("saltk8s_certificate_expiry_timestamp_seconds", {"where": where, "certificate": name}, end)
            for (where, name), end in expiry.items()
        ),
        *(("saltk8s_etcd_snapshot_timestamp_seconds", {"node": node}, at) for node, at in newest.items()),
        ("saltk8s_etcd_snapshot_age_limit_seconds", {}, LATE * every_s + MARGIN_S),
        ("saltk8s_upkeep_timestamp_seconds", {}, at_s),
    ]
    if check:
        samples.append(("saltk8s_etcd_snapshot_check_success", {}, float(bool(check.get("ok")))))
    if check.get("succeeded"):
        samples.append(("saltk8s_etcd_snapshot_check_timestamp_seconds", {}, check["succeeded"]))
    return "\n".join([*_text(samples)]) + "\n"


def config_map(content: str) -> dict[str, Any]:
    """Return the ConfigMap with the metrics."""
    metadata = {"name": NAME, "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {f"{NAME}.prom": content}}


def _text(samples: list[Sample]) -> Iterable[str]:
    for name, text in _HELP.items():
        mine = [(labels, value) for found, labels, value in samples if found == name]
        if mine:
            yield from (f"# HELP {name} {text}", f"# TYPE {name} gauge")
        for labels, value in mine:
            inside = ",".join(f'{key}="{_escaped(one)}"' for key, one in labels.items())
            yield f"{name}{{{inside}}} {value:.0f}" if inside else f"{name} {value:.0f}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _seconds(text: str) -> float:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc).timestamp()
