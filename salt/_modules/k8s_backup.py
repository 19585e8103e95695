"""Backups of the cluster by hand: are they there, one more right now, and back again.

Runs on the admin minion, with the engine that the pillar names (``k8s:services:backup``): Velero or K8up. Every
function takes ``kubeconfig`` (path; default: the one of the pillar's cluster) and ``context`` (default: the
kubeconfig's own), and raises CommandExecutionError when the API server does not answer or refuses us.

Source: https://velero.io/docs/v1.18/api-types/, https://docs.k8up.io (v2.12). For operators: docs/services/backup.md.
"""

from __future__ import annotations

from salt.exceptions import CommandExecutionError
from saltk8s.kubectl.client import access
from saltk8s.services.backup import operations as backups

__virtualname__ = "k8s_backup"


def __virtual__():
    return __virtualname__


def status(kubeconfig=None, context=None):
    """
    Return how each schedule of backups is doing.

    Returns a list of dicts, one a schedule: ``schedule``, ``namespace``, ``when`` (cron), ``last_success`` (a backup's
    name, or None), ``age_s`` (seconds since its end), ``last`` (the newest that has ended), ``phase``, ``why`` (of that
    one), ``well`` (whether it went well), ``location`` (Velero: ``Available``, or why not).
    Raises CommandExecutionError: the engine is not there.

    CLI Example:

    .. code-block:: bash

        salt k8s-admin k8s_backup.status
    """
    return _run(backups.status, kubeconfig, context)


def now(namespace=None, timeout_s=3600, test=False, kubeconfig=None, context=None):
    """
    Make a backup now, as the platform's schedule would, and wait for its end.

    namespace
        Save this namespace alone. K8up needs it: it saves one at a time.
    timeout_s
        Seconds to wait. The backup itself goes on when they are over.
    test
        True: look whether it could be made, and make none.

    Returns a dict: ``kind``, ``name``, ``namespace`` (of the Backup itself), ``phase`` (None in test mode) and
    ``seconds``.
    Raises CommandExecutionError: no such namespace, no schedule, the backup failed (with the engine's reason) or did
    not end in time.

    CLI Example:

    .. code-block:: bash

        salt k8s-admin k8s_backup.now namespace=wiki
    """
    return _run(backups.backup, kubeconfig, context, namespace, float(timeout_s), bool(test))


def restore(name, namespace, to=None, existing=False, timeout_s=3600, test=False, kubeconfig=None, context=None):
    """
    Bring a namespace back from a backup, and wait for its end.

    name
        The backup; ``k8s_backup.status`` names the last good one. With K8up, the id of a snapshot
        (``kubectl get snapshots -n NAMESPACE``).
    namespace
        The namespace that was saved.
    to
        Velero: another namespace to restore to. K8up: the claim that the files go into; it is needed.
    existing
        Velero: go on although the namespace is there. What is there stays as it is.
    timeout_s
        Seconds to wait. The restore itself goes on when they are over.
    test
        True: look whether it could be done, and do nothing.

    Returns a dict as ``k8s_backup.now`` does, of the Restore.
    Raises CommandExecutionError: there is no such backup, it did not end well, it does not hold the namespace, the
    namespace is there already; the restore failed (with the engine's reason) or did not end in time.

    CLI Example:

    .. code-block:: bash

        salt k8s-admin k8s_backup.restore platform-20261125013000 wiki test=True
        salt k8s-admin k8s_backup.restore platform-20261125013000 wiki to=wiki-of-yesterday
    """
    given = (str(name), namespace, to, float(timeout_s), bool(test), bool(existing))
    return _run(backups.restore, kubeconfig, context, *given)


def _run(action, kubeconfig, context, *given):
    engine = __salt__["k8s_config.get"]()["services"]["backup"]["engine"]
    return access.run(
        lambda kubectl: action(kubectl, engine, *given),
        __salt__,
        __pillar__,
        kubeconfig,
        context,
        CommandExecutionError,
    )
