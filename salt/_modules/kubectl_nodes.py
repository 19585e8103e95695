"""Nodes, through ``kubectl``: take them out of service and back, labels, taints.

Part of the module ``kubectl``: functions of ``kubectl.py`` and ``kubectl_workloads.py`` have the same prefix. Runs on
the admin minion. Every function takes ``kubeconfig`` (path; default: the one of the pillar's cluster) and ``context``
(default: the kubeconfig's own), and ``test``: say what would change and write nothing (the API server is asked with a
dry run).

When the API server does not answer or refuses us, or an object is not there, they all raise CommandExecutionError.

Source: https://kubernetes.io/docs/reference/kubectl/ (kubectl 1.28 to 1.33). For operators: docs/kubectl.md.
"""

from __future__ import annotations

from salt.exceptions import CommandExecutionError
from saltk8s.base import edges
from saltk8s.kubectl.client import access
from saltk8s.kubectl.operations import drain as draining
from saltk8s.kubectl.operations import nodes, target

__virtualname__ = "kubectl"


def __virtual__():
    return __virtualname__


def cordon(name, test=False, kubeconfig=None, context=None):
    """
    Let a node take no new pods. What runs on it goes on.

    name
        The node.

    Returns True when that changes it, False when it is so already. Raises CommandExecutionError: no such node.

    CLI Example:

    .. code-block:: bash

        salt k8s-admin kubectl.cordon k8s-w1
    """
    return _with(lambda kubectl: nodes.cordon(kubectl, name, True, bool(test)), kubeconfig, context)


def uncordon(name, test=False, kubeconfig=None, context=None):
    """
    Let a node take new pods again.

    name
        The node.

    Returns True when that changes it, False when it is so already. Raises CommandExecutionError: no such node.

    CLI Example:

    .. code-block:: bash

        salt k8s-admin kubectl.uncordon k8s-w1
    """
    return _with(lambda kubectl: nodes.cordon(kubectl, name, False, bool(test)), kubeconfig, context)


def drain(
    name,
    timeout_s=300,
    grace_s=None,
    delete_emptydir_data=False,
    force=False,
    test=False,
    kubeconfig=None,
    context=None,
):
    """
    Cordon a node and evict its pods, as PodDisruptionBudgets allow. Nothing is done when something stands in the way.

    name
        The node.
    timeout_s
        Seconds until all of them are gone. A budget that allows nothing is asked again until then.
    grace_s
        Seconds that each pod has to end; 0 kills at once. Default: what the pod says.
    delete_emptydir_data
        Evict pods with emptyDir volumes, whose data is lost.
    force
        Delete pods that no controller starts again.

    Returns a dict: ``changes`` (``unschedulable`` and each pod, old and new), ``lines`` (the same for people),
    ``obstacles`` (in test mode: why the real run would be refused), ``evicted`` (pods as ``namespace/name``), ``left``
    (those that stay, with the reason: of DaemonSets, and static ones), ``emptydir`` (pods that lose data),
    ``unmanaged`` (pods that nothing starts again), ``budgets``: each PodDisruptionBudget that covers one of the pods,
    with ``name``, ``disruptions_allowed``, ``pods``, ``blocks`` (it lets none go now), ``reason``.
    Raises CommandExecutionError: no such node; refused, nothing was done; pods are still there when the time is over:
    then it names them and the budgets that kept them, the error's ``details`` have ``changes`` with what was done,
    and the node stays cordoned.

    CLI Example:

    .. code-block:: bash

        salt k8s-admin kubectl.drain k8s-w1 test=True
        salt k8s-admin kubectl.drain k8s-w1 delete_emptydir_data=True timeout_s=600
    """

    def run(kubectl):
        grace = target.whole("grace_s", grace_s) if grace_s is not None else None
        options = draining.Options(float(timeout_s), grace, bool(delete_emptydir_data), bool(force))
        return draining.drain(kubectl, name, options, bool(test))

    return _with(run, kubeconfig, context)


def label(kind, name, labels, namespace=None, force=False, test=False, kubeconfig=None, context=None):
    """
    Give an object labels, or take some away. Other labels are left alone.

    kind
        As kubectl takes it: ``node``, ``Deployment.apps``.
    name, namespace
        Of the object; ``namespace`` is ``default`` when left out, of no meaning for kinds without.
    labels
        ``{label: value}``; None takes one away. Numbers and truth values are turned into text.
    force
        Also labels that the object's set declares. Without it that is refused: the next highstate wants them back.

    Returns a dict: ``changes`` (``{label: {old, new}}``, None for absent, empty when nothing differs), ``lines`` (the
    same for people). Raises CommandExecutionError: no such object, an invalid label, one that a set declares.

    CLI Example:

    .. code-block:: bash

        salt k8s-admin kubectl.label node k8s-w1 '{example.org/disk: ssd, example.org/old: null}'
    """

    def run(kubectl):
        if not isinstance(labels, dict):
            raise CommandExecutionError("labels: expected a dict of labels and their values")
        return nodes.label(kubectl, kind, name, labels, namespace, bool(force), bool(test)).told()

    return _with(run, kubeconfig, context)


def taint(name, taints=None, absent=None, test=False, kubeconfig=None, context=None):
    """
    Give a node taints, take others away. Those that are not named are left alone.

    name
        The node.
    taints
        List of ``key=value:effect`` or ``key:effect``; effects are NoSchedule, PreferNoSchedule, and NoExecute, which
        also drives out the pods that do not tolerate it.
    absent
        List of ``key:effect``, or ``key`` for all effects.

    Returns a dict: ``changes`` (``{key:effect: {old, new}}``, each as kubectl.nodes shows taints, None for absent),
    ``lines`` (the same for people). Raises CommandExecutionError: no such node, an invalid taint.

    CLI Example:

    .. code-block:: bash

        salt k8s-admin kubectl.taint k8s-w1 '["example.org/gpu=true:NoSchedule"]' absent='["example.org/old"]'
    """

    def run(kubectl):
        return nodes.taint(kubectl, name, _listed(taints), _listed(absent), bool(test)).told()

    return _with(run, kubeconfig, context)


def _listed(value):
    return [value] if isinstance(value, str) else list(value or ())


def _with(action, kubeconfig, context):
    """Run an action on the cluster and translate its errors."""
    with edges.translated(CommandExecutionError):
        return action(access.kubectl(__salt__, __pillar__, kubeconfig, context))
