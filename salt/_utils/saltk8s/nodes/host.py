"""What a node's operating system needs: pure functions of the execution and state module ``k8s_host``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from saltk8s.base.overlay import overlay

CONTAINER_VIRTUAL = {"container", "docker", "podman", "lxc", "openvzve", "systemd-nspawn"}
CONTAINER_SUBTYPES = {"docker", "podman", "lxc", "libpod", "kubernetes", "systemd-nspawn", "openvz"}
MARKERS = {"/.dockerenv": "docker", "/run/.containerenv": "podman"}  # files that a container runtime creates inside

# Paths that exist when a module is available, although neither /sys/module nor the list of built-in modules has it.
TRACES = {
    "br_netfilter": ["/proc/sys/net/bridge"],
    "nf_conntrack": ["/proc/sys/net/netfilter/nf_conntrack_count", "/proc/sys/net/netfilter/nf_conntrack_max"],
    "ip_tables": ["/proc/net/ip_tables_names"],
    "ip6_tables": ["/proc/net/ip6_tables_names"],
}

TIME_SERVICES = ("systemd-timesyncd", "chrony", "chronyd", "ntp", "ntpd", "ntpsec", "openntpd")
SWAP_MARK = "# saltk8s took this out: "
JOINED = " (the line above had no newline)"  # on a block's first line
OWN_USER = "saltk8s deploy user"  # its full name (GECOS): no colon, comma or equals sign


def container_kind(grains: Mapping[str, Any], markers: Iterable[str] = (), systemd: str = "") -> str:
    """Return what kind of container this is (``docker``), an empty string when it is none.

    grains: the minion's; markers: those of MARKERS that exist; systemd: content of /run/systemd/container.
    """
    if systemd.strip():
        return systemd.strip()
    for marker in markers:
        if marker in MARKERS:
            return MARKERS[marker]
    subtype, virtual = str(grains.get("virtual_subtype", "")), str(grains.get("virtual", ""))
    if subtype.lower() in CONTAINER_SUBTYPES:
        return subtype.lower()
    return virtual.lower() if virtual.lower() in CONTAINER_VIRTUAL else ""


def family(grains: Mapping[str, Any], table: Mapping[str, Any]) -> dict:
    """Return this operating system's data from the table of families, an empty dict when it is not supported.

    grains: the minion's; table: {``families``: {os_family: data}, ``systems``: {os: data}, ``releases``:
    {osfinger: data}}. A system is supported when its os_family is in the table and ``supported`` of the merged data, a
    list of osrelease or osmajorrelease, has it. Later layers override earlier ones.
    """
    layers = [("families", "os_family"), ("systems", "os"), ("releases", "osfinger")]
    if grains.get("os_family") not in table["families"]:
        return {}
    found: dict = {}
    for layer, grain in layers:
        found = overlay(found, (table.get(layer) or {}).get(grains.get(grain)) or {})
    releases = {str(release) for release in found.get("supported", [])}
    if not releases & {str(grains.get("osrelease")), str(grains.get("osmajorrelease"))}:
        return {}
    return found


def host_lines(nodes: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the lines of /etc/hosts that name the nodes, without those that use DHCP.

    nodes: the model's, each with ``ip`` (without prefix, None for DHCP). A long name is followed by its short name.
    """
    lines = []
    for name, node in nodes.items():
        if node.get("ip"):
            short = name.partition(".")[0]
            lines.append(f"{node['ip']} {name}" + (f" {short}" if short != name else ""))
    return lines


def block_markers(name: str) -> tuple[str, str]:
    """Return the first and the last line of a block that saltk8s manages in somebody else's file."""
    return f"# begin saltk8s: {name}", f"# end saltk8s: {name}"


def with_block(text: str, name: str, lines: Sequence[str]) -> str:
    """Return the text with the block of that name: replaced in its place when it exists, else appended.

    A last line without a newline gets one, which the block's first line says, so that ``without_block`` takes it away.
    """
    begin, end = block_markers(name)
    found = _block(name).search(text)
    joined = bool(found and found["joined"]) if found else bool(text) and not text.endswith("\n")
    block = "\n".join([begin + (JOINED if joined else ""), *lines, end]) + "\n"
    if found:
        return text[: found.start()] + block + text[found.end() :]
    return text + ("\n" if joined else "") + block


def without_block(text: str, name: str) -> str:
    """Return the text without the block of that name, byte for byte what it was before the block."""
    found = _block(name).search(text)
    if not found:
        return text
    before, after = text[: found.start()], text[found.end() :]
    return before.removesuffix("\n") if found["joined"] and not after else before + after


def _block(name: str) -> re.Pattern:
    """Match a block; an editor may have given its lines the ends that DOS uses."""
    begin, end = (re.escape(marker) for marker in block_markers(name))
    return re.compile(rf"^{begin}(?P<joined>{re.escape(JOINED)})?\r?\n(?:[^\n]*\n)*?{end}\r?(?:\n|\Z)", re.MULTILINE)


def module_available(name: str, loaded: Iterable[str], built_in: str, filesystems: str, traces: Iterable[bool]) -> bool:
    """Return whether a kernel module is loaded or built in.

    loaded: the names in /sys/module; built_in: text of modules.builtin; filesystems: text of /proc/filesystems;
    traces: whether each of TRACES[name] exists.
    """
    plain = name.replace("-", "_")
    if plain in loaded or any(traces) or plain in filesystems.split():
        return True
    return any(line.rpartition("/")[2].partition(".")[0].replace("-", "_") == plain for line in built_in.split())


def sysctl_path(name: str) -> str:
    """Return a sysctl's path below /proc/sys. ``net.ipv4.conf.eth0/1.rp_filter``: a slash means a dot in a name."""
    if "/" in name.partition(".")[0]:
        return name
    return name.translate(str.maketrans("./", "/."))


def is_namespaced(name: str) -> bool:
    """Return whether a container has its own value of this sysctl: only those of the network namespace."""
    return sysctl_path(name).startswith("net/")


def plain_value(value: Any) -> str:
    """Return a sysctl's value as the kernel writes it: words separated by one blank."""
    return " ".join(str(value).split())


def swap_devices(text: str) -> list[str]:
    """Return the devices and files in use as swap. text: of /proc/swaps."""
    return [line.split()[0].replace("\\040", " ") for line in text.splitlines()[1:] if line.split()]


def fstab_without_swap(text: str) -> str:
    """Return /etc/fstab with its swap entries commented out, marked so that ``fstab_with_swap`` can restore them."""
    return "".join(SWAP_MARK + line if _is_swap(line) else line for line in lines_of(text))


def fstab_with_swap(text: str) -> str:
    """Return /etc/fstab with the swap entries that ``fstab_without_swap`` commented out restored."""
    return "".join(line.removeprefix(SWAP_MARK) for line in lines_of(text))


def lines_of(text: str) -> list[str]:
    """Return a file's lines with their ends. Only a newline ends one; str.splitlines knows ten characters more."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _is_swap(line: str) -> bool:
    words = line.split()
    return len(words) >= 3 and not words[0].startswith("#") and words[2] == "swap"


def other_time_services(ours: str) -> list[str]:
    """Return the known time services, except ours under any of its names (``chrony``, ``chronyd``)."""
    return [name for name in TIME_SERVICES if name not in ours and ours not in name]


def same_host(current: str, wanted: str) -> bool:
    """Return whether a host name is the wanted one, with or without its domain: both are common."""
    if "." in current and "." in wanted:
        return current.lower() == wanted.lower()
    return current.partition(".")[0].lower() == wanted.partition(".")[0].lower()


def ssh_obstacles(settings: str, user: str, groups: Iterable[str] = ()) -> list[str]:
    """Return the settings of an SSH server that keep ``rke`` from reaching Docker, an empty list when there are none.

    settings: output of ``sshd -T -C user=...``; user: the deploy user; groups: the user's.
    """
    found: dict[str, str] = {}
    for line in settings.splitlines():
        key, _, value = line.strip().partition(" ")
        found[key.lower()] = f"{found[key.lower()]} {value}" if key.lower() in found else value
    problems = [
        f"{name} is {found[key]}, it has to be yes (or local)"
        for key, name in (
            ("allowtcpforwarding", "AllowTcpForwarding"),
            ("allowstreamlocalforwarding", "AllowStreamLocalForwarding"),
        )
        if found.get(key, "yes") not in ("yes", "all", "local")
    ]
    if found.get("disableforwarding") == "yes":
        problems.append("DisableForwarding is yes, it has to be no")
    if found.get("pubkeyauthentication") == "no":
        problems.append("PubkeyAuthentication is no, it has to be yes")
    files = found.get("authorizedkeysfile", ".ssh/authorized_keys").split()
    if not {".ssh/authorized_keys", "%h/.ssh/authorized_keys"} & set(files):
        problems.append(f"AuthorizedKeysFile is {' '.join(files)}, it has to include .ssh/authorized_keys")
    return problems + _denied_user(found, user, list(groups))


def _denied_user(found: Mapping[str, str], user: str, groups: list[str]) -> list[str]:
    problems = []
    # patterns (*, ?, !, user@host) are not evaluated here, only plain lists
    for key, name, who in (("allowusers", "AllowUsers", [user]), ("allowgroups", "AllowGroups", groups)):
        listed = found.get(key, "").split()
        if listed and who and not set(listed) & set(who) and not re.search(r"[*?!@]", " ".join(listed)):
            problems.append(f"{name} is {' '.join(listed)}: the user {user} is not allowed")
    for key, name, who in (("denyusers", "DenyUsers", [user]), ("denygroups", "DenyGroups", groups)):
        refused = set(found.get(key, "").split()) & set(who)
        if refused:
            problems.append(f"{name} has {' '.join(sorted(refused))}: the user {user} is denied")
    return problems
