"""The nodes, as the deploy user reaches them over SSH: whether the container runtime works, and what runs on it."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from saltk8s.base import errors, process
from saltk8s.engine.plan import Plan
from saltk8s.engine.unusable import NodesUnusable

CONNECT_S = 5  # a paused machine accepts the connection and never answers
PROBE_S = 20
RUN_S = 60
POLL_S = 2
MEMBER_GRACE_S = 30  # for a node that is in the cluster already: it should be up, so a longer wait rarely helps
REPORT_EVERY_S = 15
PARALLEL = 32
EMPTY = hashlib.sha256(b"").hexdigest()  # of a file that is not there


class Inspection(NamedTuple):
    """What an engine asks a node.

    runtime: name of the container runtime; command: for the node's shell, a constant, so that nothing of the pillar is
    ever read by that shell. It fails when the deploy user cannot use the runtime, and prints lines ``runtime VERSION``,
    ``container NAME STATUS`` (Docker's words), ``image NAME IMAGE``, ``restarts NAME COUNT``, ``log NAME LINE``,
    ``trace PATH`` (of a cluster), ``sum FILE SHA256`` and those of the engine's own questions; containers: names of
    those that belong to a cluster; questions: first words of the engine's own lines.
    """

    runtime: str
    command: str
    containers: tuple[str, ...]
    questions: tuple[str, ...] = ()


@dataclass
class Probe:
    """What one check of a node found.

    problem: None when the node is usable, else ``silent`` (no answer on SSH), ``denied`` (SSH denies the deploy user),
    ``key`` (another SSH host key than before) or ``runtime``; detail: the program's own message; runtime: the container
    runtime's name; version: its version; containers: {name: whether it runs}; images: {container's name: image};
    traces: what belongs to a cluster; not_ready: why Kubernetes says that it is not Ready; statuses: {container:
    Docker's words}; restarts: {container: how often Docker restarted it}; logs: {container: its last lines}, of those
    that do not run or began just now; answers: {the engine's question: lines}; sums: {name of a file of the cluster's:
    its SHA-256}, of those that could be read.
    """

    name: str
    address: str
    problem: str | None = None
    detail: str = ""
    runtime: str = ""
    version: str = ""
    containers: dict[str, bool] = field(default_factory=dict)
    images: dict[str, str] = field(default_factory=dict)
    traces: list[str] = field(default_factory=list)
    sums: dict[str, str] = field(default_factory=dict)
    not_ready: str = ""
    statuses: dict[str, str] = field(default_factory=dict)
    restarts: dict[str, int] = field(default_factory=dict)
    logs: dict[str, list[str]] = field(default_factory=dict)
    answers: dict[str, list[str]] = field(default_factory=dict)

    def __str__(self) -> str:
        problem = {
            "silent": "does not answer on SSH",
            "denied": "denies the deploy user SSH access",
            "key": "is another machine than before (its SSH host key changed)",
            "runtime": f"answers on SSH, but the deploy user cannot use {self.runtime}",
        }[self.problem or "silent"]
        text = f"{self.name} ({self.address}) {problem}" + (f": {self.detail}" if self.detail else "")
        return text + (f"; for Kubernetes it is not Ready: {self.not_ready}" if self.not_ready else "")


class Prober:
    """Checks nodes over SSH with the deploy user's key."""

    def __init__(self, ssh: Mapping[str, Any], inspection: Inspection, key: str, known_hosts: str, keep: bool = True):
        """ssh: the model's ``cluster:ssh``; inspection: the engine's; key: path of the private key; known_hosts: path;
        keep: whether new host keys are written.
        """
        self._user, self._port = ssh["user"], ssh.get("port", 22)
        self._inspection = inspection
        self._key, self._known_hosts, self._keep = key, known_hosts, keep

    def argv(self, address: str, command: str = "") -> list[str]:
        """Return the words of the ssh command for an address. command: the inspection by default."""
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
        words += [word for option in options for word in ("-o", option)]
        return [*words, f"{self._user}@{address}", command or self._inspection.command]

    def probe(self, name: str, address: str) -> Probe:
        """Check one node. Never raises for what the node does; MissingProgram without an ssh program."""
        try:
            result = process.run(self.argv(address), timeout_s=PROBE_S)
        except errors.CommandTimeout:
            return Probe(name, address, "silent", f"timed out after {PROBE_S} s")
        if result.exit_status == 0:
            return read_answer(Probe(name, address), result.out, self._inspection)
        if result.exit_status != 255:
            return Probe(name, address, "runtime", result.failure, self._inspection.runtime)
        if "HOST IDENTIFICATION HAS CHANGED" in result.err or "Host key verification failed" in result.err:
            hint = f"if it was re-created: ssh-keygen -R {self._entry(address)} -f {self._known_hosts}"
            return Probe(name, address, "key", hint)
        return Probe(name, address, "denied" if "Permission denied" in result.err else "silent", result.said)

    def run(self, address: str, command: str) -> str:
        """Run a command on a node; return its error, "" when it succeeded. Raises CommandTimeout, MissingProgram."""
        result = process.run(self.argv(address, command), timeout_s=RUN_S)
        return result.failure if result.exit_status else ""

    def ask(self, address: str, command: str) -> str:
        """Return what a command prints on a node. Raises CommandError, CommandTimeout, MissingProgram."""
        result = process.run(self.argv(address, command), timeout_s=PROBE_S)
        if result.exit_status:
            raise errors.CommandError(result.failure, result.exit_status)
        return result.out

    def probe_all(self, addresses: Mapping[str, str]) -> dict[str, Probe]:
        """Check nodes in parallel. addresses: {node name: address}. Returns {node name: Probe}."""
        if not addresses:
            return {}
        with ThreadPoolExecutor(max_workers=min(PARALLEL, len(addresses))) as pool:
            return {probe.name: probe for probe in pool.map(self.probe, addresses, addresses.values())}

    def wait(
        self,
        addresses: Mapping[str, str],
        members: Iterable[str],
        timeout_s: float,
        report: Callable[[str, dict[str, Any]], None] = lambda phase, data: None,
        not_ready: Callable[[], Mapping[str, str]] = dict,
    ) -> dict[str, Probe]:
        """Wait until every node answers and its container runtime works.

        addresses: {node name: address}; members: the nodes that are in the cluster already, which get
        MEMBER_GRACE_S when they are silent; timeout_s: seconds for all others; report: called with progress; not_ready:
        returns which nodes Kubernetes itself gave up, and why. It is called once, when a member is not usable: one
        that it names is not waited for.
        Raises NodesUnusable, naming every node that is not usable in time.
        """
        members, start, reported = set(members), time.monotonic(), 0.0
        done: dict[str, Probe] = {}
        lost: Mapping[str, str] | None = None
        while True:
            left = [name for name in addresses if name not in done or done[name].problem]
            done |= self.probe_all({name: addresses[name] for name in left})
            waiting = [probe for probe in done.values() if probe.problem]
            if lost is None and any(probe.name in members for probe in waiting):
                lost = not_ready()
            add_not_ready(waiting, lost or {})
            spent = time.monotonic() - start
            late = [p for p in waiting if spent >= _timeout(p, p.name in members, timeout_s)]
            if late:
                raise unusable(late, spent)
            if not waiting:
                return done
            if spent - reported >= REPORT_EVERY_S or not reported:
                reported = spent or 0.001
                report("wait", {"nodes": [probe.name for probe in waiting], "seconds": round(spent)})
            time.sleep(POLL_S)

    def forget(self, addresses: Iterable[str]) -> None:
        """Forget the host keys of machines that left the cluster, so that new ones may take their addresses."""
        if Path(self._known_hosts).exists():
            for address in addresses:
                process.run(["ssh-keygen", "-R", self._entry(address), "-f", self._known_hosts], timeout_s=10)

    def _entry(self, address: str) -> str:
        return address if self._port == 22 else f"[{address}]:{self._port}"


def add_not_ready(probes: Iterable[Probe], not_ready: Mapping[str, str]) -> None:
    """Note in probes what Kubernetes says of their nodes."""
    for probe in probes:
        probe.not_ready = not_ready.get(probe.name, "")


def unusable(probes: Iterable[Probe], waited_s: float = 0) -> NodesUnusable:
    """Return the error of nodes that are not usable."""
    return NodesUnusable({probe.name: str(probe) for probe in probes}, waited_s)


def lost(plan: Plan, probes: Iterable[Probe]) -> list[Probe]:
    """Return the unusable nodes that a plan cannot do without. Those that join may be machines that nobody has made
    yet: they are noted in the plan.
    """
    found = [probe for probe in probes if probe.problem]
    new = [p.name for p in found if p.name in plan.added and (plan.create or p.problem != "key")]
    if new:
        plan.notes.append(f"not ready yet: {', '.join(new)}")
    return [probe for probe in found if probe.name not in new]


def _timeout(probe: Probe, member: bool, timeout_s: float) -> float:
    silent = probe.problem == "silent"
    if probe.problem == "key" or (member and silent and probe.not_ready):
        return 0
    return min(MEMBER_GRACE_S, timeout_s) if member and (silent or probe.not_ready) else timeout_s


def read_answer(probe: Probe, output: str, inspection: Inspection) -> Probe:
    """Complete a probe with what the inspection's command printed."""
    paths = []
    probe.runtime = inspection.runtime
    for line in output.splitlines():
        kind, _, rest = line.partition(" ")
        name, _, words = rest.partition(" ")
        if kind == "runtime" and name and not words:
            probe.version = name
        elif kind == "trace" and name and not words:
            paths.append(name)
        elif kind == "image" and words:
            probe.images[name] = words
        elif kind == "container" and name:
            probe.statuses[name] = words
            probe.containers[name] = words.split()[:1] == ["Up"] and "(Paused)" not in words
        elif kind == "sum" and words != EMPTY:
            probe.sums.setdefault(name, words)
        elif kind == "restarts" and words.isdigit():
            probe.restarts[name.lstrip("/")] = int(words)
        elif kind == "log" and name:
            probe.logs.setdefault(name, []).append(words)
        elif kind in inspection.questions:
            probe.answers.setdefault(kind, []).append(rest)
    probe.traces = [*(f"container {name}" for name in inspection.containers if name in probe.containers), *paths]
    return probe
