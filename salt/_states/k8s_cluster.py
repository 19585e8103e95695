"""The cluster as states that name no engine: nothing to do means no changes, and test mode makes the same plan.

Source: the execution module ``k8s_cluster``, which these states only translate.
"""

from __future__ import annotations

import functools

from salt.exceptions import CommandExecutionError
from salt.state import STATE_INTERNAL_KEYWORDS
from saltk8s.base import arguments, edges

__virtualname__ = "k8s_cluster"

UNUSABLE = "unusable_nodes"  # in the return of ``up``: names, when nothing but these nodes is wrong


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

    Nodes that cannot be used are a warning, too. Services, tenants and objects require ``k8s_cluster.usable`` instead
    of this state, so that they go on being applied.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: yaml

        The cluster is up:
          k8s_cluster.up
    """
    test = bool(__opts__["test"])
    unusable = []

    def call():
        try:
            return __salt__["k8s_cluster.up"](test=test)
        except CommandExecutionError as err:
            unusable.extend(getattr(err, "details", {}).get("nodes", ()))
            raise

    ret = edges.state_result(name, test, CommandExecutionError, call, "the cluster is as declared and healthy")
    if unusable:
        ret |= {UNUSABLE: unusable, "warnings": [f"the cluster is without {', '.join(unusable)}"]}
    return ret


def without(name, node):
    """
    The cluster is what the pillar declares, but without one node, whose machine is exchanged.

    name
        Any sentence.
    node
        The node. The next ``k8s_cluster.up`` adds it again.

    As ``k8s_cluster.up``: the same plan, guards and gate, and the node is drained first. Without changes when the
    cluster does not have it.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: yaml

        The machine of k8s-w2 can be exchanged:
          k8s_cluster.without:
            - node: k8s-w2
    """
    return _changed(name, "k8s_cluster.up", "the cluster is without it, and healthy", without=node)


def forgotten(name, node):
    """
    Kubernetes has no object of a node that left.

    name
        Any sentence.
    node
        The node. Result False while the cluster has it.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: yaml

        Kubernetes has forgotten k8s-w2:
          k8s_cluster.forgotten:
            - node: k8s-w2
    """
    return _changed(name, "k8s_cluster.forget", "Kubernetes has no such node", node)


def removed(name, cluster):
    """
    The cluster is given up: its state and its keys are moved aside, and no run builds it again.

    name
        Any sentence.
    cluster
        The cluster's name, as a confirmation.

    ``changes`` says where the state is. The nodes are cleaned after it.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: yaml

        The cluster is given up:
          k8s_cluster.removed:
            - cluster: osug
    """
    return _changed(name, "k8s_cluster.remove", "the cluster was removed", cluster)


def usable(name):
    """
    The cluster takes objects: the admin's kubeconfig leads to an API server that answers.

    name
        Any sentence.

    What applies objects requires this state, not ``k8s_cluster.up``: while nodes cannot be used, ``up`` fails and this
    one succeeds. It fails, too, when ``up`` failed in this run for anything else: refused by a guard, or failed
    half-way. With test=True the result is None before the cluster exists.

    With several control planes, and while the one that the kubeconfig leads to does not answer, it is led to another
    one: ``changes`` has the kubeconfig's path, the old and the new URL.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: yaml

        The cluster can be used:
          k8s_cluster.usable
    """
    test = bool(__opts__["test"])
    ups = [ret for tag, ret in __running__.items() if tag.startswith("k8s_cluster_|-") and tag.endswith("_|-up")]
    if any(ret["result"] is False and not ret.get(UNUSABLE) for ret in ups):
        comment = "k8s_cluster.up failed in this run, and not only because of nodes that cannot be used"
        return {"name": name, "changes": {}, "result": False, "comment": comment}
    lost = [f"without {', '.join(ret[UNUSABLE])}" for ret in ups if ret.get(UNUSABLE)]

    def call():
        done = __salt__["k8s_cluster.usable"](test=test, known=any(ret["result"] is True for ret in ups))
        return done | {"lines": [*done["lines"], *lost]}

    return edges.state_result(name, test, CommandExecutionError, call, "the API server answers")


def _changed(name, function, unchanged, *args, **kwargs):
    test = bool(__opts__["test"])
    call = functools.partial(__salt__[function], *args, test=test, **kwargs)
    return edges.state_result(name, test, CommandExecutionError, call, unchanged)


arguments.guard(globals(), None, None, STATE_INTERNAL_KEYWORDS)
