"""The cluster: what the pillar declares, built by the engine that ``k8s:cluster:engine`` names.

Runs on the admin minion only, the one that ``k8s:cluster:admin`` names: it alone has the SSH key, the kubeconfig and
the cluster's state. Everything is read from the pillar ``k8s:`` through ``k8s_config.get``. What an engine does, and
what it refuses, is in docs/cluster.md.
"""

from __future__ import annotations

import contextlib
import logging

from salt.exceptions import CommandExecutionError, SaltInvocationError
from saltk8s.base import arguments, edges, errors
from saltk8s.engine import drains, registry, state_folder
from saltk8s.kubectl.client import access, api_errors, serving
from saltk8s.kubectl.operations import target
from saltk8s.nodes import steps

log = logging.getLogger(__name__)

registry.classes()  # imported now, as everything at a module's top: a later import may find files of another version

__virtualname__ = "k8s_cluster"


def __virtual__():
    return __virtualname__


def up(test=False, repair=False, without=None):
    """
    Make the cluster what the pillar declares, and wait until it is healthy.

    Waits until every declared node is usable over SSH, plans, and runs the engine only when the plan is not empty or
    the cluster is not healthy. The cluster's state is copied before and after, also when the run fails. While it runs,
    the minion's log has the engine's output and the master gets events ``saltk8s/<cluster>/<engine>/<phase>``.

    A change of a cluster that runs already begins only when that is healthy (nodes, workloads, the engine's programs on
    the nodes, etcd), and with a snapshot of etcd when it touches etcd or a control plane.

    test
        True: return what would happen; nothing is written and the engine's program is not run.

    repair
        True: the change is itself the repair of a cluster that is not healthy: it does not have to be healthy before,
        and the run goes on when no snapshot can be taken. Guards refuse as always. For this one run: a switch in the
        pillar would stay on.

    without
        A node's name: for this one run it is as if the pillar did not declare it, and listed it in ``allow_removal``;
        the next run adds it again. To exchange its machine.

    Nodes that leave are drained first.

    Returns a dict: ``changes`` (empty when there was nothing to do), ``lines`` (the plan), ``ran`` (whether the engine
    ran). Raises CommandExecutionError: a guard refuses, the cluster is not healthy before a change or in a way that no
    run mends, a node does not answer (it is named, nothing is run), no snapshot can be taken, the engine failed (the
    lines that explain it), or the cluster is not healthy in time (what, why, and the last log lines of its pods).

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin k8s_cluster.up
        salt k8s-admin k8s_cluster.up test=True
        salt k8s-admin k8s_cluster.up repair=True
    """
    outcome = _living(without).up(test=bool(test), repair=bool(repair))
    return {"changes": outcome.changes, "lines": outcome.lines, "ran": outcome.ran}


def usable(test=False, known=False):
    """
    Make sure that the cluster takes objects: the admin's kubeconfig leads to an API server that answers.

    With several control planes, and while the one that the kubeconfig leads to does not answer, it is led to the first
    other one of the pillar that is ready.

    test
        True: nothing is written; before the cluster exists that is no error.
    known
        True: the API server answered a moment ago, and is not asked again.

    Returns a dict: ``changes``, ``lines`` and ``waits`` (True with test=True before the cluster exists). Raises
    CommandExecutionError when no API server answers, or there is no cluster.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin k8s_cluster.usable
    """
    with edges.translated(CommandExecutionError):
        return serving.check(access.kubectl(__salt__, __pillar__, None, None), bool(test), bool(known))


def plan(repair=False, without=None):
    """
    Return what ``k8s_cluster.up`` would do now. Reads only.

    repair
        True: what ``k8s_cluster.up repair=True`` would do, also while the cluster is not healthy.
    without
        A node's name: what ``k8s_cluster.up without=NAME`` would do.

    Returns a dict: ``empty`` (bool), ``changes`` (what a state would show), ``lines`` (the same for a human: nodes
    added, removed and changed, versions, options, and what happens to which running node).
    Raises CommandExecutionError when ``k8s_cluster.up`` would refuse: a guard, a cluster that is not healthy before a
    change, a node that does not answer.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin k8s_cluster.plan
        salt k8s-admin k8s_cluster.plan repair=True
    """
    found = _living(without).plan(repair=bool(repair))
    return {"empty": found.empty, "changes": found.changes(), "lines": found.lines()}


def preflight(version=None):
    """
    Return what stands against another version of Kubernetes, asked while nothing is changed yet. Reads only.

    ``k8s_cluster.up`` and ``plan`` ask the same before a run that changes the version, and refuse it; any other run
    asks nothing of this.

    version
        The version, as ``k8s:cluster:version`` would have it, which is the default: one that the pillar does not have
        yet can be asked about, too.

    Returns a dict: ``old``, ``new``, ``ok`` (bool: nothing has to be mended first), ``checks`` ({name: {state: ``ok``,
    ``warning`` or ``blocked``; lines}}: version, health, snapshot, services, deprecated APIs, etcd, disk space, images,
    drains; empty when the version stays), ``lines`` (the same for a human). Raises CommandExecutionError before the
    cluster exists.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin k8s_cluster.preflight
        salt k8s-admin k8s_cluster.preflight v1.32.6-rancher1-1
    """
    return _engine().preflight(version)


def taking_out(node, machine=None, exchange=False):
    """
    Return which steps taking a node out of the cluster, or exchanging its machine, still needs. Reads only.

    The orchestrations ``k8s.orch.take_out`` and ``k8s.orch.exchange`` ask that, so that one which was interrupted goes
    on where it stopped.

    node
        The node.
    machine
        With ``exchange``: the uid that Kubernetes gave to the node whose machine goes.
    exchange
        True: another machine takes its place, under the same name.

    Returns a dict: ``refused`` (why nothing is done, and the way that works; empty when it is), ``todo`` (steps in
    order: leave, clean, forget, join), ``lines`` (for a human), ``cloud`` (the minion that has Salt Cloud, None without
    one). Raises CommandExecutionError: the pillar is not valid, the state is damaged.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin k8s_cluster.taking_out k8s-w2
        salt k8s-admin k8s_cluster.taking_out k8s-w2 exchange=True machine=0cbe1dd9-9b0f-4ab0-a0b4-41b0c1d2a1a5
    """
    with edges.translated(CommandExecutionError):
        engine = _living()
        name, allowed = str(node), engine.model["cluster"].get("allow_removal") or ()
        uid = _uid(name, machine or None) if engine.kubeconfig() else ""
        facts = steps.Facts(name in engine.model["nodes"], name in allowed, name in engine.members(), uid)
        found = steps.exchange(name, facts, str(machine or "")) if exchange else steps.take_out(name, facts)
        cloud = engine.model.get("cloud") or {}
        return found.as_dict() | {"cloud": cloud.get("minion")}


def forget(node, test=False):
    """
    Delete the object of a node that is not in the cluster any more: a kubelet that came back registered it again.

    node
        The node.
    test
        True: return what would change, and delete nothing.

    Returns a dict: ``changes`` and ``lines``. Raises CommandExecutionError: the cluster has this node.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin k8s_cluster.forget k8s-w2
    """
    with edges.translated(CommandExecutionError):
        engine, name = _living(), target.checked_name("node", node)
        member, declared = name in engine.members(), name in engine.model["nodes"]
        if test and member and not declared:
            return {"changes": {}, "lines": [f"{name} leaves first"]}
        if member or declared:
            raise errors.Refused(f"refused, nothing was done: {name} is a node of the cluster; take it out first")
        if not engine.kubeconfig() or not _uid(name):
            return {"changes": {}, "lines": []}
        if not test:
            _kubectl().run("delete", "node", name, "--ignore-not-found", what=f"delete node {name}")
        return {"changes": {f"Node {name}": {"old": "present", "new": None}}, "lines": [f"Node {name} is deleted"]}


def remove(cluster, test=False):
    """
    Give the whole cluster up: its state, its keys and the kubeconfig are moved aside, and no run builds it again.

    The nodes are cleaned after it, see the orchestration ``k8s.orch.remove``; nothing on them is touched here.

    cluster
        The cluster's name, as a confirmation.
    test
        True: return what would change, and write nothing.

    Returns a dict: ``changes`` (empty when it was removed before), ``lines``, ``nodes`` (names of those that have to be
    cleaned). Raises CommandExecutionError: another name; a run is in progress.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin k8s_cluster.remove osug test=True
    """
    with edges.translated(CommandExecutionError):
        engine = _engine()
        known = (state_folder.removal(engine.model["paths"]) or {}).get("nodes")
        with contextlib.suppress(errors.Refused):  # its state is damaged: one more reason to give it up
            known = known or engine.members()
        nodes = sorted({*(known or ()), *engine.model["nodes"]})
        return state_folder.remove(engine.model, nodes, str(cluster), bool(test)) | {"nodes": nodes}


def status():
    """
    Return what is known of the cluster.

    Returns a dict: ``cluster`` (name), ``exists`` (bool), ``version``, ``nodes`` ({name: {address, internal_address,
    roles, labels, taints}}), ``healthy`` (bool), ``reasons`` (why not: nodes, workloads, the engine's programs on the
    nodes, etcd), ``etcd`` ({node: {answers, leader (bool), version, size and used (bytes of its database), errors}}),
    ``cordoned`` (names of nodes), ``last_run`` ({status: done, failed or running; time; the engine's version; the
    snapshot before it}), ``backups`` (copies of the state, oldest first). Raises CommandExecutionError when the pillar
    is not valid or the state file is damaged.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin k8s_cluster.status
    """
    return _engine().status()


def kubeconfig():
    """
    Return the path of the administrator's kubeconfig on this minion.

    Returns a string, or None before the cluster exists. Raises CommandExecutionError when the pillar is not valid.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin k8s_cluster.kubeconfig
    """
    return _engine().kubeconfig()


def prepare(test=False):
    """
    Make the folder of the cluster's files and the SSH key in it, both for root only.

    test
        True: return what would change, and write nothing.

    Returns a dict of changes, ``{path: what it is}``, empty when nothing changes; never with the key in it.
    Raises CommandExecutionError when the key is not in this minion's pillar.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin k8s_cluster.prepare test=True
    """
    return _engine().prepare(test=bool(test))


def config():
    """
    Return the engine's configuration as it would be written now, secrets redacted.

    Returns a dict in the shape that the engine reads, such as rke's ``cluster.yml``. Raises CommandExecutionError when
    the pillar is not valid.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin k8s_cluster.config
    """
    return _engine().render(redacted=True)


def system_images(version=None):
    """
    Return the images that the engine itself runs: what a site without internet must mirror besides the services'.

    version
        The Kubernetes version, as in ``k8s:cluster:version``, which is the default.

    Returns a sorted list of image references, under their stock names. Raises CommandExecutionError, for a version
    that the engine does not offer too.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin k8s_cluster.system_images
        salt k8s-admin k8s_cluster.system_images v1.31.10-rancher1-1
    """
    return _engine().system_images(version)


def programs():
    """
    Return the programs that the admin needs: the engine's own, and ``kubectl``.

    Returns a list of names, which are keys of ``k8s:binaries`` and files below ``paths:bin_dir`` of the model.
    Raises CommandExecutionError when the pillar is not valid.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin k8s_cluster.programs
    """
    return _engine().programs()


def _living(without=None):
    """The engine of a cluster that was not removed. without: a node as if it was not declared."""
    with edges.translated(CommandExecutionError):
        engine = _engine(without)
        state_folder.refuse_removed(engine.model["paths"])
        return engine


def _kubectl():
    return access.kubectl(__salt__, __pillar__, None, None)


def _uid(node, otherwise=None):
    """The uid of a node's object, "" without one; ``otherwise`` while no API server answers."""
    try:
        return target.get_object(_kubectl(), target.NODE, node)["metadata"]["uid"]
    except api_errors.NotFound:
        return ""
    except errors.Unreachable:
        if otherwise is None:
            raise
        return str(otherwise)


def _engine(without=None):
    model = __salt__["k8s_config.get"](secrets=True)
    model = drains.without(model, [str(without)]) if without else model
    return registry.load(model, registry.hooks(model, log, __salt__))


arguments.guard(globals(), SaltInvocationError, CommandExecutionError, as_job=True)
