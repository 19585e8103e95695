"""The nodes, as the deploy user finds them over SSH: do they answer, does Docker work, what runs on them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from saltk8s.base import errors, process
from saltk8s.engine.rke.guards import CONTAINERS

CONNECT_S = 5  # a paused machine takes the connection and never says a word
PROBE_S = 20
POLL_S = 2
MEMBER_GRACE_S = 30  # for a node that is in the cluster already: it should be there, so waiting long helps nobody
TOLD_EVERY_S = 15
PARALLEL = 32
# a constant, so that nothing of the pillar is ever read by the nodes' shell
REMOTE = (
    "docker version --format 'docker {{.Server.Version}}' && "
    "docker ps -a --filter name=kube --filter name=etcd --format 'container {{.Names}} {{.Status}}' && "
    "if test -d /etc/kubernetes/ssl; then echo ssl; fi"
)


@dataclass
class Probe:
    """What one look at a node found.

    problem: None when it answers and its Docker works, else ``silent`` (no SSH), ``refused`` (SSH answers and does not
    let the deploy user in), ``key`` (it is another machine than before) or ``docker``; detail: in the program's words;
    docker: its version; containers: {name: whether it runs}, of rke's own; ssl: whether cluster keys lie on it.
    """

    name: str
    address: str
    problem: str | None = None
    detail: str = ""
    docker: str = ""
    containers: dict[str, bool] = field(default_factory=dict)
    ssl: bool = False

    @property
    def traces(self) -> list[str]:
        """What on this node belongs to a cluster."""
        found = [f"container {name}" for name in CONTAINERS if name in self.containers]
        return [*found, *(["/etc/kubernetes/ssl"] if self.ssl else [])]

    def __str__(self) -> str:
        words = {
            "silent": "does not answer on SSH",
            "refused": "does not let the deploy user in",
            "key": "is not the machine that it was (its SSH host key changed)",
            "docker": "answers, but its Docker does not work for the deploy user",
        }[self.problem or "silent"]
        return f"{self.name} ({self.address}) {words}" + (f": {self.detail}" if self.detail else "")


class Prober:
    """Looks at nodes over SSH with the deploy user's key."""

    def __init__(self, ssh: Mapping[str, Any], key: str, known_hosts: str, keep: bool = True):
        """ssh: the model's ``cluster:ssh``; key: path; known_hosts: path; keep: whether new host keys are written."""
        self._user, self._port = ssh["user"], ssh.get("port", 22)
        self._key, self._known_hosts, self._keep = key, known_hosts, keep

    def argv(self, address: str) -> list[str]:
        """Return the words of the ssh command for an address."""
        known = [f"UserKnownHostsFile={self._known_hosts}"]
        if not self._keep:
            known = ["UserKnownHostsFile=/dev/null", f"GlobalKnownHostsFile={self._known_hosts}"]
        options = [
            "BatchMode=yes",
            "IdentitiesOnly=yes",
            f"ConnectTimeout={CONNECT_S}",
            "ServerAliveInterval=3",
            "ServerAliveCountMax=2",
            "StrictHostKeyChecking=accept-new",
            "LogLevel=ERROR",
            *known,
        ]
        words = ["ssh", "-F", os.devnull, "-T", "-i", self._key, "-p", str(self._port)]
        return [*words, *(word for option in options for word in ("-o", option)), f"{self._user}@{address}", REMOTE]

    def probe(self, name: str, address: str) -> Probe:
        """Look at one node. Never raises for what the node does; MissingProgram without an ssh program."""
        try:
            result = process.run(self.argv(address), timeout_s=PROBE_S)
        except errors.CommandTimeout:
            return Probe(name, address, "silent", f"nothing within {PROBE_S} s")
        if result.exit_status == 0:
            return _answer(Probe(name, address), result.out)
        detail = " ".join(result.err.split())[-300:]
        if result.exit_status != 255:
            return Probe(name, address, "docker", detail or f"exit status {result.exit_status}")
        if "HOST IDENTIFICATION HAS CHANGED" in result.err or "Host key verification failed" in result.err:
            hint = f"if it was made anew: ssh-keygen -R {self._entry(address)} -f {self._known_hosts}"
            return Probe(name, address, "key", hint)
        return Probe(name, address, "refused" if "Permission denied" in result.err else "silent", detail)

    def all(self, addresses: Mapping[str, str]) -> dict[str, Probe]:
        """Look at nodes in parallel. addresses: {node name: address}. Returns {node name: Probe}."""
        if not addresses:
            return {}
        with ThreadPoolExecutor(max_workers=min(PARALLEL, len(addresses))) as pool:
            return {probe.name: probe for probe in pool.map(self.probe, addresses, addresses.values())}

    def wait(
        self,
        addresses: Mapping[str, str],
        members: Iterable[str],
        timeout_s: float,
        tell: Callable[[str, dict], None] = lambda phase, data: None,
    ) -> dict[str, Probe]:
        """Wait until every node answers and its Docker works.

        addresses: {node name: address}; members: the nodes that are in the cluster already, which get a short time
        only when they are silent; timeout_s: seconds for all others; tell: called with progress.
        Raises Unreachable, naming every node that is not there in time.
        """
        members, start, told = set(members), time.monotonic(), 0.0
        done: dict[str, Probe] = {}
        while True:
            done |= self.all({name: addresses[name] for name in addresses if name not in done or done[name].problem})
            waiting = [probe for probe in done.values() if probe.problem]
            spent = time.monotonic() - start
            late = [p for p in waiting if spent >= _patience(p, p.name in members, timeout_s)]
            if late:
                raise errors.Unreachable(unreachable(late, spent))
            if not waiting:
                return done
            if spent - told >= TOLD_EVERY_S or not told:
                told = spent or 0.001
                tell("wait", {"nodes": [probe.name for probe in waiting], "seconds": round(spent)})
            time.sleep(POLL_S)

    def forget(self, addresses: Iterable[str]) -> None:
        """Forget the host keys of machines that left the cluster, so that new ones may take their addresses."""
        if Path(self._known_hosts).exists():
            for address in addresses:
                process.run(["ssh-keygen", "-R", self._entry(address), "-f", self._known_hosts], timeout_s=10)

    def _entry(self, address: str) -> str:
        return address if self._port == 22 else f"[{address}]:{self._port}"


def unreachable(probes: Iterable[Probe], spent_s: float | None = None) -> str:
    """Return the error's text for nodes that are not there."""
    waited = f" after {spent_s:.0f} s" if spent_s is not None and spent_s >= 1 else ""
    lines = [str(probe) for probe in probes]
    return "\n".join([f"not every node is there{waited}, so nothing was run and nothing removed:", *lines])


def _patience(probe: Probe, member: bool, timeout_s: float) -> float:
    if probe.problem == "key":
        return 0
    return min(MEMBER_GRACE_S, timeout_s) if member and probe.problem == "silent" else timeout_s


def _answer(probe: Probe, output: str) -> Probe:
    for line in output.splitlines():
        words = line.split()
        if line == "ssl":
            probe.ssl = True
        elif words[:1] == ["docker"] and len(words) == 2:
            probe.docker = words[1]
        elif words[:1] == ["container"] and len(words) >= 2:
            probe.containers[words[1]] = words[2:3] == ["Up"] and "(Paused)" not in line
    return probe
