"""Destroy the VM of a node that left, when Salt Cloud created it for us. No other VM is ever destroyed."""

from __future__ import annotations

from typing import Any

from saltk8s.base import errors
from saltk8s.cloud import records
from saltk8s.cloud.vcenter import Vcenter


def destroy(vcenter: Vcenter, model: dict[str, Any], node: str, typed: str, test: bool) -> dict[str, Any]:
    """Destroy a node's VM with its disks, and its record; return ``changes`` and ``lines``.

    typed: the node's name, as a confirmation. Without a record nothing is done. Raises Refused: another name; the
    pillar declares the node; the VM is not one that was created for us, or not the recorded one; volumes of Kubernetes
    are attached, which would go with it. Raises CommandError of the vCenter.
    """
    if typed != node:
        raise errors.Refused(f"refused, nothing was done: {typed!r} is not the name of the node, {node}")
    if node in model["nodes"]:
        raise errors.Refused(f"refused, nothing was done: {node} is declared: take it out of k8s:nodes first")
    record = records.read(model, node)
    if record is None:
        return {"changes": {}, "lines": [f"no VM is recorded for {node}: none is destroyed"]}
    if not record.created_by_us:
        raise errors.Refused(
            f"refused, nothing was done: the VM of {node} existed before ({record.by}); only one that Salt Cloud "
            f"created for this cluster is destroyed. Destroy it in the vCenter, then remove {records.path(model, node)}"
        )
    what = {"old": record.instance_uuid, "new": None}
    if not vcenter.has(record):  # an earlier call was interrupted after it
        if not test:
            records.remove(model, node)
        return {"changes": {f"record of {node}": what}, "lines": [f"the VM of {node} is gone already"]}
    vm = vcenter.owned(record, node)
    if volumes := vcenter.volumes(vm):
        raise errors.Refused(
            f"refused, nothing was done: volumes of Kubernetes are attached to the VM of {node} and would be destroyed "
            f"with it: {', '.join(volumes)}. Wait until they are detached, or detach them in the vCenter"
        )
    if not test:
        vcenter.destroy(vm)
        records.remove(model, node)
    return {"changes": {f"VM {node}": what}, "lines": [f"VM {node} ({record.instance_uuid}) of {record.provider}"]}
