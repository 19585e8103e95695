"""How a running cluster is: the API server and the nodes, asked at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from saltk8s.base import errors
from saltk8s.engine import etcd, health
from saltk8s.engine.base import Workloads
from saltk8s.engine.etcd import Problem
from saltk8s.engine.plan import Plan
from saltk8s.engine.rke.running import containers
from saltk8s.engine.ssh import Probe

Asked = Callable[[Iterable[str], Workloads], list[str]]
Probing = Callable[[Mapping[str, str]], dict[str, Probe]]
NOTHING = Workloads({}, {})


class Scope(NamedTuple):
    """The part of a cluster whose health counts for a plan: what is in it already and stays.

    nodes: {name: the roles that it keeps}; leaving: names of nodes whose etcd goes.
    """

    nodes: dict[str, list[str]]
    leaving: set[str]


def scope(plan: Plan, running: Mapping[str, Any], addresses: Iterable[str]) -> Scope:
    """Return it. running: the cluster's nodes as the state has them; addresses: names of the declared ones."""
    nodes = {name: list(running[name]["roles"]) for name in addresses if name in running and name not in plan.moved}
    for name, change in plan.reroled.items():
        if name in nodes:
            nodes[name] = [role for role in change["old"] if role in change["new"]]
    lost = {name for name, change in plan.reroled.items() if set(change["old"]) - set(change["new"])}
    return Scope(nodes, {*plan.removed, *plan.moved, *lost})


def _named(reason: str, nodes: Iterable[str]) -> str:
    return next((name for name in nodes if reason.startswith(f"node {name} ")), "")


class Checkup:
    """Asks a cluster how it is."""

    def __init__(self, config: Mapping[str, Any], api: Asked, probe: Probing, workloads: Workloads):
        """config: ``cluster.yml`` as data; api: asks the API server for what is wrong with nodes and workloads; probe:
        checks nodes over SSH; workloads: those that a healthy cluster has.
        """
        self._api, self._probe, self._workloads = api, probe, workloads
        self._addresses = {entry["hostname_override"]: entry["address"] for entry in config["nodes"]}
        flags = (config["services"].get("etcd") or {}).get("extra_args") or {}
        self._quota = int(flags.get("quota-backend-bytes") or 0) or None

    def judge(
        self, scope: Scope, reasons: list[str], probes: Mapping[str, Probe], nodes_alone: bool = False
    ) -> list[Problem]:
        """Return what is wrong, as the API server (reasons) and the nodes (probes) said.

        nodes_alone: do not count workloads, because a dead node leaves with this run, and pods were on it.
        """
        if nodes_alone and reasons:
            reasons = self._api(scope.nodes, NOTHING)
        found = containers.problems(scope.nodes, probes, scope.leaving, self._quota)
        named = [(reason, _named(reason, scope.nodes)) for reason in reasons]
        found += [Problem(text, node=node, follows=not isinstance(text, health.Missing)) for text, node in named]
        return found

    def ask(self, scope: Scope, nodes_alone: bool = False) -> list[Problem]:
        """Ask both anew, at once. nodes_alone: as above."""
        return self.judge(scope, *self._asked(scope, NOTHING if nodes_alone else self._workloads))

    def status(self, running: Mapping[str, Any]) -> tuple[list[Problem], dict[str, Any]]:
        """Return what is wrong with a cluster, and its members of etcd, as ``k8s_cluster.status`` has them.

        running: the cluster's nodes as the state has them, none when there is no cluster yet.
        """
        if not running:
            return [Problem("there is no cluster yet")], {}
        whole = scope(Plan(), running, self._addresses)
        reasons, probes = self._asked(whole, self._workloads)
        return self.judge(whole, reasons, probes), etcd.table(containers.members(probes))

    def _asked(self, scope: Scope, workloads: Workloads) -> tuple[list[str], dict[str, Probe]]:
        with ThreadPoolExecutor(max_workers=1) as pool:
            asked = pool.submit(self._api, scope.nodes, workloads)
            try:
                probes = self._probe({name: self._addresses[name] for name in scope.nodes})
            except errors.MissingProgram as err:
                return [str(err), *asked.result()], {}
            return asked.result(), probes
