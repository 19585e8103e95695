"""The cluster's VMs in their vCenter, on the minion of the Salt master: which is whose, and how large it is.

Part of the module ``k8s_cloud``, whose other part is Salt Cloud. All but ``vm`` contact the vCenter.
For operators: docs/operations/resize.md, docs/operations/take-out.md.
"""

from __future__ import annotations

import logging

from salt.exceptions import CommandExecutionError, SaltInvocationError
from saltk8s.base import arguments, edges
from saltk8s.cloud import destroying, records, vcenter
from saltk8s.cloud import resize as resizing

log = logging.getLogger(__name__)

__virtualname__ = "k8s_cloud"


def __virtual__():
    return __virtualname__


def vm(name: str) -> dict | None:
    """Return what is recorded of a node's VM, None without a record. The vCenter is not asked.

    name
        The node.

    Returns ``{provider, instance_uuid, created, by, turn}``: the vCenter's name or address; the VM's instance UUID
    there; when it was recorded; ``salt-cloud`` (cloned for us) or ``adopted`` (by k8s_cloud.adopt); whether a resize
    turned the VM off and has not turned it on yet.
    Raises CommandExecutionError when the pillar is not valid or has no ``k8s:cloud``, or the record is damaged.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt 'salt.osug.example' k8s_cloud.vm k8s-w1
    """
    record = records.read(_model(), name)
    return record._asdict() if record else None


def adopt(name: str, instance_uuid: str, test: bool = False) -> dict:
    """Record which VM is a node's, for one that Salt Cloud did not create, or created before this was recorded.

    name
        The node. The VM has to have this name in the vCenter.
    instance_uuid
        The VM's instance UUID (``vc.uuid``) in the vCenter: k8s_cloud.resize_plan shows that of the VM of this name.
    test
        True: return what would change, and write nothing.

    An adopted VM is resized, never destroyed.

    Returns ``changes`` and ``lines``. Raises CommandExecutionError: no VM with this instance UUID and name.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt 'salt.osug.example' k8s_cloud.adopt k8s-w1 502e2a67-5b1c-2f0f-9f3c-3a6a7d1d4c11
    """
    model = _with_secrets()
    with vcenter.connected(model) as there:
        return resizing.adopt(there, model, name, str(instance_uuid).lower(), bool(test))


def destroy(name: str, typed: str, test: bool = False) -> dict:
    """Destroy the VM of a node that left, with its disks, if Salt Cloud created it for this cluster.

    name
        The node.
    typed
        Its name once more, as a confirmation.
    test
        True: return what would be destroyed.

    Returns ``changes`` and ``lines``; no changes where no VM is recorded. Raises CommandExecutionError: the name is
    another one, the pillar declares the node, the VM was not created for us or is not the recorded one, volumes of
    Kubernetes are attached to it; the vCenter.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt 'salt.osug.example' k8s_cloud.destroy k8s-w2 typed=k8s-w2 test=True
    """
    model = _with_secrets()
    with vcenter.connected(model) as there:
        return destroying.destroy(there, model, name, str(typed), bool(test))


def resize_plan(names: list | None = None) -> dict:
    """Return which VMs differ from their shapes, and what making them equal takes. Reads only.

    names
        Nodes; all of the pillar that have a shape by default.

    Returns a dict: ``nodes`` ({node: ``node``, ``changes``, ``cold`` (the VM is turned off for it), ``continues`` (an
    earlier resize was interrupted), ``off`` (the VM is off), ``grown`` (numbers of disks), ``more`` (CPUs or memory
    change), ``refused`` (why it is not done, and the way that works), ``lines``}, only nodes with something to say) and
    ``lines`` (all of them).
    Raises CommandExecutionError: the vCenter does not answer or refuses the login, a name is no VM's.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt 'salt.osug.example' k8s_cloud.resize_plan
        salt 'salt.osug.example' k8s_cloud.resize_plan '[k8s-w1]'
    """
    model = _with_secrets()
    wanted = [names] if isinstance(names, str) else names
    with vcenter.connected(model) as there:
        found = resizing.plans(there, model, wanted)
    lines = [line for plan in found.values() for line in plan.lines()]
    return {"nodes": {name: plan.as_dict() for name, plan in found.items()}, "lines": lines}


def resize(name: str, off: bool = False, keep: bool = False, test: bool = False) -> dict:
    """Make a node's VM as large as its shape in the pillar.

    name
        The node.
    off
        True: the VM may be turned off and on, where the change needs that. Its node has to be drained:
        ``salt-run state.orch k8s.orch.resize`` does the whole turn.
    keep
        True: the node's turn is not over: until a call without ``keep``, the record says that the VM is being resized,
        and the orchestration goes on with this node first. Only with ``off``.
    test
        True: return what would change, and change nothing.

    What a running VM takes (CPUs and memory with hot add, more disk) is done while it runs. The guest is asked to shut
    down by its tools, and turned off after five minutes. A call that was interrupted goes on at the next one. Events:
    ``saltk8s/<cluster>/resize/off``, ``change``, ``on``.

    Returns ``changes`` ({what: {old, new}}, empty when the VM has that size) and ``lines``.
    Raises CommandExecutionError: refused, and nothing was done (a disk that would shrink, snapshots, more than the host
    has, a VM that is not recorded as the node's, one that would be turned off without ``off``); the vCenter failed, or
    does not answer.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt 'salt.osug.example' k8s_cloud.resize k8s-w1 test=True
        salt 'salt.osug.example' k8s_cloud.resize k8s-w1
    """
    model = _with_secrets()

    send = edges.sender(__salt__, f"saltk8s/{model['cluster']['name']}/resize")

    def report(phase, data):
        log.info("resize: %s %s", phase, data)
        send(phase, data)

    with vcenter.connected(model) as there:
        return resizing.resize(there, model, name, bool(off), bool(keep), bool(test), report)


def _model() -> dict:
    model = __salt__["k8s_config.get"](secrets=True)
    if not model.get("cloud"):
        raise CommandExecutionError("the pillar has no k8s:cloud: none of its nodes is a VM of ours")
    return model


def _with_secrets() -> dict:
    """The model with the vCenter's password: only the minion of the Salt master has it."""
    model = _model()
    if not model["cloud"]["provider"].get("password"):
        raise CommandExecutionError(
            "this minion's pillar has no password of the vCenter: k8s:cloud:minion names another"
        )
    return model


arguments.guard(globals(), SaltInvocationError, CommandExecutionError, as_job=True)
