"""The engine ``rke``: plan, guard, run, wait. Everything that thinks is in the modules beside this one."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from saltk8s.base import errors, files
from saltk8s.engine import health, run_files, ssh
from saltk8s.engine.base import Hooks, Outcome
from saltk8s.engine.plan import Plan
from saltk8s.engine.rke import cluster_yml, guards, planner, state_file, versions
from saltk8s.engine.rke.program import Program, Progress
from saltk8s.kubectl.client.program import Kubectl

GRACE_S = 30  # a cluster that is not healthy may only be restarting something: look again before rke runs
SHOWN = 10


class Rke:
    """One cluster, built by ``rke``. See saltk8s.engine.base.Engine for what the methods promise."""

    def __init__(self, model: dict[str, Any], hooks: Hooks):
        """model: what ``k8s_config.get`` returns; hooks: log and events."""
        self._model, self._hooks = model, hooks
        self._cluster, self._paths = model["cluster"], model["paths"]
        self._config = cluster_yml.build(model)
        directory = Path(self._paths["state_dir"])
        self._record = directory / "last-run.json"
        self._lock = directory / "lock"
        self._known_hosts = directory / "known_hosts"
        self.program = Program(str(Path(self._paths["bin_dir"]) / "rke"))
        self._kubectl = Kubectl(self._paths["kubeconfig"], binary=str(Path(self._paths["bin_dir"]) / "kubectl"))
        self._addresses = {node["hostname_override"]: node["address"] for node in self._config["nodes"]}

    def render(self, redacted: bool = True) -> dict[str, Any]:
        """Return ``cluster.yml`` as data."""
        return cluster_yml.redacted(self._config) if redacted else self._config

    def prepare(self, test: bool = False) -> dict[str, Any]:
        """Make the state folder and the SSH key, for root only. Returns the changes, never with the key in them."""
        directory, key = Path(self._paths["state_dir"]), Path(self._paths["ssh_key"])
        wanted = self._cluster["ssh"].get("private_key")
        if not wanted:
            raise errors.Refused("k8s:cluster:ssh:private_key is not in this minion's pillar: it is not the admin")
        wanted = wanted.rstrip("\n") + "\n"  # without the last newline, ssh refuses the key
        changes: dict[str, Any] = {}
        if not directory.is_dir() or directory.stat().st_mode & 0o777 != 0o700:
            changes[str(directory)] = "folder for root only"
        if files.read(key) != wanted or key.stat().st_mode & 0o777 != 0o600:
            changes[str(key)] = "SSH key"
        if changes and not test:
            files.make_private_folder(directory)
            files.write(key, wanted)
        return changes

    def plan(self) -> Plan:
        """Return what ``up`` would do; reads only. Raises what ``up`` would raise before it runs anything."""
        state = self._state()
        plan = self._computed(state)
        if plan.create:
            self._preview_blank(plan, state)
        else:
            prober = self._prober(keep=False)
            with ThreadPoolExecutor(max_workers=2) as pool:
                looked = pool.submit(self._health)
                probes = prober.all(self._addresses | self._leaving(plan, state))
                reasons = looked.result()
            gone = [probe for name, probe in probes.items() if probe.problem and name in self._addresses]
            if gone:
                raise errors.Unreachable(ssh.unreachable(gone))
            self._guard(plan, state, probes)
            self._add_health(plan, reasons)
        if not plan.empty and self.program.there:
            self._check_versions(plan)
        return plan

    def up(self, test: bool = False) -> Outcome:
        """Make the cluster what the model says."""
        if test:
            plan = self.plan()
            return Outcome(plan.changes(), plan.lines(), False)
        files.make_private_folder(self._paths["state_dir"])
        with run_files.lock(self._lock) as descriptor:
            state = self._state()
            plan = self._computed(state)
            if not Path(self._paths["ssh_key"]).exists():
                raise errors.Refused(f"there is no SSH key {self._paths['ssh_key']}; apply k8s.cluster first")
            self._ready_to_run(plan, state)
            if plan.empty:
                return Outcome({}, plan.lines(), False)
            self._check_versions(plan)
            self._run(plan, state, descriptor)
            return Outcome(plan.changes(), plan.lines(), True)

    def state(self) -> dict[str, Any]:
        """Return what is known of the cluster; an API server that does not answer is told, not raised."""
        state = self._state()
        record = run_files.read_record(self._record) or {}
        reasons = self._health() if state and state["running"] else ["there is no cluster yet"]
        backups = run_files.backups(self._paths["backups"], Path(self._paths["state_file"]).name)
        return {
            "cluster": self._cluster["name"],
            "exists": bool(state and state["running"]),
            "version": state["version"] if state else None,
            "nodes": state["nodes"] if state else {},
            "healthy": not reasons,
            "reasons": reasons,
            "cordoned": self._cordoned() if not reasons else [],
            "last_run": {key: record[key] for key in ("status", "time", "rke") if key in record},
            "backups": [str(path) for path in backups],
        }

    # what is read

    def _state(self) -> dict[str, Any] | None:
        return state_file.parse(files.read(self._paths["state_file"]), self._paths["state_file"])

    def _computed(self, state: dict[str, Any] | None) -> Plan:
        version = None
        if self.program.there:
            version = self.program.version()
            versions.check_rke(version)
        plan = planner.compute(self._config, state, run_files.read_record(self._record), version)
        running = state["nodes"] if state else {}
        guards.check(plan, running, self._cluster.get("allow_removal") or ())
        return plan

    def _prober(self, keep: bool) -> ssh.Prober:
        return ssh.Prober(self._cluster["ssh"], self._paths["ssh_key"], str(self._known_hosts), keep)

    def _health(self) -> list[str]:
        if not Path(self._paths["kubeconfig"]).exists():
            return [f"there is no kubeconfig {self._paths['kubeconfig']}"]
        return health.look(self._kubectl, self._addresses, health.wanted(self._model))

    def _cordoned(self) -> list[str]:
        try:
            return health.cordoned(health.objects_of(self._kubectl, "nodes"))
        except errors.Unreachable:
            return []

    def _leaving(self, plan: Plan, state: dict[str, Any] | None) -> dict[str, str]:
        return {name: state["nodes"][name]["address"] for name in plan.removed} if state else {}

    # before a run

    def _preview_blank(self, plan: Plan, state: dict[str, Any] | None) -> None:
        """Before the cluster exists the nodes need not answer yet; those that do must not carry a cluster."""
        if not Path(self._paths["ssh_key"]).exists() or not shutil.which("ssh"):
            return
        probes = self._prober(keep=False).all(self._addresses)
        if state is None:
            self._check_blank(probes)
        silent = [name for name, probe in probes.items() if probe.problem]
        if silent:
            plan.notes.append(f"not ready yet: {', '.join(silent)}")

    def _check_blank(self, probes: dict[str, ssh.Probe]) -> None:
        found = {name: probe.traces for name, probe in probes.items() if probe.traces}
        guards.check_blank(found, self._paths["state_file"], self._paths["backups"])

    def _ready_to_run(self, plan: Plan, state: dict[str, Any] | None) -> None:
        """Wait for the nodes and look at the cluster, both at once; complete the plan; check the guards again."""
        prober, running = self._prober(keep=True), state["nodes"] if state else {}
        if not self._known_hosts.exists():
            files.write(self._known_hosts, "")  # ssh adds to it, and would make it readable by all
        with ThreadPoolExecutor(max_workers=2) as pool:
            looked = None if plan.create else pool.submit(self._health)
            leaving = pool.submit(self._prober(keep=False).all, self._leaving(plan, state))
            timeout_s = self._cluster["timeouts"]["nodes_s"]
            probes = prober.wait(self._addresses, running, timeout_s, self._hooks.event)
            probes |= leaving.result()
            reasons = looked.result() if looked else []
        if state is None:
            self._check_blank(probes)
        elif not plan.create:
            self._guard(plan, state, probes)
            self._add_health(plan, reasons)

    def _guard(self, plan: Plan, state: dict[str, Any], probes: dict[str, ssh.Probe]) -> None:
        members = [name for name, node in state["nodes"].items() if "etcd" in node["roles"]]
        down = [name for name in members if name in probes and not probes[name].containers.get("etcd")]
        guards.check(plan, state["nodes"], self._cluster.get("allow_removal") or (), down)
        for name in plan.removed:
            if probes[name].problem:
                plan.notes.append(f"{name} does not answer: it leaves the cluster, but is not cleaned")

    def _add_health(self, plan: Plan, reasons: list[str]) -> None:
        if reasons and plan.empty and Path(self._paths["kubeconfig"]).exists():
            wanted = health.wanted(self._model)
            reasons = health.wait(self._kubectl, self._addresses, wanted, GRACE_S, self._hooks.event)
        if plan.empty:
            plan.reasons += [f"not healthy: {reason}" for reason in reasons[:SHOWN]]

    def _check_versions(self, plan: Plan) -> None:
        running = plan.version["old"] if plan.version else None
        versions.check_kubernetes(self._cluster["version"], self.program.offered(), running)

    # the run

    def _run(self, plan: Plan, state: dict[str, Any] | None, descriptor: int) -> None:
        paths, progress = self._paths, Progress(self._hooks.log, self._hooks.event)
        record = run_files.read_record(self._record) or {}
        run_files.backup(paths["state_file"], paths["backups"], "before")
        files.write(paths["cluster_yml"], cluster_yml.text(self._config))
        run_files.write_record(self._record, {**record, "status": "running", "time": run_files.now()})
        progress.tell("start", {"plan": plan.lines()[:SHOWN]})
        moment = "failed"
        try:
            self.program.up(
                paths["cluster_yml"],
                bool(self._cluster.get("accept_any_docker")),
                self._cluster["timeouts"]["up_s"],
                progress.line,
                cluster_yml.secrets(self._config),
                [descriptor],
            )
            self._wait_healthy(progress)
            moment = "after"
        finally:
            files.restrict_mode(paths["state_file"])
            files.restrict_mode(paths["kubeconfig"])
            run_files.backup(paths["state_file"], paths["backups"], moment)
            if moment == "failed":
                run_files.write_record(self._record, {**record, "status": "failed", "time": run_files.now()})
                progress.tell("failed", {"phase": progress.phase})
        self._finished(plan, state)
        progress.tell("done", {"nodes": sorted(self._addresses)})

    def _wait_healthy(self, progress: Progress) -> None:
        timeout_s = self._cluster["timeouts"]["ready_s"]
        wanted = health.wanted(self._model)
        reasons = health.wait(self._kubectl, self._addresses, wanted, timeout_s, progress.tell)
        if reasons:
            lines = [*reasons, *health.explain(self._kubectl)]
            told = "\n".join(f"  {line}" for line in lines)
            raise errors.NotReady(f"rke up ended well, but the cluster is not healthy after {timeout_s} s:\n{told}")

    def _finished(self, plan: Plan, state: dict[str, Any] | None) -> None:
        observed = self._state()
        record = {
            "status": "done",
            "time": run_files.now(),
            "config": self._config,
            "digest": observed["digest"] if observed else "",
            "rke": self.program.version(),
        }
        run_files.write_record(self._record, record)
        left = [*self._leaving(plan, state).values(), *(change["old"] for change in plan.moved.values())]
        self._prober(keep=True).forget(left)


ENGINE = Rke
