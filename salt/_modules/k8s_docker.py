"""Docker on a node: its configuration, computed from the pillar, and how a running one gets it.

A Docker that runs containers is restarted, or upgraded, in its node's turn only: see ``k8s_nodes``, which gives it.
"""

from __future__ import annotations

from salt.exceptions import CommandExecutionError, SaltInvocationError
from saltk8s.base import arguments, edges
from saltk8s.nodes import changes, docker, rolling, turn
from saltk8s.nodes.dockerd import Dockerd
from saltk8s.nodes.machine import Machine

__virtualname__ = "k8s_docker"


def __virtual__():
    return __virtualname__


def daemon():
    """
    Return the content of Docker's daemon.json for this pillar, as a dict. It contains no secret.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt 'k8s-*' k8s_docker.daemon
    """
    return docker.daemon(__salt__["k8s_config.get"](secrets=True))


def packages(data):
    """
    Return Docker's packages as ``{name: version to install, or None for any}``, empty when this system has none.

    data
        The family's ``docker`` part of ``salt/k8s/os/families.yaml``.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt 'k8s-*' k8s_docker.packages '{version: "{pin}*", packages: {docker-ce: {pinned: [docker-ce]}}}'
    """
    return docker.packages(__salt__["k8s_config.get"](secrets=True), data)


def registry_host(url):
    """
    Return host[:port] of a registry.

    url
        host[:port][/path]

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt 'k8s-*' k8s_docker.registry_host registry.osug.example/k8s
    """
    return docker.registry_host(url)


def validate():
    """
    Return why this node's dockerd does not take the pillar's daemon.json, an empty string when it does.

    The daemon that is installed checks it itself, with the flags of its service; nothing is written and none is
    restarted. Empty, too, before Docker is installed. Raises CommandExecutionError when dockerd cannot be run.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt 'k8s-*' k8s_docker.validate
    """
    with edges.translated(CommandExecutionError):
        found = _docker()
        return found.problem(daemon()) if found.program else ""


def prepare(test=False):
    """
    Put daemon.json in place before Docker is installed, so that it starts with it; nothing is done after that.

    test
        True: return what would be done; nothing is written.

    Returns a dict: ``changes`` (keys of daemon.json, old and new), ``lines`` (the same as text).

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-w1 k8s_docker.prepare test=True
    """
    with edges.translated(CommandExecutionError):
        found = _docker()
        return rolling.outcome({}) if found.program else rolling.configure(found, daemon(), {}, None, bool(test))


def configure(data, test=False):
    """
    Put daemon.json in place and restart Docker with it: at once while no container runs, else in the node's turn.

    data
        The family's ``docker`` part of ``salt/k8s/os/families.yaml``.
    test
        True: return what would be done; nothing is written.

    Returns a dict: ``changes`` (keys of daemon.json, old and new), ``lines`` (the same as text) and ``waiting`` (True
    while it waits for the node's turn). A Docker that does not start with it gets the old one back.
    Raises CommandExecutionError: dockerd refuses it, Docker would lose the images or containers that it keeps, or it
    does not start.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-w1 k8s_docker.configure '{version: "{pin}*", packages: {docker-ce: {pinned: [docker-ce]}}}' test=True
    """
    with edges.translated(CommandExecutionError):
        found = _docker()
        versions = changes.other_versions(_installed(data), packages(data)) if found.program else {}
        return rolling.configure(found, daemon(), versions, _turn(), bool(test))


def waits(data):
    """
    Return why Docker's packages are not changed now, an empty string when they may be, or are as they should be.

    data
        The family's ``docker`` part of ``salt/k8s/os/families.yaml``.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-w1 k8s_docker.waits '{version: "{pin}*", packages: {docker-ce: {pinned: [docker-ce]}}}'
    """
    found = _docker()
    versions = changes.other_versions(_installed(data), packages(data)) if found.program else {}
    why = versions and rolling.waits(rolling.running(found.info()), _turn(), True)
    return "\n".join([f"{why}: {rolling.HOW}", *changes.words(versions)]) if why else ""


def pending(data):
    """
    Return what of Docker differs from the pillar on this node, and waits for its turn if containers run.

    data
        The family's ``docker`` part of ``salt/k8s/os/families.yaml``.

    Returns a dict: ``lines`` (texts, empty when nothing differs), ``drain`` (whether the change ends containers).

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-w1 k8s_docker.pending '{version: "{pin}*", packages: {docker-ce: {pinned: [docker-ce]}}}'
    """
    with edges.translated(CommandExecutionError):
        return rolling.pending(_docker(), daemon(), _installed(data), packages(data))


def _docker():
    return Dockerd(_machine().path_of)


def _machine():
    return Machine(__grains__, __opts__.get("saltk8s_root", "/"))


def _turn():
    """Return this node's turn."""
    user = __salt__["k8s_config.get"](secrets=True)["cluster"]["ssh"]["user"]
    return turn.own(_machine().path_of, user, __salt__["user.info"](user) or {}, __opts__["id"])


def _installed(data):
    return {name: __salt__["pkg.version"](name) for name in packages(data)}


arguments.guard(globals(), SaltInvocationError, CommandExecutionError, as_job=True)
