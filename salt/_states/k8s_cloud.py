"""The cluster's VMs as a state: those that the map has and the vCenter does not are created, nothing is ever deleted.

Source: the execution module ``k8s_cloud``, which this state only translates.
"""

from __future__ import annotations

import functools

from salt.exceptions import CommandExecutionError
from salt.state import STATE_INTERNAL_KEYWORDS
from saltk8s.base import arguments, edges

__virtualname__ = "k8s_cloud"


def __virtual__():
    if "k8s_cloud.create" in __salt__:
        return __virtualname__
    return False, "the execution module k8s_cloud is not available: run saltutil.sync_all"


def created(name):
    """
    Every VM that the pillar names exists, and its minion is installed.

    name
        Any sentence; which VMs there have to be follows from the pillar.

    ``changes`` has the VMs that were missing, with their profile. With test=True the vCenter is asked, and nothing is
    created. Result False: Salt Cloud is not configured, cannot log in, or could not create a VM; or a VM exists whose
    minion was never installed.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: yaml

        The machines exist:
          k8s_cloud.created
    """
    test = bool(__opts__["test"])
    return edges.state_result(name, test, CommandExecutionError, lambda: __salt__["k8s_cloud.create"](test=test))


def destroyed(name, typed):
    """
    The VM of a node that left is destroyed, if Salt Cloud created it for this cluster; no other VM ever is.

    name
        The node.
    typed
        Its name once more, as a confirmation.

    ``changes`` has its instance UUID. Result False: the pillar declares the node, the VM is not one that was created
    for us, or volumes of Kubernetes are attached to it.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: yaml

        k8s-w2:
          k8s_cloud.destroyed:
            - typed: k8s-w2
    """
    test = bool(__opts__["test"])
    call = functools.partial(__salt__["k8s_cloud.destroy"], name, typed, test=test)
    return edges.state_result(name, test, CommandExecutionError, call, "there is no VM of it")


arguments.guard(globals(), None, None, STATE_INTERNAL_KEYWORDS)
