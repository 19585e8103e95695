"""The cluster, built by Rancher Kubernetes Engine (``rke``).

Runs on the admin minion only, the one that ``k8s:cluster:admin`` names: it alone has the SSH key, the kubeconfig and
the cluster's state. Everything is read from the pillar ``k8s:`` through ``k8s_config.get``.

Source: https://github.com/rancher/rke (read at v1.8.5; behaviour and file formats are noted in docs/cluster.md).
"""

from __future__ import annotations

import logging
from pathlib import Path

from salt.exceptions import CommandExecutionError
from saltk8s.base import edges
from saltk8s.engine import registry
from saltk8s.engine.base import Hooks
from saltk8s.engine.rke.program import Program

log = logging.getLogger(__name__)

EVENT_FAILURES = 2
COMPLAINTS = ("rke: warning", "rke: error", "rke: fatal")

__virtualname__ = "rke"


def __virtual__():
    return __virtualname__


def version(binary=None):
    """
    Return the version of the ``rke`` program.

    binary
        Path of the program, as a string. Default: ``rke`` in the folder of the pillar's binaries.

    Returns a string such as ``v1.8.5``. Raises CommandExecutionError when it is not installed or names no version.

    CLI Example:

    .. code-block:: bash

        salt k8s-admin rke.version
    """
    return _translated(_program(binary).version)


def versions(binary=None):
    """
    Return the Kubernetes versions that the ``rke`` program offers.

    binary
        Path of the program, as a string. Default: ``rke`` in the folder of the pillar's binaries.

    Returns a list of strings such as ``v1.32.6-rancher1-1``, oldest first. Raises CommandExecutionError.

    CLI Example:

    .. code-block:: bash

        salt k8s-admin rke.versions
    """
    return _translated(_program(binary).offered)


def system_images(version=None, binary=None):
    """
    Return the images that ``rke`` uses for a Kubernetes version: what a site without internet must mirror.

    version
        The Kubernetes version, as ``v1.32.6-rancher1-1``. Default: the pillar's.
    binary
        Path of the program, as a string. Default: ``rke`` in the folder of the pillar's binaries.

    Returns a sorted list of image references, under their stock names, plugins that are not used among them.
    Raises CommandExecutionError, for a version that this ``rke`` does not offer too.

    CLI Example:

    .. code-block:: bash

        salt k8s-admin rke.system_images
        salt k8s-admin rke.system_images v1.31.10-rancher1-1
    """
    wanted = version or _model()["cluster"]["version"]
    program = _program(binary)
    return _translated(lambda: program.images(wanted))


def config():
    """
    Return ``cluster.yml`` as it would be written now, secrets redacted.

    Returns a dict in the shape of rke's ``cluster.yml``. Raises CommandExecutionError when the pillar is not valid.

    CLI Example:

    .. code-block:: bash

        salt k8s-admin rke.config
    """
    return _translated(lambda: _engine().render(redacted=True))


def plan():
    """
    Return what ``rke.up`` would do now. Reads only; ``rke`` itself has no dry run.

    Returns a dict: ``empty`` (bool), ``changes`` (what a state would show), ``lines`` (the same for a human: nodes
    added, removed and changed, versions, options, and what happens to which running node).
    Raises CommandExecutionError when ``rke.up`` would refuse: a guard, a node that does not answer.

    CLI Example:

    .. code-block:: bash

        salt k8s-admin rke.plan
    """
    found = _translated(lambda: _engine().plan())
    return {"empty": found.empty, "changes": found.changes(), "lines": found.lines()}


def prepared(test=False):
    """
    Make the folder of the cluster's files and the SSH key in it, both for root only.

    test
        True: say what would change and write nothing.

    Returns a dict of changes, ``{path: what it is}``, empty when all is as it should be; never with the key in it.
    Raises CommandExecutionError when the key is not in this minion's pillar.

    CLI Example:

    .. code-block:: bash

        salt k8s-admin rke.prepared test=True
    """
    return _translated(lambda: _engine().prepare(test=bool(test)))


def up(test=False):
    """
    Make the cluster what the pillar says, and wait until it is healthy.

    Waits until every declared node answers on SSH with a working Docker, plans, and runs ``rke up`` only when the
    plan is not empty or the cluster is not healthy. The state file is copied before and after, also when the run
    fails. While it runs, the minion's log has rke's lines and the master gets events ``saltk8s/<cluster>/rke/<phase>``.

    test
        True: say what would happen; nothing is written and ``rke up`` is not run.

    Returns a dict: ``changes`` (empty when there was nothing to do), ``lines`` (the plan), ``ran`` (whether rke ran).
    Raises CommandExecutionError: a guard refuses, a node does not answer (it is named, nothing is run), rke failed (its
    lines that matter), or the cluster is not healthy in time (what, why, and the last log lines of its pods).

    CLI Example:

    .. code-block:: bash

        salt k8s-admin rke.up
        salt k8s-admin rke.up test=True
    """
    outcome = _translated(lambda: _engine().up(test=bool(test)))
    return {"changes": outcome.changes, "lines": outcome.lines, "ran": outcome.ran}


def status():
    """
    Return what is known of the cluster.

    Returns a dict: ``cluster`` (name), ``exists`` (bool), ``version``, ``nodes`` ({name: {address, internal_address,
    roles, labels, taints}}), ``healthy`` (bool), ``reasons`` (why not), ``cordoned`` (nodes without new pods),
    ``last_run`` ({status: done, failed or running; time; rke}), ``backups`` (copies of the state, oldest first).
    Raises CommandExecutionError when the pillar is not valid or the state file is damaged.

    CLI Example:

    .. code-block:: bash

        salt k8s-admin rke.status
    """
    return _translated(lambda: _engine().state())


def kubeconfig():
    """
    Return the path of the cluster's kubeconfig on this minion.

    Returns a string, or None before the cluster exists.

    CLI Example:

    .. code-block:: bash

        salt k8s-admin rke.kubeconfig
    """
    path = _model()["paths"]["kubeconfig"]
    return path if Path(path).exists() else None


def _model():
    return __salt__["k8s_config.get"]()


def _program(binary):
    return Program(binary or str(Path(_model()["paths"]["bin_dir"]) / "rke"))


def _engine():
    model = _model()
    if model["cluster"]["engine"] != "rke":
        raise CommandExecutionError(f"k8s:cluster:engine is {model['cluster']['engine']}, not rke")
    return registry.load(model, Hooks(_log, _sender(model["cluster"]["name"])))


def _log(line):
    """What rke complains about is in the minion's log at its default level, the rest from ``log_level: info`` on."""
    log.log(logging.WARNING if line.startswith(COMPLAINTS) else logging.INFO, "%s", line)


def _sender(cluster):
    """An event must never decide how a run ends, nor slow it down: after some in a row fail, no more are tried."""
    failures = 0

    def send(phase, data):
        nonlocal failures
        if failures >= EVENT_FAILURES:
            return
        tag = f"saltk8s/{cluster}/rke/{phase}"
        try:
            sent = __salt__["event.send"](tag, data)
        except Exception as err:  # noqa: BLE001
            log.debug("event %s: %s", tag, err)
            sent = False
        failures = 0 if sent else failures + 1

    return send


def _translated(action):
    with edges.translated(CommandExecutionError):
        return action()
