"""Objects as they are, through ``kubectl``: versions, kinds, get, delete, and all sets at once.

Part of the module ``kubectl``, as kubectl.py (sets), kubectl_nodes.py and kubectl_workloads.py are. Runs on the admin
minion. Every function takes ``kubeconfig`` (path; default: the one of the pillar's cluster) and ``context`` (default:
the kubeconfig's own).

When the API server does not answer, or rejects the credentials, they all raise CommandExecutionError.

Source: https://kubernetes.io/docs/reference/kubectl/ (kubectl 1.28 to 1.33). For operators: docs/kubectl.md.
"""

from __future__ import annotations

from salt.exceptions import CommandExecutionError, SaltInvocationError
from saltk8s.base import arguments
from saltk8s.kubectl.client import access
from saltk8s.kubectl.client.program import parsed
from saltk8s.kubectl.compare import diff
from saltk8s.kubectl.health import summary
from saltk8s.kubectl.health.dead_nodes import DeadNodes
from saltk8s.kubectl.manifests import identity
from saltk8s.kubectl.sets import record

__virtualname__ = "kubectl"


def __virtual__():
    return __virtualname__


def version(kubeconfig=None, context=None):
    """
    Return the versions of kubectl and of the API server.

    Returns a dict: ``client`` and ``server``, strings such as ``v1.32.6``; ``server`` is None before the cluster
    exists. Raises CommandExecutionError: kubectl is not installed, the API server does not answer.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin kubectl.version
    """

    def read(kubectl):
        if not kubectl.cluster_exists:
            return {"client": kubectl.client_version(), "server": None}
        found = parsed(kubectl.run("version", "-o", "json")) or {}
        return {name: (found.get(f"{name}Version") or {}).get("gitVersion") for name in ("client", "server")}

    return _run(read, kubeconfig, context)


def api_resources(group=None, namespaced=None, kubeconfig=None, context=None):
    """
    Return the kinds that the API server serves.

    group
        Only those of a group, such as ``metallb.io``; ``""`` is the core group.
    namespaced
        True or False: only namespaced kinds, or only cluster-scoped ones.

    Returns a sorted list of names such as ``deployments.apps``. Raises CommandExecutionError.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin kubectl.api_resources metallb.io
    """

    if namespaced not in (None, True, False):
        raise CommandExecutionError(f"namespaced: got {namespaced!r}; expected True or False")

    def read(kubectl):
        words = ["api-resources", "--output=name"]
        words += [f"--api-group={group}"] if group is not None else []
        words += [f"--namespaced={'true' if namespaced else 'false'}"] if namespaced is not None else []
        return sorted(kubectl.run(*words).split())

    return _run(read, kubeconfig, context)


def get(kind, name=None, namespace=None, selector=None, secrets=False, kubeconfig=None, context=None):
    """
    Return one object, or a list of them.

    kind
        As kubectl takes it: ``pods``, ``Deployment.apps``, ``ipaddresspools.metallb.io``.
    name
        Name of the object. Default: all objects of the kind, as a list.
    namespace
        Namespace. Default: ``default`` for one object, all namespaces for a list.
    selector
        Label selector of a list, as ``app=web``.
    secrets
        True: with the values of Secrets. A job's answer is stored on the master: leave it False on the command line.

    Returns a dict, a list of dicts, or None when the named object does not exist.
    Raises CommandExecutionError: unknown kind, no permission, the API server does not answer.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin kubectl.get nodes
        salt k8s-admin kubectl.get Deployment.apps controller namespace=metallb-system
    """

    def read(kubectl):
        words = ["get", str(kind)]
        if name:
            words += [str(name), "--ignore-not-found", "--namespace", namespace or "default"]
        else:
            words += ["--namespace", namespace] if namespace else ["--all-namespaces"]
            words += ["--selector", selector] if selector else []
        found = kubectl.objects(*words, what=f"get {kind}")
        found = found if secrets else [diff.redacted(identity.key_of(obj), obj) for obj in found]
        return (found[0] if found else None) if name else found

    return _run(read, kubeconfig, context)


def list_sets(kubeconfig=None, context=None):
    """
    Return the live objects of every set that has a record, as kubectl.list_set does for one.

    Returns a map: name of the set -> list of dicts. Raises CommandExecutionError: the API server does not answer, or
    cannot list one of the kinds.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin kubectl.list_sets
    """

    def read(kubectl):
        dead = DeadNodes(kubectl)
        return {name: summary.of_objects(found, dead) for name, found in record.objects_by_set(kubectl).items()}

    return _run(read, kubeconfig, context)


def delete(kind, name, namespace=None, timeout_s=120, kubeconfig=None, context=None):
    """
    Delete one object and wait until it is deleted.

    kind, name, namespace
        As in kubectl.get.
    timeout_s
        Seconds to wait.

    Returns True, or False when it did not exist. Raises CommandExecutionError: the timeout expired, the API server does
    not answer.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin kubectl.delete pods web-0 namespace=web
    """

    def delete_one(kubectl):
        where = ["--namespace", namespace or "default"]
        found = kubectl.objects("get", str(kind), str(name), "--ignore-not-found", *where, what=f"{kind} {name}")
        kubectl.delete(found, float(timeout_s), what=f"{kind} {name}")
        return bool(found)

    return _run(delete_one, kubeconfig, context)


def _run(action, kubeconfig, context):
    return access.run(action, __salt__, __pillar__, kubeconfig, context)


arguments.guard(globals(), SaltInvocationError, CommandExecutionError)
