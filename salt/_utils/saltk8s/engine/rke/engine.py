"""The engine ``rke``: plan, guard, run, wait. What each step decides is in the modules beside this one."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from saltk8s.base import errors, files
from saltk8s.engine import drains, gate, health, ssh, state_folder, unusable
from saltk8s.engine.base import Engine, Hooks, Outcome, Workloads
from saltk8s.engine.plan import Plan
from saltk8s.engine.rke import cluster_yml, guards, node, versions, workloads
from saltk8s.engine.rke.planning import changes, duration, fixed, upgrade
from saltk8s.engine.rke.preflight.checks import Preflight
from saltk8s.engine.rke.program import Program
from saltk8s.engine.rke.running import attempt, checkup, containers
from saltk8s.engine.rke.running.execution import Execution
from saltk8s.engine.rke.schema import SCHEMA
from saltk8s.engine.rke.state import copies, identity
from saltk8s.kubectl.client import servers
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.pillar.vocabulary.roles import ETCD

GRACE_S = 30  # a cluster that is not healthy may only be restarting something: it is checked again before rke runs
SHOWN = 10


class Rke(Engine):
    """One cluster, built by ``rke``. See saltk8s.engine.base.Engine for what the methods promise."""

    schema = SCHEMA

    def __init__(self, model: dict[str, Any], hooks: Hooks):
        """model: what ``k8s_config.get`` returns; hooks: log and events."""
        super().__init__(model, hooks)
        self._cluster, self._paths = model["cluster"], model["paths"]
        self._config = cluster_yml.build(model)
        folder = Path(self._paths["state_dir"])
        self._lock = folder / state_folder.LOCK
        self._known_hosts = folder / state_folder.KNOWN_HOSTS
        self.program = Program(str(Path(self._paths["bin_dir"]) / "rke"))
        kubectl = str(Path(self._paths["bin_dir"]) / "kubectl")
        self._kubectl = Kubectl(self._paths["kubeconfig"], binary=kubectl, api_servers=servers.of(model))
        self._execution = Execution(model, self.program, self._kubectl, hooks)
        self._addresses = {entry["hostname_override"]: entry["address"] for entry in self._config["nodes"]}
        self._checkup = checkup.Checkup(self._config, self._problems, self._probe, self.workloads())
        self._execution.healthy = self._healthy_between
        self._execution.prober = self._prober(keep=False)
        asking = lambda inspection: self._prober(False, inspection).probe_all(self._addresses)  # noqa: E731
        self._preflight = Preflight(model, self.program, self._kubectl, asking)

    def render(self, redacted: bool = True) -> dict[str, Any]:
        """Return ``cluster.yml`` as data."""
        return cluster_yml.redacted(self._config) if redacted else self._config

    def system_images(self, version: str | None = None) -> list[str]:
        """Return the images that ``rke`` uses for a Kubernetes version, sorted."""
        return self.program.images(version or self._cluster["version"])

    def workloads(self) -> Workloads:
        """Return the system workloads that ``rke`` deploys."""
        return workloads.of(self.model)

    def plan(self, repair: bool = False) -> Plan:
        """Return what ``up`` would do; reads only. Raises what ``up`` would raise before it runs anything."""
        self._execution.refuse_others(repair)
        state = self._state()
        plan = self._planned(state)
        if plan.create or state is None:
            self._preview_blank(plan, state)
        else:
            prober = self._prober(keep=False)
            with ThreadPoolExecutor(max_workers=2) as pool:
                checked = pool.submit(self._problems, [name for name in self._addresses if name not in plan.added])
                probes = prober.probe_all(self._addresses | self._leaving(plan, state))
                reasons = checked.result()
            self._check_usable(plan, probes)
            identity.check(state, probes, self._paths)
            self._guard(plan, state, probes)
            self._settle(plan, state, probes, reasons, None if repair else GRACE_S)
            drains.add(plan, self._kubectl, cluster_yml.deletes_pods(self.model), cluster_yml.DRAIN_TIMEOUT_S)
        if not plan.empty and self.program.installed:
            self._check_versions(plan)
        return plan

    def preflight(self, version: str | None = None) -> dict[str, Any]:
        """Return what stands against another version of Kubernetes; reads only."""
        state = self._state()
        if not state or not state["running"]:
            raise errors.Refused("there is no cluster yet, so there is none to upgrade")
        probes, scope = self._probe(self._addresses), checkup.scope(Plan(), state["nodes"], self._addresses)
        found = self._checkup.judge(scope, self._problems(scope.nodes), probes)
        wanted = version or self._cluster["version"]
        return self._preflight.whole(wanted, state, self._execution.record(), probes, found).data()

    def up(self, test: bool = False, repair: bool = False) -> Outcome:
        """Make the cluster what the model declares."""
        if test:
            plan = self.plan(repair)
            return Outcome(plan.changes(), plan.lines(), False)
        files.make_private_folder(self._paths["state_dir"])
        said = self._execution.follow_snapshot()
        failure = self._execution.follow()
        with state_folder.lock(self._lock, "k8s_cluster.up") as descriptor:
            self._execution.mend()
            followed = self._followed()
            if failure:
                raise failure
            self._execution.refuse_others(repair)
            state = self._state()
            plan = self._planned(state)
            if not Path(self._paths["ssh_key"]).exists():
                raise errors.Refused(f"there is no SSH key {self._paths['ssh_key']}; apply k8s.cluster first")
            self._wait_for_nodes(plan, state, None if repair else gate.WAIT_S)
            if plan.empty:
                return Outcome(followed, [*said, *followed.values(), *plan.lines()], bool(followed))
            self._check_versions(plan)
            self._run(plan, state, descriptor, repair)
            return Outcome(followed | plan.changes(), [*said, *followed.values(), *plan.lines()], True)

    def members(self) -> dict[str, Any]:
        """Return the cluster's nodes, as the state file has them."""
        state = self._state()
        return state["nodes"] if state else {}

    def status(self) -> dict[str, Any]:
        """Return what is known of the cluster; an API server that does not answer is reported, not raised."""
        state = self._state()
        record = self._execution.record() or {}
        found, members = self._checkup.status(state["nodes"] if state and state["running"] else {})
        reasons = [str(problem) for problem in found]
        backups = state_folder.backups(self._paths["backups"], Path(self._paths["state_file"]).name)
        return {
            "cluster": self._cluster["name"],
            "exists": bool(state and state["running"]),
            "version": state["version"] if state else None,
            "nodes": state["nodes"] if state else {},
            "healthy": not reasons,
            "reasons": reasons,
            "etcd": members,
            "cordoned": self._cordoned() if not reasons else [],
            "last_run": {key: record[key] for key in ("status", "time", "rke", "snapshot") if key in record},
            "backups": [str(path) for path in backups],
        }

    # reading

    def _state(self) -> dict[str, Any] | None:
        return copies.read(self._paths)

    def _planned(self, state: dict[str, Any] | None) -> Plan:
        version = None
        if self.program.installed:
            version = self.program.version()
            versions.check_rke(version)
        record = self._execution.record()
        salt = (record or {}).get("salt")
        self._config = cluster_yml.in_order(self._config, state["nodes"] if state else ())
        config = cluster_yml.fingerprinted(self._config, salt) if salt else self._config
        plan = changes.plan_of(config, state, record, version, self.program.images if version else None)
        if (run := self._execution.last) and run.alive:
            plan.reasons = [f"rke still runs, {run}: it is followed to its end first"]
        elif not plan.empty:
            identity.check_published(state, identity.published(self._kubectl), self._paths)
        plan.notes += self._execution.snapshots.note()
        plan.takes = duration.estimate(plan, (record or {}).get("measured"))
        running = state["nodes"] if state else {}
        fixed.check(self._config, state)
        members = fixed.members(self._config, state)
        guards.check(plan, running, self._cluster.get("allow_removal") or (), exchange=members)
        return plan

    def _prober(self, keep: bool, inspection: ssh.Inspection = node.INSPECTION) -> ssh.Prober:
        ssh_key, known_hosts = self._paths["ssh_key"], str(self._known_hosts)
        return ssh.Prober(self._cluster["ssh"], inspection, ssh_key, known_hosts, keep)

    def _probe(self, addresses: Mapping[str, str]) -> dict[str, ssh.Probe]:
        return self._prober(keep=False).probe_all(addresses)

    def _problems(self, names: Iterable[str], wanted: Workloads | None = None) -> list[str]:
        if not Path(self._paths["kubeconfig"]).exists():
            return [health.Missing(f"there is no kubeconfig {self._paths['kubeconfig']}")]
        return health.problems(self._kubectl, names, wanted or self.workloads())

    def _cordoned(self) -> list[str]:
        try:
            return health.cordoned(health.objects_of(self._kubectl, "nodes"))
        except errors.Unreachable:
            return []

    def _leaving(self, plan: Plan, state: dict[str, Any] | None) -> dict[str, str]:
        return {name: state["nodes"][name]["address"] for name in plan.removed} if state else {}

    # before a run

    def _preview_blank(self, plan: Plan, state: dict[str, Any] | None) -> None:
        """Before the cluster exists the nodes need not answer yet; those that do must not belong to a cluster."""
        if not Path(self._paths["ssh_key"]).exists() or not shutil.which("ssh"):
            return
        probes = self._prober(keep=False).probe_all(self._addresses)
        identity.check(state, probes, self._paths)
        ssh.lost(plan, probes.values())

    def _wait_for_nodes(self, plan: Plan, state: dict[str, Any] | None, wait_s: float | None) -> None:
        """Wait for the nodes and check the cluster's health, both at once; complete the plan and check the guards."""
        prober, running = self._prober(keep=True), state["nodes"] if state else {}
        if not self._known_hosts.exists():
            files.write(self._known_hosts, "")  # ssh adds to it, and would make it readable by all
        with ThreadPoolExecutor(max_workers=2) as pool:
            old = [name for name in self._addresses if name not in plan.added]
            checked = None if plan.create else pool.submit(self._problems, old)
            left = pool.submit(self._prober(keep=False).probe_all, self._leaving(plan, state))
            timeout_s = self._cluster["timeouts"]["nodes_s"]
            with unusable.told(plan, self.hooks.event):
                probes = prober.wait(self._addresses, running, timeout_s, self.hooks.event, self._not_ready)
            probes |= left.result()
            reasons = checked.result() if checked else []
        identity.check(state, probes, self._paths)
        if state and not plan.create:
            self._guard(plan, state, probes)
            self._settle(plan, state, probes, reasons, wait_s)
            if not plan.empty:
                self._start_exited(prober, checkup.scope(plan, state["nodes"], self._addresses).nodes, probes)

    def _start_exited(
        self, prober: ssh.Prober, roles: Mapping[str, list[str]], probes: Mapping[str, ssh.Probe]
    ) -> None:
        """rke makes anew what is missing, and leaves what exited as it is where nothing else changes on a node."""
        for name, names in containers.exited(roles, probes).items():
            problem = prober.run(self._addresses[name], node.start(names))
            words = f"started on {name}: {', '.join(names)}" + (f"; {problem}" if problem else "")
            self.hooks.log(logging.WARNING if problem else logging.INFO, words)
            self.hooks.event("start", {"node": name, "containers": names, "problem": problem})

    def _check_usable(self, plan: Plan, probes: Mapping[str, ssh.Probe]) -> None:
        if lost := ssh.lost(plan, [probes[name] for name in self._addresses]):
            ssh.add_not_ready(lost, self._not_ready())
            with unusable.told(plan):
                raise ssh.unusable(lost)

    def _not_ready(self) -> dict[str, str]:
        return health.not_ready(self._kubectl, self._addresses) if self.kubeconfig() else {}

    def _guard(self, plan: Plan, state: dict[str, Any], probes: dict[str, ssh.Probe]) -> None:
        members = [name for name, member in state["nodes"].items() if ETCD in member["roles"]]
        down = [name for name in members if name in probes and containers.etcd_is_down(probes[name])]
        blank = {
            name for name in self._addresses.keys() & probes.keys() if not (probes[name].problem or probes[name].traces)
        }
        exchange = fixed.members(self._config, state) | fixed.rebuilt(state, blank)
        guards.check(plan, state["nodes"], self._cluster.get("allow_removal") or (), down, exchange)
        images = {name: probe.images for name, probe in probes.items()}
        record = self._execution.record()
        upgrade.check(self._cluster["version"], state, record, images, self._offered)
        drains.note(plan, probes)

    def _settle(
        self,
        plan: Plan,
        state: dict[str, Any],
        probes: dict[str, ssh.Probe],
        reasons: list[str],
        wait_s: float | None,
    ) -> None:
        """Complete the plan with why the cluster is not healthy, or refuse. wait_s: None: a repair refuses nothing."""
        record = self._execution.record() or {}
        change = gate.changes(plan) and not attempt.resumes(self._config, record)
        scope = checkup.scope(plan, state["nodes"], self._addresses)
        dead = any(probes[name].problem for name in plan.removed)
        found = self._checkup.judge(scope, reasons, probes, dead)
        turn = state_folder.read_record(Path(self._paths["state_dir"]) / state_folder.TURN)
        gate.check_turn(turn, change or bool(found))
        if found and (change or plan.empty) and Path(self._paths["kubeconfig"]).exists():
            seconds = wait_s if change else wait_s and GRACE_S
            found = health.wait_for(lambda: self._checkup.ask(scope, dead), seconds or 0, self.hooks.event)
        if wait_s is not None:
            gate.check(change, found, plan.empty)
        if change:
            self._preflight.gate(plan, state, probes, repair=wait_s is None)
        if plan.empty:
            plan.reasons += [f"not healthy: {problem}" for problem in found[:SHOWN]]

    def _offered(self) -> list[str]:
        return self.program.offered() if self.program.installed else []

    def _check_versions(self, plan: Plan) -> None:
        state_folder.check_room(self._paths["state_dir"])
        running = plan.version["old"] if plan.version else None
        versions.check_kubernetes(self._cluster["version"], self.program.offered(), running)

    # the run

    def _run(self, plan: Plan, state: dict[str, Any] | None, descriptor: int, repair: bool) -> None:
        drains.drain_all(plan, self._kubectl, cluster_yml.drain_options(self.model), self.hooks, repair)
        self._execution.up(self._config, plan, self._leaving(plan, state), descriptor, repair)
        self._wait_healthy()
        self._execution.progress.send("done", {"nodes": sorted(self._addresses)})

    def _followed(self) -> dict[str, Any]:
        """Complete what a run left whose caller had ended before it did; return that as changes."""
        settled = self._execution.settle()
        return {"followed": settled} if settled else {}

    def _healthy_between(self, config: Mapping[str, Any]) -> list[Any]:
        roles = {entry["hostname_override"]: list(entry["role"]) for entry in config["nodes"]}
        scope = checkup.Scope({name: roles[name] for name in roles if name in self._addresses}, set())
        timeout_s = self._cluster["timeouts"]["ready_s"]  # pods that were drained have to come up elsewhere
        return health.wait_for(lambda: self._checkup.ask(scope), timeout_s, self._execution.progress.send)

    def _wait_healthy(self) -> None:
        report = self._execution.progress.send
        timeout_s = self._cluster["timeouts"]["ready_s"]
        end = time.monotonic() + timeout_s
        reasons: list[Any] = health.wait(self._kubectl, self._addresses, self.workloads(), timeout_s, report)
        if not reasons:  # and now what Kubernetes does not tell
            scope = checkup.scope(Plan(), (self._state() or {"nodes": {}})["nodes"], self._addresses)
            left_s = max(end - time.monotonic(), 0)
            reasons = health.wait_for(lambda: self._checkup.ask(scope), left_s, report)
        if reasons:
            text = health.described(self._kubectl, reasons)
            raise errors.NotReady(f"rke up succeeded, but the cluster is not healthy after {timeout_s} s:\n{text}")


ENGINE = Rke
