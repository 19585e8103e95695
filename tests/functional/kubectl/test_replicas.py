"""The number of replicas is not lost, on a real API server: neither on adoption nor when a set leaves it to others."""

from __future__ import annotations

import json

import pytest
from tests.support import kubectl as objects
from tests.support.kubectl import check_thrice, check_unchanged

# words of kubectl that make a workload before the set adopts it
WAYS = {
    "client-side": ["apply"],
    "helm": ["create", "--field-manager=helm"],
    "create": ["create", "--save-config"],
    "server-side": ["apply", "--server-side", "--field-manager=other"],
    "ours": ["apply", "--server-side", "--field-manager=saltk8s"],
}


def deployment(name, **spec):
    labels = {"app": name}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": "web:1"}]}}
    meta = {"name": name, "namespace": "default"}
    spec = {"selector": {"matchLabels": labels}, "template": pod, **spec}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec}


def stateful_set(name, **spec):
    made = deployment(name, **spec)
    made["spec"] |= {"serviceName": name}
    return made | {"kind": "StatefulSet"}


def replica_set(name, **spec):
    return deployment(name, **spec) | {"kind": "ReplicaSet"}


KINDS = {"deployment": deployment, "statefulset": stateful_set, "replicaset": replica_set}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", WAYS)
def test_adopting_does_not_scale(apiserver, applied, kind, way):
    name = f"adopted-{kind}-{way}"
    apiserver.kubectl(*WAYS[way], "-f", "-", stdin=json.dumps(KINDS[kind](name, replicas=5)))
    real = check_thrice(apiserver, lambda **kw: applied(name, KINDS[kind](name), **kw))
    assert apiserver.get(kind, name)["spec"]["replicas"] == 5
    (changes,) = (fields for title, fields in real["changes"].items() if name in title and "ConfigMap" not in title)
    assert "spec.replicas" not in changes


@pytest.mark.parametrize("kind", KINDS)
def test_replicas_that_are_declared_no_more_stay_and_both_modes_say_so(apiserver, applied, kind):
    name = f"given-up-{kind}"
    applied(name, KINDS[kind](name, replicas=4))
    real = check_thrice(apiserver, lambda **kw: applied(name, KINDS[kind](name), **kw))
    (changes,) = real["changes"].values()
    said = {"old": "saltk8s: spec.replicas", "new": "spec.replicas stays 4, left to others"}
    assert changes == {"metadata.managedFields": said}
    assert apiserver.get(kind, name)["spec"]["replicas"] == 4
    apiserver.kubectl("scale", kind, name, "--replicas=7")  # as an autoscaler does
    check_unchanged(apiserver, lambda **kw: applied(name, KINDS[kind](name), **kw))
    more = KINDS[kind](name, minReadySeconds=3)
    assert check_thrice(apiserver, lambda **kw: applied(name, more, **kw))["changes"]
    assert apiserver.get(kind, name)["spec"]["replicas"] == 7


def test_replicas_are_given_up_beside_another_change(apiserver, applied):
    name = "given-up-and-changed"
    applied(name, deployment(name, replicas=4))
    after = objects.changed(deployment(name), "spec.template.spec.containers.0.image", "web:2")
    real = check_thrice(apiserver, lambda **kw: applied(name, after, **kw))
    changes = real["changes"][f"Deployment default/{name}"]
    assert set(changes) == {"metadata.managedFields", "spec.template.spec.containers[name=web].image"}
    assert apiserver.get("deployment", name)["spec"]["replicas"] == 4


def test_replicas_declared_again_count(apiserver, applied):
    name = "declared-again"
    for spec in ({"replicas": 4}, {}, {"replicas": 2}):
        check_thrice(apiserver, lambda spec=spec, **kw: applied(name, deployment(name, **spec), **kw))
    assert apiserver.get("deployment", name)["spec"]["replicas"] == 2


def test_a_custom_resource_keeps_its_replicas_too(apiserver, applied):
    definition = objects.definition("Shard", "replicas.example.org")
    size = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    size["properties"]["replicas"] = {"type": "integer"}
    apiserver.apply(definition)
    apiserver.kubectl("wait", "--for=condition=Established", "crd/shards.replicas.example.org", "--timeout=30s")
    shard = objects.custom("Shard", "replicas.example.org", "kept-shard")
    applied("kept-shard", objects.changed(shard, "spec.replicas", 3))
    real = check_thrice(apiserver, lambda **kw: applied("kept-shard", shard, **kw))
    assert "spec.replicas stays 3" in json.dumps(real["changes"])
    assert apiserver.get("shards.replicas.example.org", "kept-shard")["spec"] == {"size": 1, "replicas": 3}
