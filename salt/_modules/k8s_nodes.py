"""Nodes that have to be interrupted: for a Docker, its daemon.json, a kernel. One at a time, whoever asks for it.

A node's turn is the admin's permission to interrupt it. ``turns``, ``begin`` and ``end`` run on the admin; ``pending``
and ``reboot`` on a node. The orchestration ``k8s.orch.nodes`` calls them one after the other: see
docs/operations/os-and-docker.md.
"""

from __future__ import annotations

import datetime
import subprocess
from pathlib import Path

import yaml
from salt.exceptions import CommandExecutionError, SaltInvocationError
from saltk8s.base import arguments, edges, errors, loader
from saltk8s.engine import state_folder
from saltk8s.engine.ssh import Inspection, Prober
from saltk8s.kubectl.client import access
from saltk8s.kubectl.operations.drain import Options
from saltk8s.nodes import host, rolling
from saltk8s.nodes import reboot as reboots
from saltk8s.nodes import turn as permission
from saltk8s.nodes.dockerd import Dockerd
from saltk8s.nodes.machine import Machine
from saltk8s.turns.turns import Turns

FAMILIES = "salt://k8s/os/families.yaml"
WHEN = ("never", "window", "now")
REBOOT = "sleep 3; systemctl reboot || reboot"  # the job's answer leaves before

__virtualname__ = "k8s_nodes"


def __virtual__():
    return __virtualname__


def turns(names=None):
    """
    Return the order in which nodes get their turns, and which node has one now.

    names
        Names of nodes; all of the pillar's by default.

    Returns a dict: ``order`` (a list: one whose turn has begun, workers, then the others), ``open`` (None, or ``node``,
    ``since``, ``drain`` and ``cordoned``: whether somebody had cordoned it before). Raises CommandExecutionError for a
    node that the pillar does not have, and when the record of the turn is damaged.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin k8s_nodes.turns
    """
    with edges.translated(CommandExecutionError):
        found = _turns()
        begun = found.open
        order = found.order(_model()["nodes"] if names is None else names)
        return {"order": order, "open": begun._asdict() if begun else None}


def begin(name, drain=True, timeout_s=300, force=None, test=False):
    """
    Give a node its turn: when the cluster is healthy and no other node has one, its pods are evicted, and it is told.

    The node may then be interrupted for an hour; called again, for one more. A turn that was interrupted is gone on
    with, also while the cluster is not healthy. When the pods cannot be evicted, the node is as before.

    name
        The node.
    drain
        False: its pods stay. Then Docker is only restarted, and only with live-restore.
    timeout_s
        Seconds for the eviction of its pods.
    force
        Whether pods that no controller re-creates are deleted. Default: as the engine's drains do it.
    test
        True: return what would be done.

    Returns a dict: ``changes``, ``lines``. Raises CommandExecutionError: another node has its turn, the cluster is not
    healthy, the cluster is locked by a run, pods cannot be evicted (they and the budgets are named).

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin k8s_nodes.begin k8s-w1 test=True
        salt k8s-admin k8s_nodes.begin k8s-w1
    """
    with edges.translated(CommandExecutionError):
        deletes = _deletes_pods() if force is None else bool(force)
        options = Options(float(timeout_s), delete_emptydir_data=True, force=deletes)
        return _turns().begin(name, bool(drain), options, bool(test))


def end(name, force=False, test=False):
    """
    End a node's turn, once the node has rebooted if it was to, and the cluster is healthy; it takes pods again.

    name
        The node.
    force
        True: end it as it is. A node that was drained stays cordoned.
    test
        True: return what would be done.

    Returns a dict: ``changes`` (empty when the node has no turn), ``lines``. Raises CommandExecutionError when the node
    is not well within ``k8s:cluster:timeouts:ready_s``: its turn stays open then, and no other node gets one.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin k8s_nodes.end k8s-w1
    """
    with edges.translated(CommandExecutionError):
        return _turns().end(name, _model()["cluster"]["timeouts"]["ready_s"], bool(force), bool(test))


def pending(reboot="window"):
    """
    Return what waits on this node for its turn: Docker's version, its daemon.json, a reboot.

    reboot
        When a pending reboot is done: ``window`` (only in that of ``k8s:os:reboots``), ``now``, ``never``.

    Returns a dict: ``lines`` (what the node's turn would do), ``drain`` (whether its pods have to leave), ``later``
    (what waits for something else: texts). Raises CommandExecutionError when the pillar is not valid.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt 'k8s-*' k8s_nodes.pending
        salt 'k8s-*' k8s_nodes.pending reboot=now
    """
    with edges.translated(CommandExecutionError):
        reasons, shut = _reboot(reboot)
        found = _docker_pending()
        texts = [f"reboot: {reason}" for reason in reasons]
        if reasons and not shut:
            return {"lines": [*found["lines"], *texts], "drain": True, "later": []}
        return found | {"later": [f"{text}; not now: {shut}" for text in texts]}


def reboot(when="window", test=False):
    """
    Reboot this node if a reboot is pending, in its turn.

    when
        ``window``: only in that of ``k8s:os:reboots``; ``now``: at once; ``never``.
    test
        True: return what would be done.

    Returns a dict: ``changes`` (empty when nothing is done), ``lines``. The node reboots three seconds later.
    Raises CommandExecutionError: it is not this node's turn, or its pods were not evicted.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-w1 k8s_nodes.reboot test=True
    """
    with edges.translated(CommandExecutionError):
        reasons, shut = _reboot(when)
        if not reasons or shut:
            return {"changes": {}, "lines": [f"{reason}; not now: {shut}" for reason in reasons] or ["none is pending"]}
        containers = rolling.running(_docker().info())
        if not test and (why := rolling.waits(containers, _turn(), True)):
            raise errors.Refused(f"{__opts__['id']} does not reboot, because {why}: {rolling.HOW}")
        if not test:
            _machine().path_of(reboots.MARK).write_text("")
            subprocess.Popen(["/bin/sh", "-c", REBOOT], start_new_session=True, stdin=subprocess.DEVNULL)
        return {"changes": {"boot": {"old": "; ".join(reasons), "new": "reboots"}}, "lines": reasons}


def _reboot(when):
    """Return why a reboot is pending, and why it is not done now."""
    if when not in WHEN:
        raise errors.Invalid(f"reboot: got {when!r}; expected one of {', '.join(WHEN)}", "reboot", "unknown")
    reasons = reboots.pending(_machine(), __grains__["kernelrelease"])
    if when == "now" or not reasons:
        return reasons, ""
    now = datetime.datetime.now(datetime.timezone.utc)
    return reasons, reboots.shut(_model()["os"].get("reboots"), now) if when == "window" else "reboot=never"


def _docker_pending():
    family = host.family(__grains__, _families())
    return __salt__["k8s_docker.pending"](family["docker"]) if family else {"lines": [], "drain": False}


def _families():
    saltenv = __context__.get("saltk8s.pack.saltenv") or __opts__["saltenv"] or "base"
    path = __salt__["cp.cache_file"](FAMILIES, saltenv)
    path = path or Path(loader.defaults_file() or "").parent / "os" / "families.yaml"
    return yaml.safe_load(Path(path).read_text(encoding="utf-8"))


def _model():
    return __salt__["k8s_config.get"](secrets=True)


def _machine():
    return Machine(__grains__, __opts__.get("saltk8s_root", "/"))


def _docker():
    return Dockerd(_machine().path_of)


def _turn():
    user = _model()["cluster"]["ssh"]["user"]
    return permission.own(_machine().path_of, user, __salt__["user.info"](user) or {}, __opts__["id"])


def _deletes_pods():
    """As the engine's drains: with tenants, any of them could stop all turns with one pod."""
    model = _model()
    return bool(((model.get("services") or {}).get("tenants") or {}).get("enabled") and model.get("tenants"))


def _turns():
    model = _model()
    paths = model["paths"]
    known_hosts = str(Path(paths["state_dir"]) / state_folder.KNOWN_HOSTS)
    prober = Prober(model["cluster"]["ssh"], Inspection("Docker", "", ()), paths["ssh_key"], known_hosts, False)
    kubectl = access.kubectl(__salt__, __pillar__, None, None)
    send = edges.sender(__salt__, f"saltk8s/{model['cluster']['name']}/turn")
    return Turns(model, __salt__["k8s_cluster.status"], kubectl, prober, send)


arguments.guard(globals(), SaltInvocationError, CommandExecutionError, as_job=True)
