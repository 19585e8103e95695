"""Workloads, through ``kubectl``: wait, rollouts, replicas, logs, events, usage, permissions, causes of failures.

Part of the module ``kubectl``, as kubectl.py (sets), kubectl_objects.py and kubectl_nodes.py are. Runs on the admin
minion. Every function takes ``kubeconfig`` (path; default: the one of the pillar's cluster) and ``context``
(default: the kubeconfig's own); those about one object take ``kind`` as kubectl does (``pods``, ``Deployment.apps``),
``name``, and ``namespace`` (default: ``default``).

A job's answer is stored on the master, and so are secrets that a container logs. When the API server does not answer
or rejects the credentials, or an object is not found, they all raise CommandExecutionError.

Source: https://kubernetes.io/docs/reference/kubectl/ (kubectl 1.28 to 1.33). For operators: docs/kubectl.md.
"""

from __future__ import annotations

from salt.exceptions import CommandExecutionError, SaltInvocationError
from saltk8s.base import arguments
from saltk8s.kubectl.client import access
from saltk8s.kubectl.health import events as object_events
from saltk8s.kubectl.health import explain, poll, summary
from saltk8s.kubectl.health.dead_nodes import DeadNodes
from saltk8s.kubectl.operations import logs as pod_logs
from saltk8s.kubectl.operations import metrics, permissions, rollout, target
from saltk8s.kubectl.operations import wait as kubectl_wait

__virtualname__ = "kubectl"


def __virtual__():
    return __virtualname__


def list_rollouts(namespace=None, kubeconfig=None, context=None):
    """
    Return the workloads and whether they are rolled out.

    namespace
        Default: all namespaces.

    Returns a list of dicts: ``kind``, ``namespace``, ``name``, ``ready`` (bool), ``reason`` (why not).
    Raises CommandExecutionError: the API server does not answer.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin kubectl.list_rollouts kube-system
    """

    def read(kubectl):
        where = ["--namespace", namespace] if namespace else ["--all-namespaces"]
        found = kubectl.objects("get", "Deployment.v1.apps,DaemonSet.v1.apps,StatefulSet.v1.apps", *where)
        return summary.of_objects(found, DeadNodes(kubectl))

    return _run(read, kubeconfig, context)


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
    Wait until an object, or all objects of a selector, have a condition, have a field's value, or are deleted.

    selector
        Label selector, as ``app=web``, instead of a name.
    condition
        Condition of the status to wait for: ``Ready``, ``Available``, ``Ready=false``.
    jsonpath
        Field to wait for: ``.status.phase=Running``, or ``.status.loadBalancer.ingress`` for any value.
    deleted
        True: wait until they are deleted.
    timeout_s
        Seconds to wait; 0 checks once. Also waits for objects that do not exist yet.

    Returns a dict: ``waited_s`` (seconds), ``objects`` (a list of dicts with ``kind``, ``namespace``, ``name``,
    ``ready``, ``reason``; empty with ``deleted``). Raises CommandExecutionError: timed out, with the current
    conditions; not exactly one of ``condition``, ``jsonpath`` and ``deleted``.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin kubectl.wait pods namespace=web selector=app=web condition=Ready
        salt k8s-admin kubectl.wait namespace web deleted=True timeout_s=120
    """

    def run(kubectl):
        chosen = kubectl_wait.selection(name, selector, namespace)
        state = kubectl_wait.for_argument(condition, jsonpath, bool(deleted))
        return kubectl_wait.wait(kubectl, target.checked_name("kind", kind), chosen, state, float(timeout_s))

    return _run(run, kubeconfig, context)


def rollout_status(kind, name, namespace=None, timeout_s=0, kubeconfig=None, context=None):
    """
    Return the status of the rollout of a Deployment, StatefulSet or DaemonSet.

    timeout_s
        Seconds to wait until it is complete; 0 checks once.

    Returns a dict: ``ready`` (bool), ``reason`` (why not), ``wanted``, ``updated``, ``available`` (numbers of pods),
    ``revision`` (int, None before its controller has set one).
    Raises CommandExecutionError: timed out, with the reasons, as kubectl.wait_ready does.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin kubectl.rollout_status Deployment.apps controller metallb-system timeout_s=120
    """

    def read(kubectl):
        obj = rollout.get_workload(kubectl, kind, name, namespace)
        if float(timeout_s) > 0:
            poll.until_healthy(kubectl, [obj], float(timeout_s))
            obj = rollout.get_workload(kubectl, kind, name, namespace)
        return rollout.status(kubectl, obj)

    return _run(read, kubeconfig, context)


def rollout_undo(kind, name, namespace=None, to_revision=None, force=False, test=False, kubeconfig=None, context=None):
    """
    Roll a Deployment, StatefulSet or DaemonSet back to the pod template of an earlier revision.

    to_revision
        Number of the revision. Default: the one before the current one.
    force
        Also when the workload belongs to a set. Without it that is refused: the next highstate would report a conflict
        or revert the rollback. Revert the change in the manifest instead.
    test
        Return what would change; the API server does a dry run.

    Returns a dict: ``old`` (the revision that it had), ``new`` (the one whose template it has now, as a new
    revision), ``changes`` (fields, old and new; empty when the templates are the same).
    Raises CommandExecutionError: the revision is not in the history, the workload belongs to a set.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin kubectl.rollout_undo Deployment.apps web namespace=web test=True
    """

    def run(kubectl):
        obj = rollout.get_workload(kubectl, kind, name, namespace)
        wanted = target.checked_count("to_revision", to_revision) if to_revision is not None else None
        return rollout.undo(kubectl, obj, wanted, bool(force), bool(test))

    return _run(run, kubeconfig, context)


def scale(kind, name, replicas, namespace=None, force=False, test=False, kubeconfig=None, context=None):
    """
    Set the replicas of a Deployment, StatefulSet or ReplicaSet.

    replicas
        The number of pods. A HorizontalPodAutoscaler of the workload would change it again.
    force
        Also when the workload's set declares them. Without it that is refused: the next highstate would report a
        conflict or revert it.
    test
        Return what would change; the API server does a dry run.

    Returns a dict: ``old`` and ``new`` (numbers). Does not wait: kubectl.rollout_status does.
    Raises CommandExecutionError: the kind has no replicas, its set declares them.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin kubectl.scale Deployment.apps web 3 namespace=web
    """

    def run(kubectl):
        wanted = target.checked_count("replicas", replicas)
        return rollout.scale(
            kubectl, target.get_object(kubectl, kind, name, namespace), wanted, bool(force), bool(test)
        )

    return _run(run, kubeconfig, context)


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
        Number of lines per container, None for all.
    since_s
        Only lines of the last ``since_s`` seconds.
    previous
        True: of the container's run before the last restart.

    Returns a list of lines; when they come from several containers, ``[pod container]`` stands before each line.
    Raises CommandExecutionError: no such pod or container, its container has not started yet.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin kubectl.logs controller metallb-system kind=Deployment.apps tail=20
    """

    def read(kubectl):
        obj = target.get_object(kubectl, kind, name, namespace)
        return pod_logs.read(kubectl, obj, container, pod_logs.log_arguments(tail, since_s, bool(previous)))

    return _run(read, kubeconfig, context)


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
        True: only events of type ``Warning``.

    Returns a list of dicts: ``time`` (of its last occurrence, UTC), ``type``, ``reason``, ``object``
    (``Pod web/web-0``), ``message``, ``count``. Raises CommandExecutionError: the API server does not answer.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin kubectl.events namespace=metallb-system warnings=True
    """

    def read(kubectl):
        return object_events.list_events(kubectl, namespace, kind, name, "Warning" if warnings else None)

    return _run(read, kubeconfig, context)


def top(what="nodes", namespace=None, kubeconfig=None, context=None):
    """
    Return the current CPU and memory usage of nodes or pods.

    what
        ``nodes`` or ``pods``.
    namespace
        Of the pods. Default: all namespaces.

    Returns for nodes a dict by name: ``cpu_cores`` (float), ``memory_bytes`` (int), and what is allocatable of both,
    ``cpu_cores_allocatable``, ``memory_bytes_allocatable``. For pods a list of dicts: ``namespace``, ``name``,
    ``cpu_cores``, ``memory_bytes``, ``containers`` (the two numbers by name). A number that is not known is None.
    Raises CommandExecutionError: the cluster has no metrics API, or metrics-server is not ready.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin kubectl.top
        salt k8s-admin kubectl.top pods namespace=metallb-system
    """
    if what not in ("nodes", "pods"):
        raise CommandExecutionError(f"what: got {what!r}; expected nodes or pods")

    def read(kubectl):
        return metrics.of_nodes(kubectl) if what == "nodes" else metrics.of_pods(kubectl, namespace)

    return _run(read, kubeconfig, context)


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
    Return whether an action is allowed; without ``verb`` and ``resource``: all rules of a namespace.

    verb
        ``get``, ``list``, ``create``, ``delete``, ... or ``*``.
    resource
        ``pods``, ``deployments.apps``, ``pods/log``, a short name or a kind, or a path such as ``/metrics``.
    namespace
        Default: all namespaces; ``default`` for the list of rules.
    name
        Of one object. Default: all of them.
    as_user
        Impersonate another user: ``jane``, ``system:serviceaccount:web:default``.
    as_group
        Groups of that user: a name or a list.

    Returns a bool; as a list: dicts with ``verbs``, ``resources``, ``names`` (of objects; empty means all).
    Raises CommandExecutionError: the API server knows no such resource; a group without a user.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin kubectl.can_i create deployments.apps namespace=web as_user=jane
        salt k8s-admin kubectl.can_i namespace=web as_user=system:serviceaccount:web:default
    """

    def read(kubectl):
        who = permissions.impersonation(as_user, as_group)
        if verb is None and resource is None:
            return permissions.list_rules(kubectl, namespace or "default", who)
        if not verb or not resource:
            raise CommandExecutionError("expected both a verb and a resource, or none of them")
        return permissions.is_allowed(kubectl, str(verb), str(resource), namespace, name, who)

    return _run(read, kubeconfig, context)


def explain_failure(kind, name, namespace=None, kubeconfig=None, context=None):
    """
    Return why an object is not healthy: its conditions, events, pods and their last log lines.

    Returns a dict: ``object``, ``ready`` (bool), ``reason``, ``conditions`` (list of texts), ``events`` (the last, as
    kubectl.events), ``pods``: up to three that are not healthy, each with ``pod``, ``node``, ``phase``, ``events`` and
    ``containers`` (those not ready: ``name``, ``reason``, ``restarts``, ``exit_code``, ``log`` with the last lines,
    those before the restart when it restarts). What cannot be read is left empty.
    Raises CommandExecutionError: the object is not found.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin kubectl.explain_failure Deployment.apps controller metallb-system
    """
    return _run(
        lambda kubectl: explain.explain(kubectl, target.get_object(kubectl, kind, name, namespace)), kubeconfig, context
    )


def _run(action, kubeconfig, context):
    return access.run(action, __salt__, __pillar__, kubeconfig, context)


arguments.guard(globals(), SaltInvocationError, CommandExecutionError)
