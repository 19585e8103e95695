"""What a Kubernetes node needs of its operating system, where Salt's own states do not fit.

They do not fit in a container, which cannot load kernel modules, switch swap off, or set the clock and kernel-wide
settings: those belong to its host. These functions detect a container and only add a note there; on a machine they do
the work, which is in saltk8s.nodes.machine. Each that changes something takes ``test`` and computes its changes once,
for both modes.

These return ``{"changes": {what: {"old", "new"}}, "notes": [texts for the operator]}``.
"""

from __future__ import annotations

from salt.exceptions import CommandExecutionError, SaltInvocationError
from saltk8s.base import arguments, edges
from saltk8s.nodes import belonging, firewall, host
from saltk8s.nodes import proxy as proxies
from saltk8s.nodes.cleaning import Cleaning
from saltk8s.nodes.machine import Machine

__virtualname__ = "k8s_host"


def __virtual__():
    return __virtualname__


def container():
    """
    Return what kind of container this minion runs in, such as ``docker``; an empty string when it is none.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt 'k8s-*' k8s_host.container
    """
    return _machine().container()


def family(table):
    """
    Return this operating system's data from a table of them, an empty dict when it is not supported.

    table
        ``{families: {os_family: data}, systems: {os: data}, releases: {osfinger: data}}``; later ones override
        earlier ones. ``supported`` in the data lists the releases; ``salt/k8s/os/families.yaml`` is the pack's.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt 'k8s-*' k8s_host.family '{families: {Debian: {supported: [12]}}}'
    """
    return host.family(__grains__, table)


def host_lines():
    """
    Return the lines of /etc/hosts that name the cluster's nodes, as a list of strings.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt 'k8s-*' k8s_host.host_lines
    """
    return host.host_lines(__salt__["k8s_config.get"](secrets=True)["nodes"])


def own_user(name):
    """
    Return the full name of the deploy user when saltk8s manages it; an empty string for a user that existed before.

    name
        The user's name. saltk8s manages it when it does not exist, or when it has that full name.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt 'k8s-*' k8s_host.own_user rke
    """
    found = __salt__["user.info"](name)
    return host.OWN_USER if not found or found.get("fullname") == host.OWN_USER else ""


def other_time_services(ours):
    """
    Return the active time services other than ours, as a list of names: two would conflict.

    ours
        Name of the service that ``k8s.os`` uses.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt 'k8s-*' k8s_host.other_time_services systemd-timesyncd
    """
    return _machine().other_time_services(ours)


def missing_modules(names):
    """
    Return those kernel modules that are neither loaded nor built into the running kernel, as a list.

    names
        List of kernel modules.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt 'k8s-*' k8s_host.missing_modules '[overlay, br_netfilter]'
    """
    return _machine().missing_modules(names)


def load_modules(names, test=False):
    """
    Load the missing kernel modules. In a container none is loaded, and a note lists those that are not visible.

    names
        List of kernel modules.
    test
        Only return what would be changed.

    Returns changes and notes. Raises CommandExecutionError naming every module that cannot be loaded.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt 'k8s-*' k8s_host.load_modules '[overlay, br_netfilter]' test=True
    """
    return _machine().load_modules(names, test)


def set_sysctls(values, test=False):
    """
    Set kernel settings now. In a container only those of its network namespace are set; a note lists the others.

    values
        ``{name: value}``.
    test
        Only return what would be changed.

    Returns changes and notes. Raises CommandExecutionError naming every setting that does not exist or that is refused.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt 'k8s-*' k8s_host.set_sysctls '{net.ipv4.ip_forward: 1}' test=True
    """
    return _machine().set_sysctls(values, test)


def own_sysctls(values):
    """
    Return those settings that this minion may set: all of them, in a container only those of its network.

    values
        ``{name: value}``.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt 'k8s-*' k8s_host.own_sysctls '{net.ipv4.ip_forward: 1, kernel.panic: 10}'
    """
    return _machine().own_sysctls(values)


def swap_off(test=False):
    """
    Switch swap off now, and comment the swap entries of /etc/fstab out (``restore_swap`` restores them).

    test
        Only return what would be changed.

    Returns changes and notes. Raises CommandExecutionError when a device cannot be switched off.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt 'k8s-*' k8s_host.swap_off test=True
    """
    return _machine().swap_off(test)


def restore_swap(test=False):
    """
    Restore the swap entries of /etc/fstab that ``swap_off`` commented out; they are used from the next boot on.

    test
        Only return what would be changed.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt 'k8s-*' k8s_host.restore_swap test=True
    """
    return _machine().restore_swap(test)


def set_hostname(name, test=False):
    """
    Set the host name, unless it is set already, with or without a domain. A container keeps its own.

    name
        The host name.
    test
        Only return what would be changed.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-w1 k8s_host.set_hostname k8s-w1 test=True
    """
    return _machine().set_hostname(name, test)


def set_block(path, block, lines, user=None, mode=None, test=False):
    """
    Write these lines as a block of a file, and leave the rest of it alone; a missing file is created.

    path
        The file.
    block
        The block's name, in its first and last line, which are comments.
    lines
        List of lines; None removes the block.
    user
        User that owns a file that is created.
    mode
        Mode of a file that is created, as ``"0600"``. A folder created for it is readable by everybody, or only by
        the user when one is given. A file that holds nothing else is removed with the block.
    test
        Only return what would be changed.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt 'k8s-*' k8s_host.set_block /etc/hosts nodes '["10.20.0.11 k8s-cp1"]' test=True
    """

    def owner():
        return __salt__["file.user_to_uid"](user), __salt__["user.info"](user)["gid"]

    return _machine().set_block(path, block, lines, test, owner=owner if user else None, mode=mode)


def firewall_files():
    """
    Return what a node's packet filter is loaded from at boot: a map of family (``IPv4``, ``IPv6``) to a text for
    ``iptables-restore --noflush``.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-w1 k8s_host.firewall_files
    """
    found = firewall.rules(__salt__["k8s_config.get"](secrets=True))
    return {family: firewall.text(lines) for family, lines in found.items()}


def load_firewall(test=False):
    """
    Make the packet filter rules of ``k8s:os:firewall: managed`` the ones in force, where they differ.

    test
        Only return what would be changed.

    Returns changes and notes. Raises CommandExecutionError when the rules are refused.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt 'k8s-*' k8s_host.load_firewall test=True
    """
    return firewall.load(firewall.rules(__salt__["k8s_config.get"](secrets=True)), test)


def unload_firewall(test=False):
    """
    Remove the packet filter rules of ``load_firewall``, and no others.

    test
        Only return what would be changed.

    Returns changes and notes. Raises CommandExecutionError when the rules cannot be removed.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt 'k8s-*' k8s_host.unload_firewall test=True
    """
    return firewall.load({}, test)


def ssh_obstacles(user):
    """
    Return the SSH server's settings that keep rke from reaching Docker as this user, as a list of texts.

    user
        The deploy user.

    Raises CommandExecutionError when the server's settings cannot be read.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt 'k8s-*' k8s_host.ssh_obstacles rke
    """
    groups = (__salt__["user.info"](user) or {}).get("groups", [])
    return _machine().ssh_obstacles(user, groups)


def clean_up(name, gone=False, keep_etcd=False, test=False):
    """
    Remove what a cluster left on this node, so that nothing of it runs on, and the node can join one again.

    Containers of the engine and of pods, mounts below the kubelet's folder, network interfaces, packet filter rules and
    ipsets of the network plugin and of kube-proxy, and folders, etcd's data among them. Docker, the system, the
    snapshots of etcd and the audit log stay. Folders are removed only when nothing is mounted below them any more.

    name
        The node's own name, as a confirmation; or the cluster's, when that is removed.
    gone
        True: the caller knows that the cluster does not count this node any more. Otherwise its API server is asked,
        with the node's own certificate.
    keep_etcd
        True: etcd's data are moved to ``/var/lib/etcd.left-TIME``.
    test
        Only return what would be removed.

    Returns changes and notes. Raises CommandExecutionError: the cluster counts this node, or that is not known while
    its pillar declares it or its kubelet or etcd runs; Docker does not answer; something is left (what, and why).

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt k8s-w2 k8s_host.clean_up k8s-w2 test=True
        salt k8s-w2 k8s_host.clean_up k8s-w2
    """
    model = __salt__["k8s_config.get"](secrets=True) if __pillar__.get("k8s") else None
    with edges.translated(CommandExecutionError):
        belonging.check(_machine(), __opts__["id"], model, str(name), bool(gone))
        return Cleaning(_machine(), bool(keep_etcd)).clean(bool(test))


def proxy():
    """
    Return what the pillar's HTTP proxies (``k8s:proxy``) are in other programs' words.

    Returns a dict: ``apt``, ``dnf`` (lines of their configuration), ``salt`` (options of a minion); empty without a
    proxy. What is reached without it follows from the pillar. Raises CommandExecutionError when that is not valid.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: bash

        salt 'k8s-*' k8s_host.proxy
    """
    return proxies.parts(__salt__["k8s_config.get"](secrets=True))


def _machine():
    """The machine, or the folder that the minion option ``saltk8s_root`` names in place of ``/``.

    An option, because every loader has the options: tests in a folder cannot reach the machine.
    """
    return Machine(__grains__, __opts__.get("saltk8s_root", "/"))


arguments.guard(globals(), SaltInvocationError, CommandExecutionError, as_job=True)
