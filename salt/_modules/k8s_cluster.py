"""The cluster: what the pillar declares, built by the engine that ``k8s:cluster:engine`` names.

Runs on the admin minion only, the one that ``k8s:cluster:admin`` names: it alone has the SSH key, the kubeconfig and
the cluster's state. Everything is read from the pillar ``k8s:`` through ``k8s_config.get``. What an engine does, and
what it refuses, is in docs/cluster.md.
"""

from __future__ import annotations

import logging

from salt.exceptions import CommandExecutionError, SaltInvocationError
from saltk8s.base import arguments, edges
from saltk8s.engine import registry
from saltk8s.engine.base import Hooks
from saltk8s.kubectl.client import access, serving

log = logging.getLogger(__name__)

EVENT_FAILURES = 2

registry.classes()  # imported now, as everything at a module's top: a later import may find files of another version

__virtualname__ = "k8s_cluster"


def __virtual__():
    return __virtualname__


def up(test=False, repair=False):
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
    outcome = _engine().up(test=bool(test), repair=bool(repair))
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


def plan(repair=False):
    """
    Return what ``k8s_cluster.up`` would do now. Reads only.

    repair
        True: what ``k8s_cluster.up repair=True`` would do, also while the cluster is not healthy.

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
    found = _engine().plan(repair=bool(repair))
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


def _engine():
    model = __salt__["k8s_config.get"](secrets=True)
    cluster = model["cluster"]
    return registry.load(model, Hooks(_log, _sender(f"saltk8s/{cluster['name']}/{cluster['engine']}")))


def _log(level, line):
    log.log(level, "%s", line)


def _sender(prefix):
    """An event must never decide how a run ends, nor slow it down: after some in a row fail, no more are tried."""
    failures = 0

    def send(phase, data):
        nonlocal failures
        if failures >= EVENT_FAILURES:
            return
        tag = f"{prefix}/{phase}"
        try:
            sent = __salt__["event.send"](tag, data)
        except Exception as err:  # noqa: BLE001
            log.debug("event %s: %s", tag, err)
            sent = False
        failures = 0 if sent else failures + 1

    return send


arguments.guard(globals(), SaltInvocationError, CommandExecutionError)
