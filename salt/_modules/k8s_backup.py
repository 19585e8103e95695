"""Backups of the cluster on demand: status, a backup now, a restore.

Runs on the admin minion, with the engine that the pillar names (``k8s:services:backup``): Velero or K8up. Every
function takes ``kubeconfig`` (path; default: the one of the pillar's cluster) and ``context`` (default: the
kubeconfig's own), and raises CommandExecutionError when the API server does not answer or rejects the request.

Source: https://velero.io/docs/v1.18/api-types/, https://docs.k8up.io (v2.12). For operators: docs/services/backup.md.
"""

from __future__ import annotations

from salt.exceptions import CommandExecutionError, SaltInvocationError
from saltk8s.base import arguments
from saltk8s.kubectl.client import access
from saltk8s.services.backup import operations as backups

__virtualname__ = "k8s_backup"


def __virtual__():
    return __virtualname__


def status(kubeconfig=None, context=None):
    """
    Return the status of each backup schedule.

    Returns a list of dicts, one a schedule: ``schedule``, ``namespace``, ``when`` (cron), ``last_success`` (a backup's
    name, or None), ``age_s`` (seconds since its end), ``last`` (the newest that has ended), ``phase``, ``why`` (of that
    one), ``well`` (whether it succeeded), ``location`` (Velero: ``Available``, or why not).
    Raises CommandExecutionError: the engine is not installed.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin k8s_backup.status
    """
    return _run(backups.status, kubeconfig, context)


def create(namespace=None, timeout_s=3600, test=False, kubeconfig=None, context=None):
    """
    Make a backup now, as the schedule would (the platform's, or that of the namespace's tenant), and wait until it has
    completed.

    namespace
        Back up this namespace only. Required with K8up, which backs up one at a time. With Velero such a backup is not
        counted as the schedule's own, in ``k8s_backup.status`` and for alerts, unless that backs up nothing else.
    timeout_s
        Timeout in seconds. The backup itself keeps running after it.
    test
        True: check whether it could be made, and make none.

    Returns a dict: ``kind``, ``name``, ``namespace`` (of the Backup itself), ``phase`` (None in test mode) and
    ``seconds``.
    Raises CommandExecutionError: no such namespace, no schedule, the backup failed (with the engine's reason) or
    timed out.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin k8s_backup.create namespace=wiki
    """
    return _run(backups.backup, kubeconfig, context, namespace, float(timeout_s), bool(test))


def restore(name, namespace, to=None, existing=False, timeout_s=3600, test=False, kubeconfig=None, context=None):
    """
    Restore a namespace from a backup, and wait until it has completed.

    name
        The backup; ``k8s_backup.status`` names the last successful one. With K8up, the id of a snapshot
        (``kubectl get snapshots -n NAMESPACE``).
    namespace
        The namespace that was backed up.
    to
        Velero: another namespace to restore to; what belonged to a set of objects belongs to none there. K8up: the
        claim that the files are restored to; required.
    existing
        Velero: restore although the namespace exists. Existing objects stay as they are.
    timeout_s
        Timeout in seconds. The restore itself keeps running after it.
    test
        True: check whether it could be done, and do nothing.

    Returns a dict as ``k8s_backup.create`` does, of the Restore.
    Raises CommandExecutionError: no such backup, it did not succeed, it does not include the namespace, the
    namespace exists already, or did not when the backup was made; the restore failed (with the engine's reason) or
    timed out.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin k8s_backup.restore platform-20261125013000 wiki test=True
        salt k8s-admin k8s_backup.restore platform-20261125013000 wiki to=wiki-of-yesterday
    """
    given = (str(name), namespace, to, float(timeout_s), bool(test), bool(existing))
    return _run(backups.restore, kubeconfig, context, *given)


def _run(action, kubeconfig, context, *given):
    engine = __salt__["k8s_config.get"](secrets=True)["services"]["backup"]["engine"]
    return access.run(lambda kubectl: action(kubectl, engine, *given), __salt__, __pillar__, kubeconfig, context)


arguments.guard(globals(), SaltInvocationError, CommandExecutionError, as_job=True)
