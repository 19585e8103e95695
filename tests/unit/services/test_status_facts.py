"""What the status table costs: how many functions are called, and what happens when one of them fails."""

from __future__ import annotations

from labkit import versions
from saltk8s.services import status_facts
from saltk8s.services.status_facts import Failed

SERVED = ["nodes", "schedules.velero.io", "backups.velero.io", "schedules.k8up.io"]
NODE = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "cp1"}, "status": {}}
SPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "resif"}, "status": {"phase": "Active"}}
PLAN = {"apiVersion": "velero.io/v1", "kind": "Schedule", "metadata": {"name": "nightly"}}
OTHER = {"apiVersion": "k8up.io/v1", "kind": "Schedule", "metadata": {"name": "hourly"}}
OBJECTS = {"nodes": [NODE], "namespaces": [SPACE], "schedules.velero.io": [PLAN], "schedules.k8up.io": [OTHER]}
ROWS = {"metallb": [{"ready": True, "reason": ""}]}
MODEL = {
    "services": {"metallb": {"enabled": True}, "nfs": {"enabled": False}},
    "tenants": {"resif": {}},
    "paths": {"kubeconfig": "/nonexistent"},
}


class Calls:
    """Stands in for the execution functions; ``broken``: kinds that cannot be read."""

    def __init__(self, *broken: str, server: str | None = versions.KUBECTL):
        self.made: list[str] = []
        self._broken, self._server = broken, server

    def __call__(self, function, *args, **kwargs):
        self.made.append(" ".join([function, *args]))
        if function == "kubectl.get" and any(kind in args[0].split(",") for kind in self._broken):
            return Failed("conversion webhook")
        answers = {
            "kubectl.version": {"server": self._server},
            "kubectl.api_resources": SERVED,
            "kubectl.list_sets": ROWS,
            "k8s_gitops.status": {"paused": None},
        }
        if function == "kubectl.get":
            return [obj for kind in args[0].split(",") for obj in OBJECTS.get(kind, [])]
        return answers[function]


def test_all_kinds_are_read_by_one_call():
    calls = Calls()
    found = status_facts.read(MODEL, calls, {})
    kinds = "nodes,namespaces,schedules.velero.io,backups.velero.io,schedules.k8up.io"
    asked = ["kubectl.version", "kubectl.api_resources", f"kubectl.get {kinds}", "kubectl.list_sets"]
    assert calls.made == [*asked, "k8s_gitops.status"]
    assert list(found["nodes"]) == ["cp1"] and found["namespaces"] == {"resif": "Active"}
    assert (found["schedules"], found["backups"]) == ([PLAN], [])
    assert found["k8up"] == {"schedules": [OTHER], "backups": None, "checks": None, "prunes": None, "archives": None}
    assert found["sets"] == ROWS


def test_sets_that_were_healthy_a_moment_ago_are_not_read_again():
    calls = Calls()
    found = status_facts.read(MODEL, calls, {"metallb": 2, "nfs": 0})
    assert "kubectl.list_sets" not in calls.made
    assert found["sets"] == {"metallb": [{"ready": True, "reason": ""}] * 2, "nfs": []}


def test_one_set_that_is_not_known_to_be_healthy_is_a_reason_to_read_all():
    assert status_facts.read(MODEL, Calls(), {"metallb": 2})["sets"] == ROWS


def test_a_kind_that_cannot_be_read_does_not_hide_the_others():
    found = status_facts.read(MODEL, Calls("backups.velero.io"), {})
    assert list(found["nodes"]) == ["cp1"] and found["namespaces"] == {"resif": "Active"}
    assert isinstance(found["schedules"], Failed) and isinstance(found["backups"], Failed)
    assert found["k8up"]["schedules"] == [OTHER]


def test_before_the_cluster_nothing_is_asked():
    calls = Calls(server=None)
    found = status_facts.read(MODEL, calls, {})
    assert calls.made == ["kubectl.version", "k8s_gitops.status"]
    assert all(isinstance(found[name], Failed) for name in ("nodes", "namespaces", "sets", "schedules", "backups"))
    assert all(isinstance(objects, Failed) for objects in found["k8up"].values())
