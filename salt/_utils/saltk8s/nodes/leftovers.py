"""What a cluster leaves on a node, told from what is somebody else's: pure.

``rke`` removes its own containers and files when it takes a node out. The pods' containers, mounts, interfaces and
packet filter rules stay, and all of it on a node that did not answer then.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence

# what starts the others again goes first
KUBELET = "^/?kubelet$"
CONTAINERS = (
    "^/?(k8s_|rke-)",
    "^/?kube-(apiserver|controller-manager|scheduler|proxy|cleaner|api-auth)$",
    "^/?etcd(-rolling-snapshots|-snapshot-once|-remove-snapshot|-restore|-download-backup|-Serve-backup"
    "|-checksum-checker|-extract-statefile|-fix-perm)?$",
    "^/?(nginx-proxy|service-sidekick|(cert|file|cluster-state)-deployer|extract-statefile-configmap|share-mnt)$",
)
MOUNTED = ("/var/lib/kubelet", "/var/lib/rancher", "/run/calico", "/run/flannel")
ETCD_DATA = "/var/lib/etcd"
FOLDERS = (
    ETCD_DATA,
    "/etc/kubernetes",
    "/etc/cni",
    "/opt/cni",
    "/run/calico",
    "/run/flannel",
    "/var/lib/calico",
    "/var/lib/cni",
    "/var/lib/cri-dockerd",
    "/var/lib/dockershim",
    "/var/lib/kubelet",
    "/var/lib/rancher",
    "/var/lib/weave",
    "/var/log/containers",
    "/var/log/pods",
)
KEPT = {"/opt/rke/etcd-snapshots": "snapshots of etcd", "/var/log/kube-audit": "the audit log"}
_INTERFACE = re.compile(
    r"cali.+|flannel.*|vxlan\.calico|vxlan-v6\.calico|wireguard\.cali|wg-v6\.cali|cni\d+|kube-.+|weave"
)
_CHAIN = re.compile(r"(KUBE|cali|FLANNEL|CNI|WEAVE)-")
_COMMENT = re.compile(r"cali:|flanneld |kubernetes |weave ")
_SET = re.compile(r"cali[46]0|KUBE-|weave-")


def mounts(mountinfo: str, folders: Iterable[str]) -> list[str]:
    """Return what is mounted below folders, in the order in which it can be unmounted.

    mountinfo: of /proc/self/mountinfo. A folder that is a mount itself, such as a disk of its own, is not among them.
    """
    points = [_plain(line.split(" ")[4]) for line in mountinfo.splitlines() if line.count(" ") > 4]
    within = tuple(f"{folder}/" for folder in folders)
    return [point for point in reversed(points) if point.startswith(within)]


def is_mount(mountinfo: str, folder: str) -> bool:
    """Whether a folder is a mount itself."""
    return any(_plain(line.split(" ")[4]) == folder for line in mountinfo.splitlines() if line.count(" ") > 4)


def interfaces(names: Iterable[str]) -> list[str]:
    """Return the network interfaces of a cluster's network plugin and of kube-proxy."""
    return sorted(name for name in names if _INTERFACE.fullmatch(name))


def sets(names: Iterable[str]) -> list[str]:
    """Return the ipsets of a cluster."""
    return sorted(name for name in names if _SET.match(name))


def chains(saved: str) -> list[str]:
    """Return a cluster's chains in what ``iptables-save`` prints, ``table chain``."""
    return [f"{table} {chain}" for table, words in _tables(saved).items() for chain in _own(words)]


def rules(saved: str) -> list[str]:
    """Return a cluster's rules in other chains, ``table rule``."""
    return [f"{table} {rule}" for table, lines in _tables(saved).items() for rule in _foreign(lines)]


def without(saved: str) -> str:
    """Return what ``iptables-restore --noflush`` needs to take a cluster's chains and rules away, "" for nothing.

    Whatever else is there stays: the rules of Docker, of the site, and those of ``k8s:os:firewall``.
    """
    parts = []
    for table, lines in _tables(saved).items():
        own, foreign = _own(lines), _foreign(lines)
        if own or foreign:  # a chain that is declared is emptied; it can go when nothing leads to it any more
            parts += [f"*{table}", *(f":{chain} - [0:0]" for chain in own)]
            parts += [*(f"-D {rule.removeprefix('-A ')}" for rule in foreign), *(f"-X {chain}" for chain in own)]
            parts.append("COMMIT")
    return "\n".join([*parts, ""]) if parts else ""


def _tables(saved: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    table = ""
    for line in map(str.strip, saved.splitlines()):
        if line.startswith("*"):
            table = line[1:]
        elif line.startswith((":", "-A ")):
            found.setdefault(table, []).append(line)
    return found


def _own(lines: Iterable[str]) -> list[str]:
    names = [line[1:].split(" ")[0] for line in lines if line.startswith(":")]
    return [name for name in names if _CHAIN.match(name)]


def _foreign(lines: Iterable[str]) -> list[str]:
    return [line for line in lines if line.startswith("-A ") and _is_foreign(shlex.split(line))]


def _is_foreign(words: Sequence[str]) -> bool:
    if _CHAIN.match(words[1]):
        return False
    tests = {"-j": _CHAIN, "-g": _CHAIN, "--comment": _COMMENT}  # a rule may have several comments
    return any(tests[word].match(after) for word, after in zip(words, words[1:], strict=False) if word in tests)


def _plain(text: str) -> str:
    """Return a path of mountinfo, where blanks and backslashes are octal numbers."""
    return re.sub(r"\\(\d{3})", lambda found: chr(int(found[1], 8)), text)
