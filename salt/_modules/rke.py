"""The program ``rke`` (Rancher Kubernetes Engine) on the admin minion: what it is and what it offers.

The cluster that it builds is the business of the execution module ``k8s_cluster``.

Source: https://github.com/rancher/rke (read at v1.8.5; behaviour and file formats are noted in docs/cluster.md).
"""

from __future__ import annotations

from pathlib import Path

from salt.exceptions import CommandExecutionError, SaltInvocationError
from saltk8s.base import arguments, edges
from saltk8s.engine.rke.program import Program
from saltk8s.engine.rke.takeover import adoption

__virtualname__ = "rke"


def __virtual__():
    return __virtualname__


def version(binary=None):
    """
    Return the version of the ``rke`` program.

    binary
        Path of the program, as a string. Default: ``rke`` in the folder of the pillar's binaries.

    Returns a string such as ``v1.8.5``. Raises CommandExecutionError when it is not installed or names no version.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin rke.version
    """
    return _program(binary).version()


def versions(binary=None):
    """
    Return the Kubernetes versions that the ``rke`` program offers.

    binary
        Path of the program, as a string. Default: ``rke`` in the folder of the pillar's binaries.

    Returns a list of strings such as ``v1.32.6-rancher1-1``, oldest first. Raises CommandExecutionError.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin rke.versions
    """
    return _program(binary).offered()


def system_images(version=None, binary=None):
    """
    Return the images that ``rke`` uses for a Kubernetes version: what a site without internet must mirror.

    version
        The Kubernetes version, as ``v1.32.6-rancher1-1``. Default: the pillar's.
    binary
        Path of the program, as a string. Default: ``rke`` in the folder of the pillar's binaries.

    Returns a sorted list of image references, under their stock names, plugins that are not used among them.
    Raises CommandExecutionError, for a version that this ``rke`` does not offer too.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin rke.system_images
        salt k8s-admin rke.system_images v1.31.10-rancher1-1
    """
    return _program(binary).images(version or __salt__["k8s_config.get"](secrets=True)["cluster"]["version"])


def take_over(cluster_yml, test=False):
    """
    Take over a cluster that ``rke`` built by hand: its state becomes that of this minion's pillar.

    The pillar declares the cluster already (``python3 -m saltk8s take-over`` wrote it). The state and the kubeconfig
    are copied into the state folder, and a record of what runs is written, so that the next plan is the difference
    between that and the pillar. No node is reached, and rke is not run. A second call changes nothing.

    cluster_yml
        Path on this minion of the ``cluster.yml`` that the cluster was last built from; the files that rke left lie
        beside it (``cluster.rkestate``, ``kube_config_cluster.yml``). They stay.
    test
        True: return what would be written, and the plan; nothing is written.

    Returns a dict: ``changes`` ({path: what it is}, empty when all is there), ``plan`` (what ``k8s_cluster.up`` would
    do then, as a list of lines; ``nothing to do`` when the pillar is what runs).
    Raises CommandExecutionError when ``cluster_yml`` is not what runs, when the state is damaged, when this minion has
    another cluster's state, or when the pillar would change what is fixed.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-admin rke.take_over /root/rke/cluster.yml test=True
        salt k8s-admin rke.take_over /root/rke/cluster.yml
    """
    with edges.translated(CommandExecutionError):
        return adoption.take_over(__salt__["k8s_config.get"](secrets=True), cluster_yml, bool(test))


def _program(binary):
    return Program(binary or str(Path(__salt__["k8s_config.paths"]()["bin_dir"]) / "rke"))


arguments.guard(globals(), SaltInvocationError, CommandExecutionError)
