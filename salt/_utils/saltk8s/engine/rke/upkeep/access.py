"""How the operations reach a cluster: its engine, its nodes over SSH, its etcd."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from saltk8s.base import errors, files, process
from saltk8s.engine import etcd, ssh, state_folder
from saltk8s.engine.base import Hooks
from saltk8s.engine.rke import cluster_yml, node
from saltk8s.engine.rke.program import Program
from saltk8s.engine.rke.running import containers
from saltk8s.engine.rke.running.execution import Execution
from saltk8s.engine.rke.snapshots import scratch
from saltk8s.engine.rke.state import copies
from saltk8s.kubectl.client import servers
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.pillar.vocabulary.roles import ETCD


class Access:
    """One cluster, as its admin reaches it."""

    def __init__(self, model: dict[str, Any], hooks: Hooks):
        """model: what ``k8s_config.get`` returns; hooks: log and events."""
        self.model, self.hooks = model, hooks
        self.paths: Mapping[str, str] = model["paths"]
        self.config = cluster_yml.build(model)
        programs = Path(self.paths["bin_dir"])
        self.program = Program(str(programs / "rke"))
        kubeconfig, binary = self.paths["kubeconfig"], str(programs / "kubectl")
        self.kubectl = Kubectl(kubeconfig, binary=binary, api_servers=servers.of(model))
        self.execution = Execution(model, self.program, self.kubectl, hooks)
        known_hosts = str(Path(self.paths["state_dir"]) / state_folder.KNOWN_HOSTS)
        self.prober = ssh.Prober(
            model["cluster"]["ssh"], node.INSPECTION, self.paths["ssh_key"], known_hosts, keep=False
        )
        self.execution.prober = self.prober

    def running(self) -> dict[str, dict[str, Any]]:
        """Return the cluster's nodes as its state has them. Raises Refused when there is no cluster."""
        state = copies.read(self.paths)
        if not state or not state["running"]:
            raise errors.Refused(f"there is no cluster yet: {self.paths['state_file']} describes none that runs")
        return state["nodes"]

    def members(self) -> dict[str, str]:
        """Return the nodes with etcd: {name: address}."""
        return {name: one["address"] for name, one in self.running().items() if ETCD in one["roles"]}

    def node(self, name: str, address: str) -> scratch.Node:
        """Return an etcd node, to copy files from and to."""
        argv: Callable[[str], list[str]] = partial(self.prober.argv, address)
        return scratch.Node(name, argv)

    def run(self, address: str, command: str, timeout_s: float) -> str:
        """Run a command on a node and return what it prints. Raises CommandError, CommandTimeout."""
        result = process.run(self.prober.argv(address, command), timeout_s=timeout_s)
        if result.exit_status:
            raise errors.CommandError(f"{address}: {result.failure}", result.exit_status)
        return result.out

    def etcd(self) -> tuple[dict[str, etcd.Member], list[etcd.Problem]]:
        """Return what each member says now, and what is wrong with etcd. Raises NodesUnusable."""
        probes = self.prober.probe_all(self.members())
        if lost := [probe for probe in probes.values() if probe.problem]:
            raise ssh.unusable(lost)
        down = [name for name, probe in probes.items() if containers.etcd_is_down(probe)]
        problems = [etcd.Problem(f"etcd on {name} does not run, or does not answer", node=name) for name in down]
        found = containers.members({name: probe for name, probe in probes.items() if name not in down})
        return found, problems or etcd.problems(found, {containers.member_name(name): name for name in probes})

    @contextmanager
    def lock(self, what: str) -> Iterator[int]:
        """Hold the cluster's lock, and keep out an rke that was started by hand; yields the lock's descriptor."""
        files.make_private_folder(self.paths["state_dir"])
        with state_folder.lock(Path(self.paths["state_dir"]) / state_folder.LOCK, what) as descriptor:
            self.execution.refuse_others(anyway=True)
            yield descriptor
