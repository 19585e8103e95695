"""Nodes, through ``kubectl``: list, cordon, drain, labels, taints.

Part of the module ``kubectl``, as kubectl.py (sets), kubectl_objects.py and kubectl_workloads.py are. Runs on the
admin minion. Every function takes ``kubeconfig`` (path; default: the one of the pillar's cluster) and ``context``
(default: the kubeconfig's own); those that write also take ``test``: return what would change and write nothing (the
API server does a dry run).

When the API server does not answer or rejects the credentials, or an object is not found, they all raise
CommandExecutionError.

Source: https://kubernetes.io/docs/reference/kubectl/ (kubectl 1.28 to 1.33). For operators: docs/kubectl.md.
"""

from __future__ import annotations

from salt.exceptions import CommandExecutionError, SaltInvocationError
from saltk8s.base import arguments
from saltk8s.kubectl.client import access
from saltk8s.kubectl.health import summary
from saltk8s.kubectl.operations import cordon as cordoning
from saltk8s.kubectl.operations import drain as draining
from saltk8s.kubectl.operations import labels as labelling
from saltk8s.kubectl.operations import taints as tainting
from saltk8s.kubectl.operations import target

__virtualname__ = "kubectl"


def __virtual__():
    return __virtualname__


def list_nodes(kubeconfig=None, context=None):
    """
    Return the cluster's nodes.

    Returns a dict by name: ``ready`` (bool), ``reason`` (why not), ``schedulable`` (bool), ``roles`` (list),
    ``version`` (of the kubelet), ``address`` (internal), ``taints`` (list of ``key=value:effect``).
    Raises CommandExecutionError: the API server does not answer.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin kubectl.list_nodes
    """

    def read(kubectl):
        return {obj["metadata"]["name"]: summary.of_node(obj) for obj in kubectl.objects("get", "Node.v1.")}

    return _run(read, kubeconfig, context)


def cordon(name, test=False, kubeconfig=None, context=None):
    """
    Mark a node as unschedulable: it takes no new pods. Its running pods are not affected.

    name
        The node.

    Returns True when that changes it, False when it is already. Raises CommandExecutionError: no such node.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin kubectl.cordon k8s-w1
    """
    return _run(lambda kubectl: cordoning.cordon(kubectl, name, True, bool(test)), kubeconfig, context)


def uncordon(name, test=False, kubeconfig=None, context=None):
    """
    Mark a node as schedulable: it takes new pods again.

    name
        The node.

    Returns True when that changes it, False when it is already. Raises CommandExecutionError: no such node.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin kubectl.uncordon k8s-w1
    """
    return _run(lambda kubectl: cordoning.cordon(kubectl, name, False, bool(test)), kubeconfig, context)


def drain(
    name,
    timeout_s=300,
    grace_s=None,
    delete_emptydir_data=False,
    force=False,
    disable_eviction=False,
    test=False,
    kubeconfig=None,
    context=None,
):
    """
    Cordon a node and evict its pods, as PodDisruptionBudgets allow. With any obstacle, nothing is done.

    name
        The node.
    timeout_s
        Seconds until all of them are evicted. An eviction that a budget refuses is retried until then.
    grace_s
        Termination grace period of each pod; 0 kills at once. Default: the pod's own.
    delete_emptydir_data
        Evict pods with emptyDir volumes, whose data is lost.
    force
        Delete pods that no controller re-creates.
    disable_eviction
        Delete the pods instead of evicting them, so that no PodDisruptionBudget holds them: for one that never allows
        an eviction.

    Returns a dict: ``changes`` (``unschedulable`` and each pod, old and new), ``lines`` (the same as text),
    ``obstacles`` (in test mode: why the real run would be refused), ``evicted`` (pods as ``namespace/name``), ``left``
    (pods that are not evicted, with the reason: DaemonSet pods, static pods), ``emptydir`` (pods that lose data),
    ``unmanaged`` (pods that no controller re-creates), ``budgets``: each PodDisruptionBudget that covers one of the
    pods, with ``name``, ``disruptions_allowed``, ``pods``, ``blocks`` (no eviction is allowed now), ``reason``.
    Raises CommandExecutionError: no such node; refused, nothing was done; timed out: the error names the pods that were
    not evicted and the budgets that blocked them, its ``details`` have ``changes`` with what was done, and the node
    stays cordoned.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin kubectl.drain k8s-w1 test=True
        salt k8s-admin kubectl.drain k8s-w1 delete_emptydir_data=True timeout_s=600
    """

    def run(kubectl):
        grace = target.checked_count("grace_s", grace_s) if grace_s is not None else None
        flags = map(bool, (delete_emptydir_data, force, disable_eviction))
        options = draining.Options(float(timeout_s), grace, *flags)
        return draining.drain(kubectl, name, options, bool(test))

    return _run(run, kubeconfig, context)


def label(kind, name, labels, namespace=None, force=False, test=False, kubeconfig=None, context=None):
    """
    Set or remove labels of an object. Other labels are left alone.

    kind
        As kubectl takes it: ``node``, ``Deployment.apps``.
    name, namespace
        Of the object; ``namespace`` defaults to ``default`` and is ignored for cluster-scoped kinds.
    labels
        ``{label: value}``; None removes the label. Numbers and booleans are turned into text.
    force
        Also labels that the object's set declares. Without it that is refused: the next highstate would report a
        conflict or revert it.

    Returns a dict: ``changes`` (``{label: {old, new}}``, None for absent, empty when nothing differs), ``lines`` (the
    same as text). Raises CommandExecutionError: no such object, an invalid label, one that a set declares.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin kubectl.label node k8s-w1 '{example.org/disk: ssd, example.org/old: null}'
    """

    def run(kubectl):
        if not isinstance(labels, dict):
            raise CommandExecutionError("labels: expected a dict of labels and their values")
        return labelling.label(kubectl, kind, name, labels, namespace, bool(force), bool(test)).as_dict()

    return _run(run, kubeconfig, context)


def taint(name, taints=None, absent=None, test=False, kubeconfig=None, context=None):
    """
    Add taints to a node, or remove some. Other taints are left alone.

    name
        The node.
    taints
        List of ``key=value:effect`` or ``key:effect``; effects are NoSchedule, PreferNoSchedule, and NoExecute, which
        also evicts the pods that do not tolerate it.
    absent
        List of ``key:effect``, or ``key`` for all effects.

    Returns a dict: ``changes`` (``{key:effect: {old, new}}``, each as kubectl.list_nodes shows taints, None for
    absent), ``lines`` (the same as text). Raises CommandExecutionError: no such node, an invalid taint.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin kubectl.taint k8s-w1 '["example.org/gpu=true:NoSchedule"]' absent='["example.org/old"]'
    """

    def run(kubectl):
        return tainting.taint(kubectl, name, _as_list(taints), _as_list(absent), bool(test)).as_dict()

    return _run(run, kubeconfig, context)


def _as_list(value):
    return [value] if isinstance(value, str) else list(value or ())


def _run(action, kubeconfig, context):
    return access.run(action, __salt__, __pillar__, kubeconfig, context)


arguments.guard(globals(), SaltInvocationError, CommandExecutionError)
