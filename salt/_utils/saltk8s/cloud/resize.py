"""Give VMs the size of their shapes, one VM a call. Drains and health are the admin's: see k8s.orch.resize."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from saltk8s.base import errors
from saltk8s.cloud import records, sizes
from saltk8s.cloud.records import Record
from saltk8s.cloud.vcenter import Vcenter

Report = Callable[[str, dict[str, Any]], None]
WAY = "salt-run state.orch k8s.orch.resize drains its node before that: docs/operations/resize.md"


def plans(vcenter: Vcenter, model: dict[str, Any], nodes: Iterable[str] | None) -> dict[str, sizes.Plan]:
    """Return what is to be done for each VM of the pillar that differs from its shape; reads only.

    nodes: names; None for all that have a shape. Raises Refused for one that has none.
    """
    names = [name for name, node in model["nodes"].items() if node["shape"]] if nodes is None else list(nodes)
    found = {name: _plan(vcenter, model, name)[0] for name in names}
    return {name: plan for name, plan in found.items() if not plan.empty}


def resize(
    vcenter: Vcenter, model: dict[str, Any], node: str, off: bool, keep: bool, test: bool, report: Report
) -> dict[str, Any]:
    """Make a node's VM as large as its shape; return ``changes`` and ``lines``.

    off: it may be turned off and on, because its node is drained; keep: its record goes on saying that it is being
    resized, because the node's turn is not over: a call without it ends that. What an earlier call began goes on.
    Raises Refused before anything is done, CommandError of the vCenter; the VM is turned on again even when its change
    failed.
    """
    plan, vm, record = _plan(vcenter, model, node)
    if plan.refused:
        raise errors.Refused("\n".join([f"{node} is not resized, nothing was done:", *plan.refused]))
    if plan.cold and not off:
        raise errors.Refused("\n".join([f"{node} is not resized, because it would be turned off:", *plan.lines(), WAY]))
    if plan.empty or test:
        return {"changes": plan.as_changes(), "lines": plan.lines()}
    assert record  # without one a plan is refused
    if not plan.cold:
        _change(vcenter, vm, plan, report)
    else:
        _with_power_off(vcenter, model, node, vm, record._replace(turn=keep), plan, report)
    return {"changes": plan.as_changes(), "lines": plan.lines()}


def adopt(vcenter: Vcenter, model: dict[str, Any], node: str, instance_uuid: str, test: bool) -> dict[str, Any]:
    """Record a VM that existed before as a node's. Raises Refused when the vCenter has no such VM, of this name."""
    _shape(model, node)
    old, new = records.read(model, node), records.adopted(model, instance_uuid)
    vcenter.owned(new, node)
    if old and (old.provider, old.instance_uuid) == (new.provider, new.instance_uuid):
        return {"changes": {}, "lines": []}
    if not test:
        records.write(model, node, new)
    was = old.instance_uuid if old else None
    return {
        "changes": {node: {"old": was, "new": instance_uuid}},
        "lines": [f"{node}: instance UUID {was} -> {instance_uuid}"],
    }


def _plan(vcenter: Vcenter, model: dict[str, Any], node: str) -> tuple[sizes.Plan, Any, Record | None]:
    shape = _shape(model, node)
    try:
        record = records.read(model, node)
        vm = vcenter.owned(record, node) if record else _only(vcenter.named(node), node)
        if vm is None:  # not created yet: that is Salt Cloud's to do
            return sizes.Plan(node), None, None
        plan = sizes.plan(node, shape, vcenter.facts(vm), bool(record and record.turn))
    except errors.Refused as err:
        return sizes.Plan(node, refused=[str(err)]), None, None
    if record is None and plan.changes:
        uuid = vm.config.instanceUuid
        plan.refused.append(
            f"it is not recorded that this VM is the node's (another one may have the name): when the "
            f"instance UUID {uuid} is the right one, k8s_cloud.adopt {node} {uuid}"
        )
    return plan, vm, record


def _shape(model: dict[str, Any], node: str) -> dict[str, Any]:
    entry = model["nodes"].get(node)
    if not entry or not entry["shape"]:
        why = "has no shape: it is no VM of ours" if entry else "is no node of the pillar"
        raise errors.Refused(f"{node} {why}")
    return model["cloud"]["shapes"][entry["shape"]]


def _only(vms: list[Any], node: str) -> Any:
    if len(vms) > 1:
        raise errors.Refused(f"the vCenter has {len(vms)} VMs named {node}: k8s_cloud.adopt says which is the node's")
    return vms[0] if vms else None


def _change(vcenter: Vcenter, vm: Any, plan: sizes.Plan, report: Report) -> None:
    if plan.changes:
        report("change", {"node": plan.node, "changes": plan.as_changes()})
        vcenter.change(vm, plan.changes)


def _with_power_off(
    vcenter: Vcenter, model: dict[str, Any], node: str, vm: Any, record: Record, plan: sizes.Plan, report: Report
) -> None:
    """record: what it is afterwards."""
    records.write(model, node, record._replace(turn=True))
    if plan.changes:
        report("off", {"node": node})
        vcenter.turn_off(vm)
    try:
        _change(vcenter, vm, plan, report)
    finally:
        report("on", {"node": node})
        vcenter.turn_on(vm)
        records.write(model, node, record)
