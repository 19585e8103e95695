"""What a Kubernetes node needs of its operating system, where Salt's own states do not fit.

They do not fit where a container is concerned: there a kernel module cannot be loaded, swap cannot be switched off, the
clock and kernel-wide settings are another machine's. These functions see that, leave it alone and say so; on a machine
of its own they do the work, which is in saltk8s.nodes.machine. Each that acts takes ``test`` and computes its changes
once, for both modes.

Returned by those: ``{"changes": {what: {"old", "new"}}, "notes": [texts for the operator]}``.
"""

from __future__ import annotations

from salt.exceptions import CommandExecutionError
from saltk8s.base import edges
from saltk8s.nodes import host
from saltk8s.nodes.machine import Machine

__virtualname__ = "k8s_host"


def __virtual__():
    return __virtualname__


def container():
    """
    Return what kind of container this minion runs in, as ``docker``; an empty string on a machine of its own.

    CLI Example:

    .. code-block:: bash

        salt 'k8s-*' k8s_host.container
    """
    return _machine().container()


def family(table):
    """
    Return what a table of operating systems says of this one, an empty dict when it does not know it.

    table
        ``{families: {os_family: data}, systems: {os: data}, releases: {osfinger: data}}``; later ones are laid over
        earlier ones. ``supported`` in the data lists the releases; ``salt/k8s/os/families.yaml`` is the pack's.

    CLI Example:

    .. code-block:: bash

        salt 'k8s-*' k8s_host.family '{families: {Debian: {supported: [12]}}}'
    """
    return host.family(__grains__, table)


def host_lines():
    """
    Return the lines of /etc/hosts that name the cluster's nodes, as a list of strings.

    CLI Example:

    .. code-block:: bash

        salt 'k8s-*' k8s_host.host_lines
    """
    return host.host_lines(__salt__["k8s_config.get"]()["nodes"])


def own_user(name):
    """
    Return the full name of a login that is ours to make and to remove; an empty string for one that was here before.

    name
        The login's name. It is ours when it does not exist, or when it has that full name.

    CLI Example:

    .. code-block:: bash

        salt 'k8s-*' k8s_host.own_user rke
    """
    found = __salt__["user.info"](name)
    return host.OWN_USER if not found or found.get("fullname") == host.OWN_USER else ""


def other_time_services(ours):
    """
    Return the services other than ours that keep this machine's clock, as a list of names: two would fight.

    ours
        Name of the service that ``k8s.os`` would use.

    CLI Example:

    .. code-block:: bash

        salt 'k8s-*' k8s_host.other_time_services systemd-timesyncd
    """
    return _machine().other_time_services(ours)


def missing_modules(names):
    """
    Return those kernel modules that the running kernel shows no sign of, loaded or built in, as a list.

    names
        List of kernel modules.

    CLI Example:

    .. code-block:: bash

        salt 'k8s-*' k8s_host.missing_modules '[overlay, br_netfilter]'
    """
    return _machine().missing_modules(names)


def load_modules(names, test=False):
    """
    Load the kernel modules that are not there yet. In a container nothing is loaded: what is not seen is noted.

    names
        List of kernel modules.
    test
        Only say what would be done.

    Returns changes and notes. Raises CommandExecutionError naming every module that cannot be loaded.

    CLI Example:

    .. code-block:: bash

        salt 'k8s-*' k8s_host.load_modules '[overlay, br_netfilter]' test=True
    """
    with edges.translated(CommandExecutionError):
        return _machine().load_modules(names, test)


def set_sysctls(values, test=False):
    """
    Set kernel settings now. In a container only those of its network namespace are set; the others are noted.

    values
        ``{name: value}``.
    test
        Only say what would be done.

    Returns changes and notes. Raises CommandExecutionError naming every setting that there is not or that is refused.

    CLI Example:

    .. code-block:: bash

        salt 'k8s-*' k8s_host.set_sysctls '{net.ipv4.ip_forward: 1}' test=True
    """
    with edges.translated(CommandExecutionError):
        return _machine().set_sysctls(values, test)


def own_sysctls(values):
    """
    Return those settings that this minion may set: all on a machine of its own, its network's in a container.

    values
        ``{name: value}``.

    CLI Example:

    .. code-block:: bash

        salt 'k8s-*' k8s_host.own_sysctls '{net.ipv4.ip_forward: 1, kernel.panic: 10}'
    """
    return _machine().own_sysctls(values)


def swap_off(test=False):
    """
    Stop swapping now, and take the swap entries of /etc/fstab out (commented, so that clean puts them back).

    test
        Only say what would be done.

    Returns changes and notes. Raises CommandExecutionError when a device cannot be switched off.

    CLI Example:

    .. code-block:: bash

        salt 'k8s-*' k8s_host.swap_off test=True
    """
    with edges.translated(CommandExecutionError):
        return _machine().swap_off(test)


def swap_back(test=False):
    """
    Put the swap entries that ``swap_off`` took out back into /etc/fstab; they are used from the next boot on.

    test
        Only say what would be done.

    CLI Example:

    .. code-block:: bash

        salt 'k8s-*' k8s_host.swap_back test=True
    """
    with edges.translated(CommandExecutionError):
        return _machine().swap_back(test)


def set_hostname(name, test=False):
    """
    Give the machine its name, unless it has it, with or without a domain. A container keeps the one it was given.

    name
        The host name.
    test
        Only say what would be done.

    CLI Example:

    .. code-block:: bash

        salt k8s-w1 k8s_host.set_hostname k8s-w1 test=True
    """
    with edges.translated(CommandExecutionError):
        return _machine().set_hostname(name, test)


def set_block(path, block, lines, user=None, mode=None, test=False):
    """
    Have these lines, and no others, in our block of a file that is not ours; the file is made when it is not there.

    path
        The file.
    block
        The block's name: it stands in its first and last line, which are comments.
    lines
        List of lines; None takes the block out.
    user
        Login that owns a file that is made.
    mode
        Mode of a file that is made, as ``"0600"``. A folder that is made for it is open to everybody, or to the user
        only when one is given. A file that holds nothing else is removed with the block.
    test
        Only say what would be done.

    CLI Example:

    .. code-block:: bash

        salt 'k8s-*' k8s_host.set_block /etc/hosts nodes '["10.20.0.11 k8s-cp1"]' test=True
    """

    def owner():
        return __salt__["file.user_to_uid"](user), __salt__["user.info"](user)["gid"]

    with edges.translated(CommandExecutionError):
        return _machine().set_block(path, block, lines, test, owner=owner if user else None, mode=mode)


def ssh_obstacles(user):
    """
    Return what in the SSH server's settings keeps rke from reaching Docker as this user, as a list of texts.

    user
        The deploy user.

    Raises CommandExecutionError when the server's settings cannot be read.

    CLI Example:

    .. code-block:: bash

        salt 'k8s-*' k8s_host.ssh_obstacles rke
    """
    groups = (__salt__["user.info"](user) or {}).get("groups", [])
    with edges.translated(CommandExecutionError):
        return _machine().ssh_obstacles(user, groups)


def _machine():
    """The machine, or the folder that the minion option ``saltk8s_root`` puts in the place of ``/``.

    It is an option because every loader has those: what is tried out in a folder cannot reach the machine.
    """
    return Machine(__grains__, __opts__.get("saltk8s_root", "/"))
