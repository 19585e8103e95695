"""Nodes of the cluster as states: labels, taints, and empty for maintenance.

Part of the state module ``kubectl``. They only touch what they name. Labels and taints that a node has for good belong
into the pillar (``k8s:nodes``), these states are for what comes and goes. Source: the execution module ``kubectl``,
which they only translate. For operators: docs/kubectl.md.
"""

from __future__ import annotations

from salt.exceptions import CommandExecutionError

__virtualname__ = "kubectl"


def __virtual__():
    if "kubectl.drain" in __salt__:
        return __virtualname__
    return False, "the execution module kubectl is not there: run saltutil.sync_all"


def node_labelled(name, labels, kubeconfig=None, kube_context=None):
    """
    The node has these labels, or has them not.

    name
        The node.
    labels
        ``{label: value}``; None for a label that it must not have. Other labels are left alone.
    kubeconfig, kube_context
        Another cluster than the pillar's; another context than the kubeconfig's own.

    ``changes`` has each label, old and new. With test=True nothing is written; before the cluster exists it says what
    would be, and a real run is an error.

    CLI Example:

    .. code-block:: yaml

        k8s-w1:
          kubectl.node_labelled:
            - labels:
                example.org/disk: ssd
                example.org/spare: null
    """
    return _ran(name, "the labels are as declared", "label", kubeconfig, kube_context, "node", name, labels)


def node_tainted(name, taints=None, absent=None, kubeconfig=None, kube_context=None):
    """
    The node has these taints, and not those.

    name
        The node.
    taints
        List of ``key=value:effect`` or ``key:effect``. NoExecute also drives out the pods that do not tolerate it.
    absent
        List of ``key:effect``, or ``key`` for all effects. Other taints are left alone.
    kubeconfig, kube_context
        As in kubectl.node_labelled.

    ``changes`` has each taint, old and new. With test=True nothing is written; before the cluster exists it says what
    would be, and a real run is an error.

    CLI Example:

    .. code-block:: yaml

        k8s-w1:
          kubectl.node_tainted:
            - taints: ["example.org/gpu=true:NoSchedule"]
            - absent: [example.org/maintenance]
    """
    told = "the taints are as declared"
    return _ran(name, told, "taint", kubeconfig, kube_context, name, taints=taints, absent=absent)


def drained(
    name,
    timeout_s=300,
    grace_s=None,
    delete_emptydir_data=False,
    force=False,
    kubeconfig=None,
    kube_context=None,
):
    """
    The node takes no new pods, and none is on it but those of DaemonSets and static ones.

    name
        The node.
    timeout_s
        Seconds until the pods are gone.
    grace_s
        Seconds that each pod has to end. Default: what the pod says.
    delete_emptydir_data
        Evict pods with emptyDir volumes, whose data is lost.
    force
        Delete pods that no controller starts again.
    kubeconfig, kube_context
        As in kubectl.node_labelled.

    ``changes`` has ``unschedulable`` and each pod. Result False and nothing done: a pod would lose data, or not come
    back, and that is not allowed. Result False with what was done in ``changes``: a PodDisruptionBudget kept pods until
    the time was over. With test=True nothing is written, and a budget that lets no pod go now is named: whether it does
    until the time is over only the real run can tell.

    CLI Example:

    .. code-block:: yaml

        k8s-w1:
          kubectl.drained:
            - delete_emptydir_data: true
            - timeout_s: 600
    """
    return _ran(
        name,
        "the node is cordoned and empty",
        "drain",
        kubeconfig,
        kube_context,
        name,
        timeout_s=timeout_s,
        grace_s=grace_s,
        delete_emptydir_data=delete_emptydir_data,
        force=force,
    )


def _ran(name, nothing, function, kubeconfig, context, *args, **kwargs):
    """Call the execution function once, in both modes, and tell what it said."""
    test = bool(__opts__["test"])
    ret = {"name": name, "changes": {}, "result": True, "comment": ""}
    try:
        done = __salt__[f"kubectl.{function}"](*args, test=test, kubeconfig=kubeconfig, context=context, **kwargs)
    except CommandExecutionError as err:
        # a run that failed half-way carries what it did
        done = getattr(err, "details", {}).get("changes", {})
        return ret | {"result": False, "changes": done, "comment": str(err)}
    if done.get("obstacles"):  # the real run would be refused
        return ret | {"result": False, "comment": "\n".join(done["obstacles"])}
    if not done["changes"]:
        return ret | {"comment": "\n".join([nothing, *done["lines"]])}
    return ret | {"changes": done["changes"], "result": None if test else True, "comment": "\n".join(done["lines"])}
