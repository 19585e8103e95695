"""What the account of Velero's node agent may do, which runs as root on every node: tried on a real API server."""

from __future__ import annotations

import time
from typing import Any

import pytest
from tests.support import backup, rights

AGENT = "system:serviceaccount:velero:node-agent"
FOLDER = "/var/lib/kubelet/pods"


@pytest.fixture(scope="module")
def api(own_apiserver, tmp_path_factory):
    with backup.admin(tmp_path_factory.mktemp("velero"), own_apiserver, {}):
        yield own_apiserver


def pod(**spec: Any) -> dict[str, Any]:
    """A pod as the agent starts it for a volume; spec: what differs."""
    box = {"name": "x", "image": "velero", "command": ["/velero"], "securityContext": {"privileged": False}}
    volumes = [
        {"name": "volume", "hostPath": {"path": f"{FOLDER}/0a/volumes/kubernetes.io~nfs/data"}},
        {"name": "host", "hostPath": {"path": FOLDER}},
        {"name": "scratch", "emptyDir": {}},
    ]
    given = {"serviceAccountName": "node-agent", "containers": [box], "volumes": volumes, "nodeName": "k8s-w1"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x", "namespace": "velero"}, "spec": given | spec}


def tried(api, obj: dict[str, Any]) -> str:
    return rights.tried(api, "velero/node-agent", obj)


def boxes(**context: Any) -> list[dict[str, Any]]:
    return [{"name": "x", "image": "velero", "securityContext": context}]


REFUSED = {
    "Velero's own account": ({"serviceAccountName": "velero"}, "starts pods as itself alone"),
    "the default account": ({"serviceAccountName": "default"}, "starts pods as itself alone"),
    "the node's root": ({"volumes": [{"name": "r", "hostPath": {"path": "/"}}]}, f"of their node {FOLDER}"),
    "a folder beside": (
        {"volumes": [{"name": "r", "hostPath": {"path": f"{FOLDER}-other"}}]},
        f"of their node {FOLDER}",
    ),
    "a folder above": (
        {"volumes": [{"name": "r", "hostPath": {"path": f"{FOLDER}/../.."}}]},
        "of their node|must not contain",
    ),
    "a Secret": ({"volumes": [{"name": "s", "secret": {"secretName": "x"}}]}, "see emptyDir"),
    "a projected Secret": (
        {"volumes": [{"name": "s", "projected": {"sources": [{"secret": {"name": "x"}}]}}]},
        "see emptyDir",
    ),
    "the node's processes": ({"hostPID": True}, "are not privileged"),
    "the node's network": ({"hostNetwork": True}, "are not privileged"),
    "a privileged container": ({"containers": boxes(privileged=True)}, "are not privileged"),
    "a capability": ({"containers": boxes(capabilities={"add": ["SYS_ADMIN"]})}, "are not privileged"),
    "a privileged container before": (
        {"initContainers": [boxes(privileged=True)[0] | {"name": "before"}]},
        "are not privileged",
    ),
}


def test_the_pods_that_it_needs_are_admitted(api):
    assert tried(api, pod()) == ""


@pytest.mark.parametrize("what", REFUSED)
def test_a_pod_with_more_than_its_own_rights_is_refused(api, what):
    spec, expected = REFUSED[what]
    end = time.monotonic() + 20  # a new policy takes a moment
    while not (said := tried(api, pod(**spec))) and time.monotonic() < end:
        time.sleep(0.5)
    assert any(one in said for one in expected.split("|")), said


def test_it_makes_nothing_that_the_server_carries_out(api):
    def may(*words: str) -> bool:
        return api.kubectl("auth", "can-i", *words, "-n", "velero", f"--as={AGENT}", check=False).strip() == "yes"

    kinds = ("restores", "backups", "schedules", "backupstoragelocations", "podvolumebackups", "podvolumerestores")
    assert [kind for kind in kinds if may("create", f"{kind}.velero.io")] == []
    assert may("update", "podvolumebackups.velero.io") and may("patch", "podvolumerestores.velero.io")
    assert may("get", "secrets/location") and not may("get", "secrets/other") and not may("list", "secrets")
    assert not any(may(verb, "pods") for verb in ("update", "patch")) and not may(
        "create", "pods", "--subresource=exec"
    )
    assert not may("create", "serviceaccounts", "--subresource=token")


def test_the_policy_is_without_warnings(api):
    def status() -> dict[str, Any]:
        return api.get("validatingadmissionpolicy", "velero-node-agent").get("status") or {}

    end = time.monotonic() + 20
    while not status() and time.monotonic() < end:
        time.sleep(0.5)
    assert (status().get("typeChecking") or {}).get("expressionWarnings") is None
