"""The checks before the Kubernetes version of a live cluster changes. They read, and run only then."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from saltk8s.base import errors
from saltk8s.engine import drains, etcd
from saltk8s.engine.plan import Plan, named
from saltk8s.engine.rke import cluster_yml, versions
from saltk8s.engine.rke.planning import upgrade
from saltk8s.engine.rke.preflight import disk, images
from saltk8s.engine.rke.preflight.report import OK, Check, Report, check
from saltk8s.engine.rke.program import Program
from saltk8s.engine.rke.running import containers
from saltk8s.engine.ssh import Inspection, Probe
from saltk8s.kubectl.client import servers
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.manifests.identity import MANAGER
from saltk8s.kubectl.upgrade import usage
from saltk8s.pillar.vocabulary import compatible

Asking = Callable[[Inspection], Mapping[str, Probe]]
Members = Mapping[str, Mapping[str, Any]]
AUDIT_LOG = "/var/log/kube-audit/audit-log.json"


class Preflight:
    """Asks everything that would stop an upgrade half-way."""

    def __init__(self, model: Mapping[str, Any], program: Program, kubectl: Kubectl, asking: Asking):
        """model: what ``k8s_config.get`` returns; asking: asks every node of the cluster something else over SSH."""
        self._model, self._program, self._kubectl, self._asking = model, program, kubectl, asking

    def report(self, old: str, new: str, nodes: Iterable[str], members: Members, first: Iterable[Check] = ()) -> Report:
        """Return what is found between two versions of Kubernetes.

        nodes: names of those that are drained; members: of etcd, as ``k8s_cluster.status`` has them; first: checks that
        were made already.
        """
        report, names = Report(old, new, list(first)), list(nodes)
        asked: list[Callable[[], Check]] = [
            lambda: self._services(old, new),
            lambda: self._apis(old, new),
            lambda: _etcd(members),
            lambda: self._disks(members),
            lambda: self._images(old, new),
            lambda: self._drains(names),
        ]
        with ThreadPoolExecutor(len(asked)) as pool:
            report.checks += list(pool.map(lambda one: one(), asked))
        return report

    def whole(
        self,
        wanted: str,
        state: Mapping[str, Any],
        record: Mapping[str, Any] | None,
        probes: Mapping[str, Probe],
        found: Iterable[Any],
    ) -> Report:
        """Return what stands against another version of Kubernetes, the version itself and health among it.

        wanted: the version; state: rkestate.parse of a running cluster; record: of the last run; probes: of all nodes;
        found: why the cluster is not healthy. Nothing is asked when the version is the cluster's.
        """
        if state["version"] == wanted:
            return Report(state["version"], wanted)
        first = [
            check(
                "version", self._version(wanted, state, record, probes), good="this rke offers it, and it may follow"
            ),
            check("health", [str(problem) for problem in found], good="healthy"),
            check("snapshot", good="of etcd: the run takes one before it changes anything"),
        ]
        members = etcd.table(containers.members(dict(probes)))
        return self.report(state["version"], wanted, state["nodes"], members, first)

    def gate(self, plan: Plan, state: Mapping[str, Any], probes: Mapping[str, Probe], repair: bool) -> None:
        """Refuse a plan that changes the version of Kubernetes while something stands against it.

        What is doubtful becomes a note of the plan. repair: so does the rest.
        """
        if not plan.version:
            return
        members = etcd.table(containers.members(dict(probes)))
        report = self.report(plan.version["old"], plan.version["new"], state["nodes"], members)
        if not repair:
            report.refuse()
        plan.notes += [line for line in report.lines()[1:] if not line.startswith(OK)]

    def _version(
        self,
        wanted: str,
        state: Mapping[str, Any],
        record: Mapping[str, Any] | None,
        probes: Mapping[str, Probe],
    ) -> list[str]:
        try:
            offered = self._program.offered()
            versions.check_kubernetes(wanted, offered, state["version"])
            upgrade.check(wanted, state, record, {name: one.images for name, one in probes.items()}, lambda: offered)
        except errors.SaltK8sError as err:
            return [_short(err)]
        return []

    def _services(self, old: str, new: str) -> Check:
        found = compatible.verdicts(self._model, old, new)
        bad = [
            f"{one.path} {one.version} does not go with both {_minor(old)} and {_minor(new)}"
            + (f"; first apply {one.expected}, which does" if one.expected else "")
            for one in found
            if one.fits is False
        ]
        unknown = [f"{one.path} {one.version}: not known, read its release notes" for one in found if one.fits is None]
        return check("services", bad, unknown, "the versions of all that are enabled go with both")

    def _apis(self, old: str, new: str) -> Check:
        accepted = set((self._model["cluster"].get("upgrade") or {}).get("accept_removed") or ())
        try:
            asked = usage.ask(self._kubectl, servers.of(self._model), old, new)
            written = usage.writers(self._kubectl, old, new)
        except errors.SaltK8sError as err:
            return check("deprecated APIs", [f"the API server did not say: {_short(err)}"])
        bad = [_requested(one) for one in asked if one.api not in accepted]
        ours = [one for one in written if one.manager == MANAGER]
        bad += [f"a set of ours has {one.title} as {one.api}: change its manifest and apply" for one in ours]
        others = sorted({(one.api, one.manager) for one in written} - {(one.api, one.manager) for one in ours})
        told = [f"{manager} once wrote objects as {api}" for api, manager in others]
        return check("deprecated APIs", bad, told, "none was requested that the new version does not serve")

    def _disks(self, members: Members) -> Check:
        size = max((one["size"] for one in members.values()), default=0) // 1024
        bad, unknown = disk.problems(self._asking(disk.INSPECTION), size)
        return check("disk space", bad, unknown, "enough on every node")

    def _images(self, old: str, new: str) -> Check:
        registry = self._model.get("registry") or {}
        if not registry.get("url"):
            return check("images", good="not asked for: without k8s:registry nodes pull from Docker Hub")
        try:
            needed = sorted({*self._program.images(new)} - {*self._program.images(old)})
        except errors.SaltK8sError as err:
            return check("images", doubtful=[_short(err)])
        lacking, reasons = images.missing(needed, registry)
        return check(
            "images",
            [f"the registry lacks {named(lacking)}" for _ in lacking[:1]],
            [f"not known whether the registry has them: {reason}" for reason in reasons],
            f"the registry has the {len(needed)} that the new version adds",
        )

    def _drains(self, names: list[str]) -> Check:
        force, timeout_s = cluster_yml.deletes_pods(dict(self._model)), cluster_yml.DRAIN_TIMEOUT_S
        try:
            objects = self._kubectl.objects("get", drains.KINDS, "--all-namespaces", **drains.TIMEOUTS)
        except errors.SaltK8sError as err:
            return check("drains", [f"the API server did not say what blocks them: {_short(err)}"])
        found = drains.obstacles(objects, names, force, timeout_s)
        lost = [line for line in found if force and line.startswith(drains.DELETED)]
        return check("drains", [line for line in found if line not in lost], lost, "nothing blocks them now")


def _requested(one: usage.Requested) -> str:
    release = compatible.words(one.removed)
    return (
        f"{one}, which {release} does not serve, was requested since the API server started. By whom: look for "
        f'"k8s.io/removed-release":"{release}" in {AUDIT_LOG} on the control planes. Once nobody does, `docker restart '
        f"kube-apiserver` there begins anew; or list {one.api} in k8s:cluster:upgrade:accept_removed"
    )


def _etcd(members: Members) -> Check:
    bad = [f"{name}: {error}" for name, one in members.items() for error in one["errors"]]
    size = max((one["size"] for one in members.values()), default=0)
    return check("etcd", bad, good=f"{len(members)} members, the largest database has {size / 2**20:.0f} MiB")


def _minor(version: str) -> str:
    number = compatible.minor(version)
    return f"Kubernetes {compatible.words(number)}" if number else version


def _short(err: Exception) -> str:
    return " ".join(str(err).split())[-300:]
