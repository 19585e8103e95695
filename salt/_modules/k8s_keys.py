"""The cluster's certificates and the key that encrypts its Secrets. On the admin minion only.

What each function does, and what to do when it fails: docs/operations/certificates.md.
"""

from __future__ import annotations

import logging

from salt.exceptions import CommandExecutionError, SaltInvocationError
from saltk8s.base import arguments
from saltk8s.engine import registry

log = logging.getLogger(__name__)

registry.upkeeps()  # imported now: a later import may find files of another version

__virtualname__ = "k8s_keys"


def __virtual__():
    return __virtualname__


def certificates():
    """
    Return every certificate of the cluster and until when it is valid, the first to expire first.

    Those of the engine's state, the files on each node, the administrator's kubeconfig, and the authorities of webhooks
    and extended APIs. Keys are not read.

    Returns a dict: ``certificates`` (a list of dicts: ``where`` (``state``, ``kubeconfig``, ``webhooks`` or a node's
    name), ``name``, ``expires`` (UTC), ``days``), ``problems`` (what could not be read, and why). Raises
    CommandExecutionError when there is no cluster.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin k8s_keys.certificates
    """
    return _upkeep().certificates()


def rotate_certificates(ca=False, before=None, confirm=None, test=False, repair=False):
    """
    Make the cluster's certificates anew, and with ``ca`` its certificate authority.

    Begins only when the cluster is healthy and as it is declared, with a snapshot of etcd and a copy of the state. All
    etcd members, API servers and kubelets restart. Interrupted, the same call goes on with it.

    ca
        True: the CA too. Every kubeconfig that was handed out stops working.
    before
        A day such as ``2026-11-30``: do it only while some certificates (with ``ca``: the CA) were made before that
        day, so that a call that is repeated changes nothing.
    confirm
        The cluster's name, without which nothing is done.
    test
        True: say what would be done, and do nothing.
    repair
        True: the cluster need not be healthy before, nor is a snapshot needed: certificates have expired already.

    Returns a dict: ``changes``, ``lines``. Raises CommandExecutionError: not confirmed, not healthy, changes that are
    not applied yet, a node that does not answer, rke failed.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin k8s_keys.rotate_certificates test=True
        salt k8s-admin k8s_keys.rotate_certificates confirm=osug before=2026-11-30
        salt k8s-admin k8s_keys.rotate_certificates ca=True confirm=osug
    """
    return _upkeep().rotate_certificates(bool(ca), before and str(before), confirm, bool(test), bool(repair))


def rotate_encryption_key(confirm=None, test=False):
    """
    Make a new key for the Secrets in etcd, rewrite all of them with it, and take a snapshot.

    Begins only when the cluster is healthy and as it is declared. The API servers restart three times, one after the
    other. After an interruption all Secrets are rewritten first, because the engine's program alone would lose them.

    confirm
        The cluster's name, without which nothing is done.
    test
        True: say what would be done, and do nothing.

    Returns a dict: ``changes``, ``lines``. Raises CommandExecutionError: not confirmed, Secrets are not encrypted, not
    healthy, changes that are not applied yet, rke failed.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin k8s_keys.rotate_encryption_key test=True
        salt k8s-admin k8s_keys.rotate_encryption_key confirm=osug
    """
    return _upkeep().rotate_encryption_key(confirm, bool(test))


def _upkeep():
    model = __salt__["k8s_config.get"](secrets=True)
    return registry.upkeep(model, registry.hooks(model, log, __salt__))


arguments.guard(globals(), SaltInvocationError, CommandExecutionError, as_job=True)
