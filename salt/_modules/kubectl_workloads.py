"""Workloads and questions, through ``kubectl``: wait, rollouts, replicas, logs, events, usage, permissions, failures.

Part of the module ``kubectl``: functions of ``kubectl.py`` and ``kubectl_nodes.py`` have the same prefix. Runs on the
admin minion. Every function takes ``kubeconfig`` (path; default: the one of the pillar's cluster) and ``context``
(default: the kubeconfig's own); those about one object take ``kind`` as kubectl does (``pods``, ``Deployment.apps``),
``name``, and ``namespace`` (default: ``default``).

A job's answer is stored on the master: what a container logs is as secret as the container makes it. When the API
server does not answer or refuses us, or an object is not there, they all raise CommandExecutionError.

Source: https://kubernetes.io/docs/reference/kubectl/ (kubectl 1.28 to 1.33). For operators: docs/kubectl.md.
"""

from __future__ import annotations

from salt.exceptions import CommandExecutionError
from saltk8s.base import edges
from saltk8s.kubectl.client import access
from saltk8s.kubectl.health import explain
from saltk8s.kubectl.health import wait as waiting
from saltk8s.kubectl.operations import logs as log_lines
from saltk8s.kubectl.operations import metrics, permissions, rollout, target, wait_for

__virtualname__ = "kubectl"


def __virtual__():
    return __virtualname__


def wait(
    kind,
    name=None,
    namespace=None,
    selector=None,
    condition=None,
    jsonpath=None,
    deleted=False,
    timeout_s=60,
    kubeconfig=None,
    context=None,
):
    """
    Wait until an object, or all objects that a selector means, are in a state.

    selector
        Label selector, as ``app=web``, instead of a name.
    condition
        Wait for a condition of the status: ``Ready``, ``Available``, ``Ready=false``.
    jsonpath
        Or for a field: ``.status.phase=Running``, or ``.status.loadBalancer.ingress`` for any value.
    deleted
        Or, with True, until they are gone.
    timeout_s
        Seconds to wait; 0 looks once. What is not there yet is waited for, too.

    Returns a dict: ``waited_s`` (seconds), ``objects`` (a list of dicts with ``kind``, ``namespace``, ``name``,
    ``ready``, ``reason``; empty when they were to go). Raises CommandExecutionError: not in time, with the conditions
    as they are; not exactly one thing to wait for.

    CLI Example:

    .. code-block:: bash

        salt k8s-admin kubectl.wait pods namespace=web selector=app=web condition=Ready
        salt k8s-admin kubectl.wait namespace web deleted=True timeout_s=120
    """

    def run(kubectl):
        chosen = wait_for.chosen(name, selector, namespace)
        where = wait_for.expression(condition, jsonpath, bool(deleted))
        return wait_for.met(kubectl, target.plain("kind", kind), chosen, where, float(timeout_s))

    return _with(run, kubeconfig, context)


def rollout_status(kind, name, namespace=None, timeout_s=0, kubeconfig=None, context=None):
    """
    Return how far the rollout of a Deployment, StatefulSet or DaemonSet is.

    timeout_s
        Seconds to wait until it is done; 0 looks once.

    Returns a dict: ``ready`` (bool), ``reason`` (why not), ``wanted``, ``updated``, ``available`` (numbers of pods),
    ``revision`` (int, None when its controller has not given it one yet).
    Raises CommandExecutionError: not done in time; then it says why, as kubectl.ready does.

    CLI Example:

    .. code-block:: bash

        salt k8s-admin kubectl.rollout_status Deployment.apps controller metallb-system timeout_s=120
    """

    def ask(kubectl):
        obj = rollout.workload(kubectl, kind, name, namespace)
        if float(timeout_s) > 0:
            waiting.for_objects(kubectl, [obj], float(timeout_s))
            obj = rollout.workload(kubectl, kind, name, namespace)
        return rollout.status(kubectl, obj)

    return _with(ask, kubeconfig, context)


def rollout_undo(kind, name, namespace=None, to_revision=None, force=False, test=False, kubeconfig=None, context=None):
    """
    Give a Deployment, StatefulSet or DaemonSet the pod template of an earlier revision.

    to_revision
        Number of a revision. Default: the one before the current one.
    force
        Also when the workload belongs to a set. Without it that is refused: the next highstate wants the set's own
        version back, and meets a field that another manager has changed. Undo the change where it is declared.
    test
        Say what would change; the API server is asked with a dry run.

    Returns a dict: ``old`` (the revision that it had), ``new`` (the one whose template it has now; its controller gives
    that a new number), ``changes`` (fields, old and new; empty when the templates are the same).
    Raises CommandExecutionError: no such revision is kept, it belongs to a set.

    CLI Example:

    .. code-block:: bash

        salt k8s-admin kubectl.rollout_undo Deployment.apps web namespace=web test=True
    """

    def run(kubectl):
        obj = rollout.workload(kubectl, kind, name, namespace)
        wanted = target.whole("to_revision", to_revision) if to_revision is not None else None
        return rollout.undo(kubectl, obj, wanted, bool(force), bool(test))

    return _with(run, kubeconfig, context)


def scale(kind, name, replicas, namespace=None, force=False, test=False, kubeconfig=None, context=None):
    """
    Set the number of pods of a Deployment, StatefulSet or ReplicaSet.

    replicas
        The number. An autoscaler of the workload sets its own again.
    force
        Also when the workload's set declares the number. Without it that is refused: the next highstate wants it back.
    test
        Say what would change; the API server is asked with a dry run.

    Returns a dict: ``old`` and ``new`` (numbers). Does not wait: kubectl.rollout_status does.
    Raises CommandExecutionError: the kind has no replicas, its set declares them.

    CLI Example:

    .. code-block:: bash

        salt k8s-admin kubectl.scale Deployment.apps web 3 namespace=web
    """

    def run(kubectl):
        wanted = target.whole("replicas", replicas)
        return rollout.scale(kubectl, target.one(kubectl, kind, name, namespace), wanted, bool(force), bool(test))

    return _with(run, kubeconfig, context)


def logs(
    name,
    namespace=None,
    kind="pod",
    container=None,
    tail=100,
    since_s=None,
    previous=False,
    kubeconfig=None,
    context=None,
):
    """
    Return the last log lines of a pod, or of the pods of a workload.

    container
        Name of one container; init containers, too. Default: all but the init containers.
    tail
        Number of lines of each container, None for all.
    since_s
        Only lines of the last so many seconds.
    previous
        True: of the container's run before the last restart.

    Returns a list of lines; when they come from several containers, ``[pod container]`` stands before each line.
    Raises CommandExecutionError: no such pod or container, its container has not started yet.

    CLI Example:

    .. code-block:: bash

        salt k8s-admin kubectl.logs controller metallb-system kind=Deployment.apps tail=20
    """

    def ask(kubectl):
        obj = target.one(kubectl, kind, name, namespace)
        return log_lines.read(kubectl, obj, container, log_lines.options(tail, since_s, bool(previous)))

    return _with(ask, kubeconfig, context)


def events(namespace=None, kind=None, name=None, warnings=False, kubeconfig=None, context=None):
    """
    Return events, the oldest first.

    namespace
        Default: all namespaces. Events about nodes are in ``default``.
    kind
        Only about objects of a kind, written as ``Pod`` or ``Deployment``.
    name
        Only about objects of this name.
    warnings
        True: without those of type ``Normal``.

    Returns a list of dicts: ``time`` (of the last one, UTC), ``type``, ``reason``, ``object`` (``Pod web/web-0``),
    ``message``, ``count``. Raises CommandExecutionError: the API server does not answer.

    CLI Example:

    .. code-block:: bash

        salt k8s-admin kubectl.events namespace=metallb-system warnings=True
    """

    def ask(kubectl):
        return explain.events(kubectl, namespace, kind, name, "Warning" if warnings else None)

    return _with(ask, kubeconfig, context)


def top(what="nodes", namespace=None, kubeconfig=None, context=None):
    """
    Return what nodes or pods use now.

    what
        ``nodes`` or ``pods``.
    namespace
        Of the pods. Default: all namespaces.

    Returns for nodes a dict by name: ``cpu_cores`` (float), ``memory_bytes`` (int), and what there is of both for pods
    as ``cpu_cores_allocatable``, ``memory_bytes_allocatable``. For pods a list of dicts: ``namespace``, ``name``,
    ``cpu_cores``, ``memory_bytes``, ``containers`` (the two numbers by name).
    Raises CommandExecutionError: the cluster has no metrics API, or metrics-server is not ready.

    CLI Example:

    .. code-block:: bash

        salt k8s-admin kubectl.top
        salt k8s-admin kubectl.top pods namespace=metallb-system
    """
    if what not in ("nodes", "pods"):
        raise CommandExecutionError(f"what: got {what!r}; expected nodes or pods")

    def ask(kubectl):
        return metrics.of_nodes(kubectl) if what == "nodes" else metrics.of_pods(kubectl, namespace)

    return _with(ask, kubeconfig, context)


def can_i(
    verb=None,
    resource=None,
    namespace=None,
    name=None,
    as_user=None,
    as_group=None,
    kubeconfig=None,
    context=None,
):
    """
    Return whether an action is allowed; without ``verb`` and ``resource``: all that is allowed in a namespace.

    verb
        ``get``, ``list``, ``create``, ``delete``, ... or ``*``.
    resource
        ``pods``, ``deployments.apps``, ``pods/log``, a short name or a kind, or a path such as ``/metrics``.
    namespace
        Default: all namespaces at once; ``default`` for the list.
    name
        Of one object. Default: all of them.
    as_user
        Ask for another user: ``jane``, ``system:serviceaccount:web:default``.
    as_group
        Groups of that user: a name or a list.

    Returns a bool; as a list: dicts with ``verbs``, ``resources``, ``names`` (of objects; empty means all).
    Raises CommandExecutionError: the API server knows no such resource; a group without a user.

    CLI Example:

    .. code-block:: bash

        salt k8s-admin kubectl.can_i create deployments.apps namespace=web as_user=jane
        salt k8s-admin kubectl.can_i namespace=web as_user=system:serviceaccount:web:default
    """

    def ask(kubectl):
        who = permissions.impersonation(as_user, as_group)
        if verb is None and resource is None:
            return permissions.all_of(kubectl, namespace or "default", who)
        if not verb or not resource:
            raise CommandExecutionError("expected both a verb and a resource, or none of them")
        return permissions.may(kubectl, str(verb), str(resource), namespace, name, who)

    return _with(ask, kubeconfig, context)


def explain_failure(kind, name, namespace=None, kubeconfig=None, context=None):
    """
    Return why an object is not healthy: what an operator would look up next, in one answer.

    Returns a dict: ``object``, ``ready`` (bool), ``reason``, ``conditions`` (list of texts), ``events`` (the last, as
    kubectl.events), ``pods``: up to three that are not well, each with ``pod``, ``node``, ``phase``, ``events`` and
    ``containers`` (those not well: ``name``, ``reason``, ``restarts``, ``exit_code``, ``log`` with the last lines,
    those before the restart when it restarts). What cannot be read of all that is empty.
    Raises CommandExecutionError: the object is not there.

    CLI Example:

    .. code-block:: bash

        salt k8s-admin kubectl.explain_failure Deployment.apps controller metallb-system
    """
    return _with(lambda kubectl: explain.of(kubectl, target.one(kubectl, kind, name, namespace)), kubeconfig, context)


def _with(action, kubeconfig, context):
    """Run an action on the cluster and translate its errors."""
    with edges.translated(CommandExecutionError):
        return action(access.kubectl(__salt__, __pillar__, kubeconfig, context))
