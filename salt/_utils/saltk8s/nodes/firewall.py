"""A node's own packet filter: the ports of Kubernetes' programs are for the cluster's machines only.

It is a fixed list of what is closed: no other port is looked at, not that of SSH, nor are Salt's connections.
The rules are in chains of their own in the table ``raw``, before Docker, kube-proxy and Calico, which rewrite the other
tables; nothing there accepts a packet, so what those programs deny stays denied.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from saltk8s.base import errors, process
from saltk8s.pillar.vocabulary.roles import CONTROL_PLANE, ETCD

CHAIN = "SALTK8S"
JUMP = f"-A PREROUTING -j {CHAIN}"
ETCD_TCP = (2379, 2380)
# asked by the monitoring, whose pods Canal's policies let pass: metrics of etcd, MetalLB, the nodes; then kube-proxy,
# kubelet (two), controller manager, scheduler
PODS_TCP = (2381, 7472, 9100, 10249, 10250, 10255, 10257, 10259)
API_TCP = 6443
NODES_TCP = (5473, 7946)  # Typha, and MetalLB's speakers among themselves
NODES_UDP = (7946, 8472, 51820)  # the speakers, VXLAN, WireGuard
MOST_PORTS = 15  # that one rule can have
PROGRAMS = {"IPv4": "iptables", "IPv6": "ip6tables"}


def rules(model: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the rules of a node by family, in the form that ``iptables-save`` prints.

    model: with a static address for every node, which the pillar's rules demand.
    """
    felix = model["services"]["canal"]["felix"]["metrics_port"]
    pods = {*PODS_TCP, felix} - {API_TCP, model["cluster"]["ssh"]["port"]}
    ports: list[tuple[str, Iterable[int], str]] = [
        ("tcp", ETCD_TCP, "ETCD"),
        ("tcp", pods, "PODS"),
        ("tcp", NODES_TCP, "NODES"),
        ("udp", NODES_UDP, "NODES"),
    ]
    # a packet to another machine only passes through; one to a Service's address is rewritten after this
    first = [f"-A {CHAIN} -i lo -j RETURN", f"-A {CHAIN} -m addrtype ! --dst-type LOCAL -j RETURN"]
    everybody, control = _addresses(model, set()), _addresses(model, {CONTROL_PLANE, ETCD})
    allowed = [*everybody, *model["os"]["firewall_allow"]]
    chains = {
        "ETCD": [*control, *model["os"]["firewall_allow"]],
        # on its own node a pod comes with its own address
        "PODS": [*allowed, model["cluster"]["network"]["pod_cidr"]],
        "NODES": allowed,
    }
    ends = [line for name, sources in chains.items() for line in _closed(f"{CHAIN}-{name}", sources)]
    ipv4 = [
        *first,
        *(line for protocol, some, name in ports for line in _matches(protocol, some, f"{CHAIN}-{name}")),
        *ends,
    ]
    # none of the programs is reached by IPv6
    ipv6 = [*first, *(line for protocol, some, _ in ports for line in _matches(protocol, some, "DROP"))]
    return {"IPv4": [JUMP, *ipv4], "IPv6": [JUMP, *ipv6]}


def text(lines: Iterable[str]) -> str:
    """Return rules as ``iptables-restore --noflush`` reads them: our chains anew, the rest as it is."""
    lines = list(lines)
    chains = dict.fromkeys(line.split()[1] for line in lines if line != JUMP)
    return "\n".join(["*raw", *(f":{chain} - [0:0]" for chain in chains), *lines, "COMMIT", ""])


def load(wanted: Mapping[str, list[str]], test: bool) -> dict[str, Any]:
    """Make these rules the ones in force; no rules for a family: none of ours.

    Returns changes and notes, see saltk8s.nodes.machine. Raises CommandError, MissingProgram.
    """
    found: dict[str, Any] = {"changes": {}, "notes": []}
    for family, program in PROGRAMS.items():
        saved, lines = _live(program), list(wanted.get(family) or ())
        if saved is None:
            found["notes"].append(f"no rules of {family} can be read: {program} is missing, or the kernel has none")
            if family == "IPv4" and lines and not test:
                raise errors.CommandError(found["notes"][-1])
            if family == "IPv6":  # a kernel without it has nothing to close
                continue
        saved = saved or []
        if _by_chain(saved) == _by_chain(lines):
            continue
        if not test:
            _replace(program, saved, lines)
        found["changes"][family] = {side: f"{len(one)} rules" for side, one in (("old", saved), ("new", lines))}
    return found


def _addresses(model: Mapping[str, Any], roles: set[str]) -> list[str]:
    found = []
    for node in model["nodes"].values():
        if not roles or roles & set(node["roles"]):
            addresses = [node["ip"], str(node["internal_address"] or "").partition("/")[0]]
            found += [f"{address}/32" for address in addresses if address]
    return list(dict.fromkeys(found))


def _matches(protocol: str, ports: Iterable[int], target: str) -> list[str]:
    numbers = sorted(ports)
    groups = [numbers[start : start + MOST_PORTS] for start in range(0, len(numbers), MOST_PORTS)]
    return [
        f"-A {CHAIN} -p {protocol} -m multiport --dports {','.join(map(str, group))} -j {target}" for group in groups
    ]


def _closed(chain: str, sources: Iterable[str]) -> list[str]:
    return [*(f"-A {chain} -s {source} -j RETURN" for source in dict.fromkeys(sources)), f"-A {chain} -j DROP"]


def _live(program: str) -> list[str] | None:
    """Return our rules that are in force; None when they cannot be read."""
    try:
        done = process.run([f"{program}-save", "-t", "raw"])
    except errors.MissingProgram:
        return None
    if done.exit_status and program == PROGRAMS["IPv6"]:
        return None
    if done.exit_status:
        raise errors.CommandError(f"{program}-save cannot read the rules: {done.err.strip()}")
    ours = (JUMP, f"-A {CHAIN} ", f"-A {CHAIN}-")
    return [line.strip() for line in done.out.splitlines() if line.startswith(ours)]


def _by_chain(lines: list[str]) -> list[str]:
    """Return rules in an order that does not depend on which chain was printed first."""
    return sorted(lines, key=lambda line: line.split()[1])


def _replace(program: str, saved: list[str], lines: list[str]) -> None:
    """Load rules in one transaction: at no moment is a port open that was closed before and stays so."""
    body = [f"-D {JUMP.removeprefix('-A ')}"] * saved.count(JUMP)
    chains = list(dict.fromkeys(line.split()[1] for line in [*saved, *lines] if line != JUMP))
    gone = [chain for chain in chains if not any(line.startswith(f"-A {chain} ") for line in lines)]
    declared = [f":{chain} - [0:0]" for chain in chains]
    content = ["*raw", *declared, *body, *lines, *(f"-X {chain}" for chain in gone), "COMMIT", ""]
    done = process.run([f"{program}-restore", "--wait", "--noflush"], stdin="\n".join(content))
    if done.exit_status:
        raise errors.CommandError(f"{program}-restore refused the rules: {done.err.strip()}")
