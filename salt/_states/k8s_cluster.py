"""The cluster as states that name no engine: nothing to do means no changes, and test mode makes the same plan.

Source: the execution module ``k8s_cluster``, which these states only translate.
"""

from __future__ import annotations

from salt.exceptions import CommandExecutionError
from salt.state import STATE_INTERNAL_KEYWORDS
from saltk8s.base import arguments, edges

__virtualname__ = "k8s_cluster"


def __virtual__():
    if "k8s_cluster.up" in __salt__:
        return __virtualname__
    return False, "the execution module k8s_cluster is not available: run saltutil.sync_all"


def prepared(name):
    """
    The folder of the cluster's files and the SSH key in it exist, for root only.

    name
        Any sentence; what is made follows from the pillar.

    ``changes`` is ``{path: what it is}``, never with the key in it.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: yaml

        The cluster's files can be kept:
          k8s_cluster.prepared
    """
    test = bool(__opts__["test"])

    def call():
        changes = __salt__["k8s_cluster.prepare"](test=test)
        return {"changes": changes, "lines": [f"{path}: {what}" for path, what in changes.items()]}

    return edges.state_result(name, test, CommandExecutionError, call, "the folder and the SSH key exist")


def up(name):
    """
    The cluster is what the pillar declares, and healthy.

    name
        Any sentence; what is built follows from the pillar.

    Runs the engine only when the plan is not empty or the cluster is not healthy. ``changes`` has the version, the
    nodes and the options that change as old and new, and the reasons when it runs again; the comment is the plan.
    With test=True nothing is written and the engine does not run: result None and the plan when there is something to
    do. Result False, with the reason: a guard refuses, a node does not answer (it is named and nothing is run; before
    the cluster exists, test mode allows that), the engine failed, or the cluster is not healthy in time.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: yaml

        The cluster is up:
          k8s_cluster.up
    """
    test = bool(__opts__["test"])
    return edges.state_result(
        name,
        test,
        CommandExecutionError,
        lambda: __salt__["k8s_cluster.up"](test=test),
        "the cluster is as declared and healthy",
    )


arguments.guard(globals(), None, None, STATE_INTERNAL_KEYWORDS)
