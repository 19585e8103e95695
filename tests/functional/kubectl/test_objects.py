"""Functions that read the cluster, and delete of one object, on a real API server."""

from __future__ import annotations

import pytest
from labkit import versions
from salt.exceptions import CommandExecutionError
from tests.support import kubectl as objects


def test_reading_functions(apiserver, run, call, minion, tmp_path):
    node = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "w1", "labels": {"node-role.kubernetes.io/worker": "true"}},
        "spec": {"taints": [{"key": "gpu", "value": "true", "effect": "NoSchedule"}]},
    }
    apiserver.apply(node)
    apiserver.set_status("node", "w1", {"conditions": [{"type": "Ready", "status": "False", "message": "no network"}]})
    assert call("list_nodes")["w1"] == {
        "ready": False,
        "reason": "no network",
        "schedulable": True,
        "roles": ["worker"],
        "version": "",
        "address": None,
        "taints": ["gpu=true:NoSchedule", "node.kubernetes.io/not-ready=:NoSchedule"],
    }
    run("applied", "reading", objects=[objects.deployment("reading"), objects.config_map("reading", a="1")], wait=False)
    listed = call("list_set", "reading")
    assert [(item["kind"], item["name"], item["ready"]) for item in listed] == [
        ("ConfigMap", "reading", True),
        ("ConfigMap", "saltk8s-set-reading", True),
        ("Deployment", "reading", False),
    ]
    assert [item["name"] for item in call("list_set", "reading", kinds=["Deployment.v1.apps"])] == ["reading"]
    # another set has kinds that this one has not, and the label of this one is on an object of such a kind
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "other", "namespace": "default"}}
    run("applied", "other", objects=[secret])
    apiserver.kubectl("create", "secret", "generic", "foreign")
    apiserver.kubectl("label", "secret", "foreign", "saltk8s.io/set=reading")
    every = call("list_sets")
    assert every["reading"] == listed
    assert [item["name"] for item in every["other"]] == ["other"]
    assert ("reading", False) in [(item["name"], item["ready"]) for item in call("list_rollouts", "default")]
    assert call("get", "configmap", "reading")["data"] == {"a": "1"}
    assert call("get", "configmap", "no-such-thing") is None
    assert [obj["metadata"]["name"] for obj in call("get", "nodes")] == ["w1"]
    assert call("get", "configmaps", selector="saltk8s.io/set=reading", namespace="kube-system") != []
    assert {"deployments.apps", "replicasets.apps"} <= set(call("api_resources", "apps", namespaced=True))
    found = call("version")
    assert found["client"] == found["server"] == versions.KUBECTL
    early = minion.call("kubectl.version", kubeconfig=str(tmp_path / "none"))
    assert early == {"client": versions.KUBECTL, "server": None}
    assert call("delete", "configmap", "reading") is True
    assert call("delete", "configmap", "reading") is False
    change = call("diff", "reading", objects=[objects.deployment("reading"), objects.config_map("reading", a="1")])
    assert change["changes"] == {"ConfigMap default/reading": {"old": None, "new": "created"}}
    assert apiserver.get("configmap", "reading") is None
    with pytest.raises(CommandExecutionError, match="does not know the kind nosuchkind"):
        call("get", "nosuchkind")
