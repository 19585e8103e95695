"""Back to a snapshot: what is lost, what restarts, and from where ``rke`` takes the snapshot and the state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from saltk8s.base import errors
from saltk8s.engine.rke.snapshots import listing
from saltk8s.engine.rke.state import copies
from saltk8s.engine.rke.upkeep.access import Access
from saltk8s.engine.rke.upkeep.operation import Operation
from saltk8s.pillar.vocabulary.roles import ETCD

NAME = "restore of a snapshot"
COMMAND = "k8s_etcd.restore"


def goes_on(access: Access) -> bool:
    """Whether a restore began and did not end: rke has taken the cluster apart by then."""
    return access.execution.began.get("operation") == NAME


def preview(access: Access, name: str) -> Operation:
    """Return what it does. Raises Refused when no etcd node has the snapshot, or there is no state to restore with."""
    members = {one["hostname_override"]: one["address"] for one in access.config["nodes"] if ETCD in one["role"]}
    rows = listing.read(access, members)
    there = [row for row in rows if row.name == name]
    s3 = bool(access.config["services"]["etcd"].get("backup_config", {}).get("s3backupconfig"))
    if not there and not s3:
        listing.choose(rows, name, None)
    if copies.read(access.paths) is None and not there:
        raise errors.Refused(
            f"there is no state {access.paths['state_file']}: without it, nobody knows the keys of this snapshot"
        )
    source = "the bucket" if s3 else ", ".join(row.node for row in there)
    config = access.config
    return operation(
        name, members, source, access.paths["state_file"], config["kubernetes_version"], len(config["nodes"])
    )


def operation(name: str, members: Iterable[str], source: str, state: str, version: str, nodes: int) -> Operation:
    """Return it. members: nodes with etcd; source: where the snapshot is; state: path; nodes: how many."""
    lines = [
        f"everything that was written to the cluster since the snapshot {name} is lost; volumes are not touched",
        f"the snapshot comes from {source}; the state with the keys from its archive if that has one, else from "
        f"{state}, a copy of which is kept",
        f"rke stops and removes all of its containers on all {nodes} nodes, restores etcd on {', '.join(members)}, and "
        f"builds the cluster again with Kubernetes {version}, as declared",
        "until it has ended, nothing can be changed and pods that stop are not started again",
        "afterwards: state.apply k8s, which brings what was declared since",
    ]
    words = ["etcd", "snapshot-restore", "--name", name]
    return Operation(NAME, f"{COMMAND} {name}", words, lines, snapshot=False, gated=False)


def told(found: Mapping[str, Any]) -> str:
    """Return what a check of the snapshot found."""
    return f"checked: {found['keys']} keys, {found['objects']['namespaces']} namespaces; Secrets: {found['secrets']}"
