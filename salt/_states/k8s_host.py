"""What a Kubernetes node needs of its operating system, as states.

In a container, what cannot be changed from inside is left to its host: the state succeeds without changes, and its
comment says what was left. The work is done by the execution module ``k8s_host``.
"""

from __future__ import annotations

from salt.exceptions import CommandExecutionError
from salt.state import STATE_INTERNAL_KEYWORDS
from saltk8s.base import arguments, edges

__virtualname__ = "k8s_host"


def __virtual__():
    if "k8s_host.container" in __salt__:
        return __virtualname__
    return False, "the execution module k8s_host is not loaded: run saltutil.sync_all"


def modules_loaded(name, modules):
    """
    Kernel modules are loaded, or built into the kernel.

    name
        Any sentence.
    modules
        List of kernel modules.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: yaml

        The kernel can filter what crosses bridges:
          k8s_host.modules_loaded:
            - modules: [overlay, br_netfilter]
    """
    return _result(name, "all modules are loaded", "load_modules", modules)


def sysctls_set(name, values):
    """
    Kernel settings have these values now. (A file in sysctl.d sets them at boot.)

    name
        Any sentence.
    values
        ``{name: value}``.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: yaml

        The node forwards packets:
          k8s_host.sysctls_set:
            - values: {net.ipv4.ip_forward: 1}
    """
    return _result(name, "all settings have these values", "set_sysctls", values)


def swap_off(name):
    """
    Swap is off, now and after a boot.

    name
        Any sentence.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: yaml

        The node does not swap:
          k8s_host.swap_off
    """
    return _result(name, "swap is off", "swap_off")


def swap_restored(name):
    """
    The swap entries of /etc/fstab that ``swap_off`` commented out are restored.

    name
        Any sentence.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: yaml

        The node may swap again:
          k8s_host.swap_restored
    """
    return _result(name, "no swap entries to restore", "restore_swap")


def hostname_set(name):
    """
    The machine has this name, with or without a domain.

    name
        The host name.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: yaml

        k8s-w1:
          k8s_host.hostname_set
    """
    return _result(name, "the host name is set", "set_hostname", name)


def block_present(name, block, lines, user=None, mode=None):
    """
    A file has a block with exactly these lines; the rest of the file is not changed. A missing file is created.

    name
        The file.
    block
        The block's name.
    lines
        List of lines.
    user
        User that owns the file when it is created.
    mode
        Mode of the file when it is created, as ``"0600"``.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: yaml

        /etc/hosts:
          k8s_host.block_present:
            - block: nodes
            - lines: ["10.20.0.11 k8s-cp1"]
    """
    return _result(name, "the block is up to date", "set_block", name, block, lines, user=user, mode=mode)


def block_absent(name, block):
    """
    A file has no block of that name; the rest of the file is not changed.

    name
        The file.
    block
        The block's name.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: yaml

        /etc/hosts:
          k8s_host.block_absent:
            - block: nodes
    """
    return _result(name, "the block is absent", "set_block", name, block, None)


def ssh_open(name, user):
    """
    The SSH server allows a user to log in with a key and to forward, as rke needs it to reach Docker. Changes nothing.

    name
        Any sentence.
    user
        The deploy user.

    Result False, with the settings that prevent it, when it does not; in test mode None, because the real run may
    change the settings first.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: yaml

        rke can reach Docker through SSH:
          k8s_host.ssh_open:
            - user: rke
    """
    ret = {"name": name, "changes": {}, "result": True, "comment": "the SSH server allows it"}
    bad = None if __opts__["test"] else False
    try:
        problems = __salt__["k8s_host.ssh_obstacles"](user)
    except CommandExecutionError as err:
        return ret | {"result": bad, "comment": str(err)}
    if problems:
        return ret | {"result": bad, "comment": "\n".join(["the SSH server's settings do not allow it:", *problems])}
    return ret


def firewall_loaded(name):
    """
    The packet filter rules of ``k8s:os:firewall: managed`` are in force. (A unit of systemd loads them at boot.)

    name
        Any sentence.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: yaml

        The ports of Kubernetes are for the cluster's machines only:
          k8s_host.firewall_loaded
    """
    return _result(name, "the rules are in force", "load_firewall")


def firewall_unloaded(name):
    """
    None of the packet filter rules of ``firewall_loaded`` is in force; others stay.

    name
        Any sentence.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: yaml

        The ports of Kubernetes are closed to nobody:
          k8s_host.firewall_unloaded
    """
    return _result(name, "there are no such rules", "unload_firewall")


def cleaned_up(name, node, gone=False, keep_etcd=False):
    """
    Nothing of a cluster is left on this node. Docker, the system, snapshots of etcd and the audit log stay.

    name
        Any sentence.
    node
        The node's own name, as a confirmation; or the cluster's, when that is removed.
    gone
        True: the cluster does not count this node any more; otherwise its API server is asked.
    keep_etcd
        True: etcd's data are moved aside.

    ``changes`` has what was found, by kind. Result False: the cluster counts this node, or something is left.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: yaml

        Nothing of the cluster is left here:
          k8s_host.cleaned_up:
            - node: k8s-w2
    """
    return _result(name, "nothing of a cluster is here", "clean_up", node, gone=gone, keep_etcd=keep_etcd)


def left_alone(name, why):
    """
    Nothing is done, and the comment says why. Always succeeds without changes.

    name
        What is left alone.
    why
        The reason.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: yaml

        The clock:
          k8s_host.left_alone:
            - why: k8s:os:time:enabled is false
    """
    return {"name": name, "changes": {}, "result": True, "comment": f"left alone: {why}"}


def stopped(name, why):
    """
    Something prevents the run, in test mode as well; the comment says what. Always fails without changes.

    name
        What cannot be done.
    why
        What prevents it, and what to do about it.

    .. versionadded:: 0.1.0

    CLI Example:

    .. code-block:: yaml

        The node:
          k8s_host.stopped:
            - why: the pillar is not valid
    """
    return {"name": name, "changes": {}, "result": False, "comment": why}


def _result(name, unchanged, function, *args, **kwargs):
    """Call an execution function once, in both modes, and return what a state returns."""
    test = bool(__opts__["test"])

    def call():
        done = __salt__[f"k8s_host.{function}"](*args, test=test, **kwargs)
        parts = list(done["notes"])
        if done["changes"]:
            parts.insert(0, f"{'would change' if test else 'changed'}: {', '.join(done['changes'])}")
        return {"changes": done["changes"], "lines": ["; ".join(parts) or unchanged]}

    return edges.state_result(name, test, CommandExecutionError, call)


arguments.guard(globals(), None, None, STATE_INTERNAL_KEYWORDS)
