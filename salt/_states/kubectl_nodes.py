"""Nodes of the cluster as states: labels, taints, drained for maintenance.

Part of the state module ``kubectl``. Labels and taints that they do not name are left alone. Permanent ones belong in
the pillar (``k8s:nodes``), these states are for temporary ones. Source: the execution module ``kubectl``, which does
the work. For operators: docs/kubectl.md.
"""

from __future__ import annotations

from salt.exceptions import CommandExecutionError
from salt.state import STATE_INTERNAL_KEYWORDS
from saltk8s.base import arguments, edges

__virtualname__ = "kubectl"


def __virtual__():
    if "kubectl.drain" in __salt__:
        return __virtualname__
    return False, "the execution module kubectl is not loaded: run saltutil.sync_all"


def node_labelled(name, labels, kubeconfig=None, kube_context=None):
    """
    The node has these labels, and does not have those whose value is None.

    name
        The node.
    labels
        ``{label: value}``; None for a label that it must not have. Other labels are left alone.
    kubeconfig, kube_context
        Another cluster than the pillar's; another context than the kubeconfig's own.

    ``changes`` has each label, old and new. With test=True nothing is written; before the cluster exists, the
    labels are to be set, and a real run fails.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: yaml

        k8s-w1:
          kubectl.node_labelled:
            - labels:
                example.org/disk: ssd
                example.org/spare: null
    """
    return _result(name, "the labels are as declared", "label", kubeconfig, kube_context, "node", name, labels)


def node_tainted(name, taints=None, absent=None, kubeconfig=None, kube_context=None):
    """
    The node has the taints of ``taints``, and none of ``absent``.

    name
        The node.
    taints
        List of ``key=value:effect`` or ``key:effect``. NoExecute also evicts the pods that do not tolerate it.
    absent
        List of ``key:effect``, or ``key`` for all effects. Other taints are left alone.
    kubeconfig, kube_context
        As in kubectl.node_labelled.

    ``changes`` has each taint, old and new. With test=True nothing is written; before the cluster exists, the
    labels are to be set, and a real run fails.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: yaml

        k8s-w1:
          kubectl.node_tainted:
            - taints: ["example.org/gpu=true:NoSchedule"]
            - absent: [example.org/maintenance]
    """
    unchanged = "the taints are as declared"
    return _result(name, unchanged, "taint", kubeconfig, kube_context, name, taints=taints, absent=absent)


def drained(
    name,
    timeout_s=300,
    grace_s=None,
    delete_emptydir_data=False,
    force=False,
    disable_eviction=False,
    kubeconfig=None,
    kube_context=None,
):
    """
    The node is cordoned, and has no pods except those of DaemonSets and static pods.

    name
        The node.
    timeout_s
        Seconds until the pods are evicted.
    grace_s
        Termination grace period of each pod. Default: the pod's own.
    delete_emptydir_data
        Evict pods with emptyDir volumes, whose data is lost.
    force
        Delete pods that no controller re-creates.
    disable_eviction
        Delete the pods instead of evicting them, so that no PodDisruptionBudget holds them: for one that never allows
        an eviction.
    kubeconfig, kube_context
        As in kubectl.node_labelled.

    ``changes`` has ``unschedulable`` and each pod. Result False and nothing done: a pod would lose data, or not be
    re-created, and that was not allowed. Result False with what was done in ``changes``: a PodDisruptionBudget blocked
    evictions until the timeout. With test=True nothing is written, and a budget that allows no eviction now is named:
    it may still allow them before the timeout.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: yaml

        k8s-w1:
          kubectl.drained:
            - delete_emptydir_data: true
            - timeout_s: 600
    """
    return _result(
        name,
        "the node is drained",
        "drain",
        kubeconfig,
        kube_context,
        name,
        timeout_s=timeout_s,
        grace_s=grace_s,
        delete_emptydir_data=delete_emptydir_data,
        force=force,
        disable_eviction=disable_eviction,
    )


def _result(name, unchanged, function, kubeconfig, context, *args, **kwargs):
    """Call the execution function once, in both modes, and return what a state returns."""
    test = bool(__opts__["test"])
    kwargs |= {"test": test, "kubeconfig": kubeconfig, "context": context}

    def call():
        return __salt__[f"kubectl.{function}"](*args, **kwargs)

    # all lines: those about budgets come after one line for each pod
    return edges.state_result(name, test, CommandExecutionError, call, unchanged, max_lines=None)


arguments.guard(globals(), None, None, STATE_INTERNAL_KEYWORDS)
