"""What a Kubernetes node needs of its operating system, where Salt's own states do not fit.

They do not fit where a container is concerned: there a kernel module cannot be loaded, swap cannot be switched off, the
clock and kernel-wide settings are another machine's. These functions see that, leave it alone and say so; on a machine
of its own they do the work. Each that acts takes ``test`` and computes its changes once, for both modes.

Returned by those: ``{"changes": {what: {"old", "new"}}, "notes": [texts for the operator]}``.
"""

from __future__ import annotations

import errno
import os
import platform
import tempfile
from pathlib import Path

from salt.exceptions import CommandExecutionError
from saltk8s import errors, host, process

__virtualname__ = "k8s_host"

SSHD = "/usr/sbin/sshd"
TIME_SERVICES = ("systemd-timesyncd", "chrony", "chronyd", "ntp", "ntpd", "ntpsec", "openntpd")


def __virtual__():
    return __virtualname__


def container():
    """
    Return what kind of container this minion runs in, as ``docker``; an empty string on a machine of its own.

    CLI Example:

    .. code-block:: bash

        salt 'k8s-*' k8s_host.container
    """
    markers = [marker for marker in host.MARKERS if _place(marker).exists()]
    return host.container_kind(__grains__, markers, _read("/run/systemd/container"))


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
    others = [name for name in TIME_SERVICES if name != ours and not (name in ours or ours in name)]
    try:
        told = process.run(["systemctl", "is-active", *others], timeout_s=20).out.splitlines()
    except errors.SaltK8sError:
        return []
    return [name for name, state in zip(others, told, strict=False) if state.strip() == "active"]


def missing_modules(names):
    """
    Return those kernel modules that the running kernel shows no sign of, loaded or built in, as a list.

    names
        List of kernel modules.

    CLI Example:

    .. code-block:: bash

        salt 'k8s-*' k8s_host.missing_modules '[overlay, br_netfilter]'
    """
    folder = _place("/sys/module")
    loaded = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    built_in = _read(f"/lib/modules/{platform.release()}/modules.builtin")
    filesystems = _read("/proc/filesystems")
    return [
        name
        for name in names
        if not host.module_is_there(
            name, loaded, built_in, filesystems, [_place(path).exists() for path in host.TRACES.get(name, [])]
        )
    ]


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
    missing, kind = missing_modules(names), container()
    if kind:
        note = f"this is a {kind} container: kernel modules are loaded by the machine it runs on, not from here"
        seen = f"not seen from here: {', '.join(missing)}" if missing else "all that are needed are seen from here"
        return {"changes": {}, "notes": [note, seen]}
    failures = []
    for name in () if test else missing:
        try:
            done = process.run(["modprobe", name])
        except errors.SaltK8sError as err:
            raise CommandExecutionError(str(err)) from err
        if done.code:
            failures.append(f"{name}: {done.err.strip() or f'modprobe left with {done.code}'}")
    if failures:
        hint = f"for the kernel {platform.release()} there may be a package with more of them: *-modules-extra"
        raise CommandExecutionError("\n".join(["cannot load kernel modules:", *failures, hint]))
    return {"changes": {name: {"old": "not loaded", "new": "loaded"} for name in missing}, "notes": []}


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
    kind, changes, notes, failures = container(), {}, [], []
    for name, wanted in own_sysctls(values).items():
        path = _place(f"/proc/sys/{host.sysctl_path(name)}")
        if not path.exists() and test and not kind:
            changes[name] = {"old": "not there yet", "new": wanted}
            continue
        try:
            old = host.plain_value(path.read_text())
            if old == wanted:
                continue
            if not test:
                path.write_text(f"{wanted}\n")
                if host.plain_value(path.read_text()) != wanted:
                    raise OSError(errno.EINVAL, f"the kernel keeps {host.plain_value(path.read_text())}")
            changes[name] = {"old": old, "new": wanted}
        except OSError as err:
            (notes if kind else failures).append(f"{name}: {err.strerror}")
    if failures:
        raise CommandExecutionError("\n".join(["cannot set:", *failures]))
    left = sorted(set(values) - set(own_sysctls(values)))
    if left:
        notes.append(f"this is a {kind} container: left to the machine it runs on: {', '.join(left)}")
    return {"changes": changes, "notes": notes}


def own_sysctls(values):
    """
    Return those settings that this minion may set: all on a machine of its own, its network's in a container.

    values
        ``{name: value}``.

    CLI Example:

    .. code-block:: bash

        salt 'k8s-*' k8s_host.own_sysctls '{net.ipv4.ip_forward: 1, kernel.panic: 10}'
    """
    kind = container()
    return {
        name: host.plain_value(value)
        for name, value in sorted(values.items())
        if not kind or host.own_to_container(name)
    }


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
    kind, devices = container(), host.swap_devices(_read("/proc/swaps"))
    if kind:
        state = f"it swaps to {', '.join(devices)}" if devices else "it does not swap"
        return {"changes": {}, "notes": [f"this is a {kind} container: swap is the machine's it runs on; {state}"]}
    changes = {device: {"old": "swap", "new": "off"} for device in devices}
    for device in () if test else devices:
        try:
            done = process.run(["swapoff", device], timeout_s=600)
        except errors.SaltK8sError as err:
            raise CommandExecutionError(str(err)) from err
        if done.code:
            raise CommandExecutionError(f"cannot switch off {device}: {done.err.strip()}")
    changes.update(_rewrite("/etc/fstab", host.fstab_without_swap, test))
    return {"changes": changes, "notes": []}


def swap_back(test=False):
    """
    Put the swap entries that ``swap_off`` took out back into /etc/fstab; they are used from the next boot on.

    test
        Only say what would be done.

    CLI Example:

    .. code-block:: bash

        salt 'k8s-*' k8s_host.swap_back test=True
    """
    return {"changes": _rewrite("/etc/fstab", host.fstab_with_swap, test), "notes": []}


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
    kind = container()
    current = _read("/proc/sys/kernel/hostname").strip()
    if host.same_host(current, name):
        return {"changes": {}, "notes": [f"it is {current}"] if current != name else []}
    if kind:
        return {"changes": {}, "notes": [f"this is a {kind} container: it keeps the name it was given, {current}"]}
    if not test:
        try:
            done = process.run(["hostnamectl", "set-hostname", name])
        except errors.SaltK8sError as err:
            raise CommandExecutionError(str(err)) from err
        if done.code:
            raise CommandExecutionError(f"cannot set the host name: {done.err.strip()}")
    return {"changes": {"hostname": {"old": current, "new": name}}, "notes": []}


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

    def change(text):
        return host.without_block(text, block) if lines is None else host.with_block(text, block, lines)

    return {"changes": _rewrite(path, change, test, user, mode), "notes": []}


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
    client = f"user={user},host=admin,addr=127.0.0.1,laddr=127.0.0.1,lport=22"
    try:
        done = process.run([SSHD, "-T", "-C", client])
    except errors.SaltK8sError as err:
        raise CommandExecutionError(str(err)) from err
    if done.code:
        raise CommandExecutionError(f"the SSH server refuses its own settings: {done.err.strip()}")
    return host.ssh_obstacles(done.out, user, (__salt__["user.info"](user) or {}).get("groups", []))


def _place(path):
    """Where a path is on this machine. The minion option ``saltk8s_root`` puts a folder in the place of ``/``: it is an
    option because every loader has those, so that what is tried out in a folder cannot reach the machine."""
    return Path(__opts__.get("saltk8s_root", "/")) / str(path).lstrip("/")


def _read(path):
    """Text of a file, empty when there is no such file."""
    try:
        return _place(path).read_text(errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return ""


def _rewrite(path, change, test, user=None, mode=None):
    """Apply a function to a file's text; return the changes, empty when the text stays as it is."""
    place = _place(path)
    old = _read(path)
    new = change(old)
    if new == old:
        return {}
    if not test:
        try:
            if new:
                _write(place, new, user, mode)
            else:
                place.unlink()
        except OSError as err:
            raise CommandExecutionError(f"cannot write {path}: {err.strerror}") from err
    before, after = old.splitlines(), new.splitlines()
    return {
        str(path): {
            "old": "\n".join(line for line in before if line not in after),
            "new": "\n".join(line for line in after if line not in before),
        }
    }


def _write(place, text, user, mode):
    """Replace a file at once, keeping owner and mode; in place where it is a mount, as /etc/hosts in a container."""
    owner = __salt__["file.user_to_uid"](user) if user else None
    group = __salt__["user.info"](user)["gid"] if user else None
    if not place.parent.is_dir():
        place.parent.mkdir(mode=0o700 if user else 0o755)
        if user:
            os.chown(place.parent, owner, group)
    there = place.stat() if place.exists() else None
    handle, name = tempfile.mkstemp(prefix=f".{place.name}.", dir=place.parent)
    try:
        with os.fdopen(handle, "w") as out:
            out.write(text)
        Path(name).chmod(there.st_mode & 0o7777 if there else int(str(mode or "0644"), 8))
        if there or user:
            os.chown(name, there.st_uid if there else owner, there.st_gid if there else group)
        Path(name).replace(place)
    except OSError as err:
        Path(name).unlink(missing_ok=True)
        if err.errno not in (errno.EBUSY, errno.EXDEV):
            raise
        place.write_text(text)
