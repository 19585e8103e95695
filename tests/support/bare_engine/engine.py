"""The engine ``bare``: its program "builds" a cluster on an API server that runs already."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from saltk8s.base import errors, files, process
from saltk8s.engine import guards, health, state_folder
from saltk8s.engine.bare.schema import SCHEMA
from saltk8s.engine.base import Engine, Outcome, Workloads
from saltk8s.engine.plan import Plan
from saltk8s.engine.progress import Line, Progress
from saltk8s.kubectl.client.program import Kubectl


class Bare(Engine):
    """One cluster of ``bare``; what the methods promise is in saltk8s.engine.base.Engine."""

    schema = SCHEMA

    def render(self, redacted: bool = True) -> dict[str, Any]:
        nodes = {name: {"address": node["ip"], "roles": node["roles"]} for name, node in self.model["nodes"].items()}
        return {"version": self.model["cluster"]["version"], "nodes": nodes}

    def plan(self, repair: bool = False) -> Plan:
        found, config = self._found(), self.render()
        plan = Plan(create=found is None)
        before = found["nodes"] if found else {}
        plan.added = {name: node["roles"] for name, node in config["nodes"].items() if name not in before}
        plan.removed = {name: node["roles"] for name, node in before.items() if name not in config["nodes"]}
        if found is None or found["version"] != config["version"]:
            plan.version = {"old": found and found["version"], "new": config["version"]}
        guards.refuse(guards.reasons(plan, before, self.model["cluster"]["allow_removal"]))
        if plan.empty:
            plan.reasons += self._problems()
        return plan

    def up(self, test: bool = False, repair: bool = False) -> Outcome:
        plan, paths = self.plan(), self.model["paths"]
        if test or plan.empty:
            return Outcome(plan.changes(), plan.lines(), False)
        with state_folder.lock(Path(paths["state_dir"]) / state_folder.LOCK) as descriptor:
            progress = Progress("bareadm", *self.hooks)
            done = process.run(
                [f"{paths['bin_dir']}/bareadm", "up", paths["kubeconfig"], *self.model["nodes"]],
                timeout_s=self.model["cluster"]["timeouts"]["up_s"],
                on_line=lambda line: progress.line(Line("info", line, "build")),
                pass_fds=[descriptor],
            )
            if done.exit_status:
                raise errors.CommandError("bareadm up failed", done.exit_status, done.out)
            files.write(paths["state_file"], json.dumps(self.render()))
            state_folder.backup(paths["state_file"], paths["backups"], "after")
        if problems := self._problems():
            raise errors.NotReady("\n".join(problems))
        return Outcome(plan.changes(), plan.lines(), True)

    def status(self) -> dict[str, Any]:
        found = self._found()
        return {"exists": found is not None, "version": found and found["version"], "healthy": not self._problems()}

    def system_images(self, version: str | None = None) -> list[str]:
        return [f"registry.k8s.io/kube-apiserver:{version or self.model['cluster']['version']}"]

    def workloads(self) -> Workloads:
        return Workloads({}, {})

    def _found(self) -> dict[str, Any] | None:
        text = files.read(self.model["paths"]["state_file"])
        return json.loads(text) if text else None

    def _problems(self) -> list[str]:
        paths = self.model["paths"]
        kubectl = Kubectl(paths["kubeconfig"], binary=f"{paths['bin_dir']}/kubectl")
        return health.problems(kubectl, self.model["nodes"], self.workloads())


ENGINE = Bare
