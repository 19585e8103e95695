"""What a node's operating system needs: the thinking of the execution and state module ``k8s_host``. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from saltk8s.base.overlay import overlay

CONTAINER_VIRTUAL = {"container", "docker", "podman", "lxc", "openvzve", "systemd-nspawn"}
CONTAINER_SUBTYPES = {"docker", "podman", "lxc", "libpod", "kubernetes", "systemd-nspawn", "openvz"}
MARKERS = {"/.dockerenv": "docker", "/run/.containerenv": "podman"}  # files that a container engine leaves inside

# Where a kernel shows that it has a module, when neither /sys/module nor its list of built-in modules does.
TRACES = {
    "br_netfilter": ["/proc/sys/net/bridge"],
    "nf_conntrack": ["/proc/sys/net/netfilter/nf_conntrack_count", "/proc/sys/net/netfilter/nf_conntrack_max"],
    "ip_tables": ["/proc/net/ip_tables_names"],
    "ip6_tables": ["/proc/net/ip6_tables_names"],
}

TIME_SERVICES = ("systemd-timesyncd", "chrony", "chronyd", "ntp", "ntpd", "ntpsec", "openntpd")
SWAP_MARK = "# saltk8s took this out: "
OWN_USER = "saltk8s deploy user"  # its full name: no colon, comma or equals sign, which passwd cannot hold


def container_kind(grains: Mapping[str, Any], markers: Iterable[str] = (), said: str = "") -> str:
    """Return what kind of container this is (``docker``), an empty string when it is a machine of its own.

    grains: the minion's; markers: which of MARKERS there are; said: what systemd keeps in /run/systemd/container.
    """
    if said.strip():
        return said.strip()
    for marker in markers:
        if marker in MARKERS:
            return MARKERS[marker]
    subtype, virtual = str(grains.get("virtual_subtype", "")), str(grains.get("virtual", ""))
    if subtype.lower() in CONTAINER_SUBTYPES:
        return subtype.lower()
    return virtual.lower() if virtual.lower() in CONTAINER_VIRTUAL else ""


def family(grains: Mapping[str, Any], table: Mapping[str, Any]) -> dict:
    """Return what the table of families says of this operating system, an empty dict when it does not know it.

    grains: the minion's; table: {``families``: {os_family: data}, ``systems``: {os: data}, ``releases``:
    {osfinger: data}}. A system is known when its os_family is there and ``supported`` of the merged data, a list of
    osrelease or osmajorrelease, has it. Later layers replace what they name.
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
    """Return the lines of /etc/hosts that name the nodes, those without a fixed address left out.

    nodes: the model's, each with ``ip`` (without prefix, None for DHCP). A long name comes with its first label.
    """
    lines = []
    for name, node in nodes.items():
        if node.get("ip"):
            short = name.partition(".")[0]
            lines.append(f"{node['ip']} {name}" + (f" {short}" if short != name else ""))
    return lines


def block_markers(name: str) -> tuple[str, str]:
    """Return the first and the last line of a block that we own in a file that is not ours."""
    return f"# begin saltk8s: {name}", f"# end saltk8s: {name}"


def with_block(text: str, name: str, lines: Sequence[str]) -> str:
    """Return the text with our block of that name in it: in its place when it is there already, else at the end."""
    begin, end = block_markers(name)
    block = "\n".join([begin, *lines, end]) + "\n"
    found = _block(name).search(text)
    if found:
        return text[: found.start()] + block + text[found.end() :]
    return text + ("" if not text or text.endswith("\n") else "\n") + block


def without_block(text: str, name: str) -> str:
    """Return the text without our block of that name."""
    return _block(name).sub("", text)


def _block(name: str) -> re.Pattern:
    begin, end = (re.escape(marker) for marker in block_markers(name))
    return re.compile(rf"^{begin}\n(?:.*\n)*?{end}(?:\n|\Z)", re.MULTILINE)


def module_is_there(name: str, loaded: Iterable[str], built_in: str, filesystems: str, traces: Iterable[bool]) -> bool:
    """Return whether the kernel has a module already.

    loaded: the names in /sys/module; built_in: text of modules.builtin; filesystems: text of /proc/filesystems;
    traces: whether each of TRACES[name] exists.
    """
    plain = name.replace("-", "_")
    if plain in loaded or any(traces) or plain in filesystems.split():
        return True
    return any(line.rpartition("/")[2].partition(".")[0].replace("-", "_") == plain for line in built_in.split())


def sysctl_path(name: str) -> str:
    """Return the file of a sysctl below /proc/sys. ``net.ipv4.conf.eth0/1.rp_filter``: a slash is a dot of a name."""
    if "/" in name.partition(".")[0]:
        return name
    return name.translate(str.maketrans("./", "/."))


def own_to_container(name: str) -> bool:
    """Return whether a container has a value of its own of this sysctl: those of its network namespace only."""
    return sysctl_path(name).startswith("net/")


def plain_value(value: Any) -> str:
    """Return a sysctl's value as the kernel writes it: words with one blank between them."""
    return " ".join(str(value).split())


def swap_devices(text: str) -> list[str]:
    """Return the devices and files in use as swap. text: of /proc/swaps."""
    return [line.split()[0].replace("\\040", " ") for line in text.splitlines()[1:] if line.split()]


def fstab_without_swap(text: str) -> str:
    """Return /etc/fstab with its swap entries commented out, so that ``fstab_with_swap`` finds them again."""
    return "".join(SWAP_MARK + line if _is_swap(line) else line for line in text.splitlines(keepends=True))


def fstab_with_swap(text: str) -> str:
    """Return /etc/fstab with the swap entries that we took out back in."""
    return "".join(line.removeprefix(SWAP_MARK) for line in text.splitlines(keepends=True))


def _is_swap(line: str) -> bool:
    words = line.split()
    return len(words) >= 3 and not words[0].startswith("#") and words[2] == "swap"


def other_time_services(ours: str) -> list[str]:
    """Return the services that may keep a clock, without ours under any of its names (``chrony``, ``chronyd``)."""
    return [name for name in TIME_SERVICES if name not in ours and ours not in name]


def same_host(current: str, wanted: str) -> bool:
    """Return whether a host name is the wanted one, with or without its domain: both are common practice."""
    if "." in current and "." in wanted:
        return current.lower() == wanted.lower()
    return current.partition(".")[0].lower() == wanted.partition(".")[0].lower()


def ssh_obstacles(settings: str, user: str, groups: Iterable[str] = ()) -> list[str]:
    """Return what in a server's settings keeps ``rke`` from reaching Docker through SSH, an empty list when nothing.

    settings: what ``sshd -T -C user=...`` prints; user: the deploy user; groups: the user's.
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
        problems.append(f"AuthorizedKeysFile is {' '.join(files)}, it has to have .ssh/authorized_keys")
    return problems + _not_admitted(found, user, list(groups))


def _not_admitted(found: Mapping[str, str], user: str, groups: list[str]) -> list[str]:
    problems = []
    # a pattern (*, ?, !, user@host) is the site's own and is not judged here: only plain lists are certain
    for key, name, who in (("allowusers", "AllowUsers", [user]), ("allowgroups", "AllowGroups", groups)):
        listed = found.get(key, "").split()
        if listed and who and not set(listed) & set(who) and not re.search(r"[*?!@]", " ".join(listed)):
            problems.append(f"{name} is {' '.join(listed)}: the user {user} is not admitted")
    for key, name, who in (("denyusers", "DenyUsers", [user]), ("denygroups", "DenyGroups", groups)):
        refused = set(found.get(key, "").split()) & set(who)
        if refused:
            problems.append(f"{name} has {' '.join(sorted(refused))}: the user {user} is refused")
    return problems
