"""Docker's configuration on a node, computed from the pillar for the formula ``k8s.docker``."""

from __future__ import annotations

from salt.exceptions import CommandExecutionError, SaltInvocationError
from saltk8s.base import arguments
from saltk8s.nodes import docker

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


arguments.guard(globals(), SaltInvocationError, CommandExecutionError)
