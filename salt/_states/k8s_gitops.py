"""What a minion needs to apply its pillar by itself, as states.

The work is done by the execution module ``k8s_gitops``. Each has ``changes`` with the old and the new value.
"""

from __future__ import annotations

from salt.exceptions import CommandExecutionError
from salt.state import STATE_INTERNAL_KEYWORDS
from saltk8s.base import arguments, edges

__virtualname__ = "k8s_gitops"


def __virtual__():
    if "k8s_gitops.lost" in __salt__:
        return __virtualname__
    return False, "the execution module k8s_gitops is not loaded: run saltutil.sync_all"


def role_remembered(name):
    """
    The minion remembers what the pillar makes of it, so that a pillar that is lost is a failure.

    name
        Any sentence.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: yaml

        This minion remembers its role:
          k8s_gitops.role_remembered
    """
    return _result(name, "remember_role", "it is remembered")


def role_forgotten(name):
    """
    The minion does not remember a role: a valid pillar of its cluster does not name it any more.

    name
        Any sentence.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: yaml

        This minion has left the cluster:
          k8s_gitops.role_forgotten
    """
    return _result(name, "forget_role", "no role is remembered")


def scheduled(name):
    """
    The minion's schedule has the jobs that ``k8s:gitops`` asks for, and none of them when it is not enabled.

    name
        Any sentence.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: yaml

        The pillar is applied by itself:
          k8s_gitops.scheduled
    """
    return _result(name, "schedule", "the schedule is up to date")


def _result(name, function, unchanged):
    test = bool(__opts__["test"])

    def call():
        done = __salt__[f"k8s_gitops.{function}"](test=test)
        verb = "would change" if test else "changed"
        return done | {"lines": [f"{verb}: {', '.join(done['changes'])}" if done["changes"] else unchanged]}

    return edges.state_result(name, test, CommandExecutionError, call)


arguments.guard(globals(), None, None, STATE_INTERNAL_KEYWORDS)
