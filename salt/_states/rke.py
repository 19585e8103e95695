"""The cluster as a state: nothing to do means no changes, and test mode tells the truth.

Source: the execution module ``rke``, which these states only translate.
"""

from __future__ import annotations

from salt.exceptions import CommandExecutionError

__virtualname__ = "rke"


def __virtual__():
    if "rke.up" in __salt__:
        return __virtualname__
    return False, "the execution module rke is not there: run saltutil.sync_all"


def prepared(name):
    """
    The folder of the cluster's files and the SSH key in it are there, for root only.

    name
        Any sentence; what is made follows from the pillar.

    ``changes`` is ``{path: what it is}``, never with the key in it.

    CLI Example:

    .. code-block:: yaml

        The cluster's files can be kept:
          rke.prepared
    """
    return _ran(name, "rke.prepared", lambda done: (done, "it is all there", "the folder and the key"))


def up(name):
    """
    The cluster is what the pillar says, and healthy.

    name
        Any sentence; what is built follows from the pillar.

    Runs ``rke up`` only when the plan is not empty or the cluster is not healthy. ``changes`` has the version, the
    nodes and the options that change as old and new, and the reasons when it runs again; the comment is the plan.
    With test=True nothing is written and rke does not run: result None and the plan when there is something to do.
    Result False, with the reason: a guard refuses, a node does not answer (it is named and nothing is run; before the
    cluster exists, test mode allows that), rke failed, or the cluster is not healthy in time.

    CLI Example:

    .. code-block:: yaml

        The cluster is up:
          rke.up
    """
    return _ran(
        name, "rke.up", lambda done: (done["changes"], "the cluster is as declared, and healthy", done["lines"])
    )


def _ran(name, function, read):
    """Call the execution function once, in both modes, and tell what it said."""
    test = bool(__opts__["test"])
    ret = {"name": name, "changes": {}, "result": True, "comment": ""}
    try:
        done = __salt__[function](test=test)
    except CommandExecutionError as err:
        return ret | {"result": False, "comment": str(err)}
    changes, nothing, lines = read(done)
    if not changes:
        return ret | {"comment": nothing}
    told = lines if isinstance(lines, str) else "\n".join(lines)
    if test:
        return ret | {"changes": changes, "result": None, "comment": f"would do:\n{told}"}
    return ret | {"changes": changes, "comment": f"done:\n{told}"}
