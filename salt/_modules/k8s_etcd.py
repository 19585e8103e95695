"""etcd's data: snapshots, whether they can be restored, and the size of the database. On the admin minion only.

What each function does, and what to do when it fails: docs/operations/etcd.md.
"""

from __future__ import annotations

import logging

from salt.exceptions import CommandExecutionError, SaltInvocationError
from saltk8s.base import arguments
from saltk8s.engine import registry

log = logging.getLogger(__name__)

registry.upkeeps()  # imported now: a later import may find files of another version

__virtualname__ = "k8s_etcd"


def __virtual__():
    return __virtualname__


def snapshots():
    """
    Return the snapshots that lie on the etcd nodes, newest first.

    Returns a list of dicts: ``name``, ``taken`` (UTC), ``nodes`` ({node: bytes of the archive}; each node takes its
    own). Raises CommandExecutionError when there is no cluster, or a node cannot be asked.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin k8s_etcd.snapshots
    """
    return _upkeep().snapshots()


def save_snapshot(name=None, test=False):
    """
    Take a snapshot of etcd now, on every etcd node, and in the bucket if ``etcd:snapshots:s3`` names one.

    It contains the cluster's state with all keys, which the periodic ones do not: keep it like the CA's key.

    name
        Its name: letters, digits, dots, colons, hyphens. Default: the time, in a form that is removed with the periodic
        ones when ``etcd:snapshots:keep`` is over; one with a name of its own stays until you remove it.
        Called again because the job was killed, it is the snapshot that was taken meanwhile, or is taken anew.
    test
        True: say what would be done, and do nothing.

    Returns a dict: ``name``, ``lines``. Raises CommandExecutionError: a snapshot of this name is there, the cluster is
    locked by another run, rke failed.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin k8s_etcd.save_snapshot
        salt k8s-admin k8s_etcd.save_snapshot before-the-move
    """
    return _upkeep().save_snapshot(name, bool(test))


def verify_snapshot(name=None, node=None):
    """
    Restore a snapshot into a scratch etcd, read it, and remove that etcd again. The cluster is not touched.

    The archive is copied here and looked at, then restored on the etcd node that it came from, in a container of the
    node's own etcd image without any network. All keys are read and hashed, namespaces decoded, Secrets opened with the
    encryption key that a restore would use. What came of it is kept for the metrics. Meant for the admin's schedule.

    name
        The snapshot. Default: the newest.
    node
        The etcd node whose archive is taken. Default: the one that has the newest.

    Returns a dict: ``name``, ``node``, ``taken``, ``size`` (bytes of the database), ``revision``, ``hash``, ``keys``,
    ``objects`` ({kind: how many}), ``state`` (whether rke's state is in it), ``secrets`` (how they were opened),
    ``seconds``. Raises CommandExecutionError with what is wrong with the snapshot: empty, cut off, damaged, of another
    etcd, encrypted with a key that is lost.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin k8s_etcd.verify_snapshot
        salt k8s-admin k8s_etcd.verify_snapshot 2026-11-29T06:00:00Z_etcd node=k8s-cp2
    """
    return _upkeep().verify_snapshot(name, node)


def last_check():
    """
    Return what came of the last ``k8s_etcd.verify_snapshot``.

    Returns a dict, empty before the first: ``name``, ``node``, ``taken`` (Unix time), ``ok``, ``problem`` (why it
    cannot be restored), ``keys``, ``at`` (Unix time), ``succeeded`` (Unix time of the last one that could be restored).

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin k8s_etcd.last_check
    """
    return _upkeep().last_check()


def restore(name, confirm=None, test=False, verify=True):
    """
    Put the cluster back to a snapshot: what was written to it since is lost. Volumes are not touched.

    The snapshot is restored into a scratch etcd first. Then the engine removes the cluster from its nodes, restores
    etcd and builds the cluster again, with the keys of the snapshot's own state if it has one. Interrupted, the same
    call goes on with it. Apply ``k8s`` afterwards.

    name
        The snapshot.
    confirm
        The cluster's name, without which nothing is done.
    test
        True: say what would be done, and do nothing; the snapshot is not checked then either.
    verify
        False: do not check the snapshot before, because no etcd node has etcd's image any more.

    Returns a dict: ``changes``, ``lines``. Raises CommandExecutionError: not confirmed, no such snapshot, one that
    cannot be restored, the cluster is locked by another run, rke failed.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin k8s_etcd.restore 2026-11-30T06:00:00Z_etcd test=True
        salt k8s-admin k8s_etcd.restore 2026-11-30T06:00:00Z_etcd confirm=osug
    """
    return _upkeep().restore(name, confirm, bool(test), bool(verify))


def defragment(test=False):
    """
    Give the space that etcd's databases do not use back to the disk, one member after the other, the leader last.

    Members with less than 10 % or 16 MiB to give back are left alone, so a second run changes nothing. When the
    database is full (the alarm NOSPACE), all are defragmented and the alarm is disarmed. A member takes no request
    meanwhile (some seconds a GiB); the next one waits until etcd is healthy again.

    test
        True: say what would be done, and do nothing.

    Returns a dict: ``changes`` ({node: {old, new}} in bytes), ``lines``. Raises CommandExecutionError: something else
    is wrong with etcd, the cluster is locked by another run, a node does not answer.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin k8s_etcd.defragment test=True
        salt k8s-admin k8s_etcd.defragment
    """
    return _upkeep().defragment(bool(test))


def _upkeep():
    model = __salt__["k8s_config.get"](secrets=True)
    return registry.upkeep(model, registry.hooks(model, log, __salt__))


arguments.guard(globals(), SaltInvocationError, CommandExecutionError, as_job=True)
