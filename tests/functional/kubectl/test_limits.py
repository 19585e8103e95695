"""A LimitRange beside what it rejects in one set: told before anything is written, by the rules of the API server."""

from __future__ import annotations

import json
import random
import subprocess

import pytest
from saltk8s.kubectl.sets.actions import CREATE, Action, Plan
from saltk8s.kubectl.sets.admission import limits
from tests.support import enabling
from tests.support import kubectl as objects
from tests.support.kubectl import check_thrice


def limit_range(namespace, *items, name="limits"):
    return enabling.make("LimitRange", name, namespace, spec={"limits": [{"type": "Container"} | one for one in items]})


def with_resources(obj, **resources):
    pod = obj["spec"] if obj["kind"] == "Pod" else obj["spec"]["template"]["spec"]
    pod["containers"][0]["resources"] = resources
    return obj


def claim(namespace, size):
    spec = {"resources": {"requests": {"storage": size}}, "accessModes": ["ReadWriteOnce"]}
    return enabling.make("PersistentVolumeClaim", "data", namespace, spec=spec)


SMALL = {"max": {"memory": "1Gi"}}
TOO_MUCH = "maximum memory usage per Container is 1Gi, but limit is 2Gi"


@pytest.mark.parametrize("existing", [True, False])
def test_a_new_limit_range_and_a_pod_above_it(apiserver, applied, refused, existing):
    name = f"above-{existing}".lower()
    ns = objects.namespace(name)
    if existing:
        apiserver.apply(ns)
    first = [] if existing else [ns]
    small, big = limit_range(name, SMALL), enabling.pod("p", name, "2Gi")
    refused(f"Pod {name}/p: container a: {TOO_MUCH} (LimitRange {name}/limits)", name, *first, small, big)
    after = [*first, small, enabling.pod("p", name)]
    check_thrice(apiserver, lambda **kw: applied(name, *after, **kw))
    default = {"limits": {"memory": "1Gi"}, "requests": {"memory": "1Gi"}}  # it is written first, for its defaults
    assert apiserver.get("pod", "p", "-n", name)["spec"]["containers"][0]["resources"] == default


def test_the_pods_of_workloads_and_claims(apiserver, applied, refused):
    name = "of-workloads"
    ns = objects.namespace(name)
    small = limit_range(name, SMALL, {"type": "PersistentVolumeClaim", "max": {"storage": "1Gi"}})
    big = with_resources(objects.deployment("web", name), limits={"memory": "2Gi"})
    refused(f"Deployment {name}/web: its pods: container web: {TOO_MUCH}", name, ns, small, big)
    job = enabling.make("CronJob", "nightly", name) | {"apiVersion": "batch/v1"}
    template = with_resources(enabling.pod("p", name), limits={"memory": "2Gi"})["spec"] | {"restartPolicy": "Never"}
    job["spec"] = {"schedule": "1 1 * * *", "jobTemplate": {"spec": {"template": {"spec": template}}}}
    refused(f"CronJob {name}/nightly: its pods: container a: {TOO_MUCH}", name, ns, small, job)
    said = "maximum storage usage per PersistentVolumeClaim is 1Gi, but request is 2Gi"
    refused(f"PersistentVolumeClaim {name}/data: {said}", name, ns, small, claim(name, "2Gi"))
    declared = [ns, small, claim(name, "1Gi")]
    resting = objects.changed(big, "spec.replicas", 0)  # no pod is made of it
    check_thrice(apiserver, lambda **kw: applied(name, *declared, resting, **kw))
    changed = objects.changed(big, "spec.template.spec.containers.0.image", "web:2")
    refused(f"Deployment {name}/web: its pods: container web: {TOO_MUCH}", name, *declared, changed)


def test_a_webhook_may_change_the_pods(apiserver, applied):
    name = "changed-pods"
    hook = {
        "name": "pods.example.org",
        "clientConfig": {"url": "https://127.0.0.1:1/"},
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
        "namespaceSelector": {"matchLabels": {"name": "nowhere"}},
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    own = enabling.make("MutatingWebhookConfiguration", name, webhooks=[hook])
    own["apiVersion"] = "admissionregistration.k8s.io/v1"
    apiserver.apply(own, objects.namespace(name))
    try:
        big = with_resources(objects.deployment("web", name), limits={"memory": "2Gi"})
        foretold = applied(name, limit_range(name, SMALL), big, test=True)
        assert foretold["result"] is None and set(foretold["changes"]) >= {f"Deployment {name}/web"}
        assert f"{TOO_MUCH} (LimitRange {name}/limits), unless a webhook changes its pods" in foretold["comment"]
    finally:
        apiserver.kubectl("delete", "mutatingwebhookconfiguration", name)


# -- what is computed, and what the API server says

AMOUNTS = {"cpu": ["50m", "0.1", "200m", "1"], "memory": ["64Mi", "128Mi", "0.25Gi", "1G"]}


def some(rng, most):
    """Amounts of some resources, of the first ones of each."""
    return {name: rng.choice(values[:most]) for name, values in AMOUNTS.items() if rng.random() < 0.5}


def drawn_item(rng):
    item = {"type": rng.choice(["Container", "Container", "Pod"])}
    for field, chance in (("min", 0.4), ("max", 0.6), ("maxLimitRequestRatio", 0.3), ("default", 0.3)):
        if rng.random() < chance and (field != "default" or item["type"] == "Container"):
            item[field] = some(rng, 4)
    if "maxLimitRequestRatio" in item:
        item["maxLimitRequestRatio"] = dict.fromkeys(item["maxLimitRequestRatio"], rng.choice(["1", "1.5", "4"]))
    return item


def drawn_pod(rng, number, namespace):
    pod = enabling.pod(f"p{number}", namespace)
    containers = [{"name": f"c{n}", "image": "a:1"} for n in range(rng.choice([1, 1, 2, 3]))]
    for container in containers:
        limits = some(rng, 4)
        container["resources"] = {"limits": limits, "requests": {name: AMOUNTS[name][0] for name in some(rng, 1)}}
        if rng.random() < 0.3:
            container["resources"] = {}
    rest = containers[1:] if rng.random() < 0.5 else []
    pod["spec"] |= {"containers": [one for one in containers if one not in rest]}
    if rest:
        pod["spec"]["initContainers"] = rest
    if rest and rng.random() < 0.5:
        rest[0]["restartPolicy"] = "Always"
    return pod


def tried(apiserver, *declared):
    """Which of the objects the API server rejects because of limits."""
    argv = [apiserver.kubectl_path, "--kubeconfig", str(apiserver.kubeconfig), "create", "--dry-run=server", "-f", "-"]
    text = objects.documents(*declared)
    done = subprocess.run(argv, input=text, capture_output=True, text=True, check=False)
    lines = [line for line in done.stderr.splitlines() if " usage per " in line or "request ratio per" in line]
    names = [one["metadata"]["name"] for one in declared]
    return {name for name in names if any(f'"{name}"' in line for line in lines)}


class Cluster:
    """A cluster without LimitRanges and webhooks."""

    def objects(self, *words):
        return []


def in_order(pod):
    """Whether some containers of a pod run beside others that run before: which of them is not computed."""
    return {"restartPolicy" in one for one in pod["spec"].get("initContainers", ())} == {True, False}


def test_what_is_computed_is_what_the_api_server_says(apiserver):
    """Over generated LimitRanges and pods: no false refusal; none is missed where one LimitRange says it all."""
    rng, wrong, refused = random.Random(5), [], 0
    for number in range(12):
        name = f"drawn-{number}"
        alone = number % 3 > 0
        own = [
            limit_range(name, *(drawn_item(rng) for _ in range(rng.choice([1, 2]))), name=f"limits-{n}")
            for n in range(1 if alone else 2)
        ]
        text = objects.documents(objects.namespace(name), *own)
        created = apiserver.kubectl("create", "-f", "-", stdin=text, check=False)  # some contradict themselves
        own = [one for one in own if f"limitrange/{one['metadata']['name']} created" in created]
        pods = {f"p{n}": drawn_pod(rng, n, name) for n in range(25)}
        said = tried(apiserver, *pods.values())
        declared = objects.declare(*own, *pods.values())
        plan = Plan({key: Action(CREATE, key) for key in declared})
        computed = {key.name for key in limits.rejected(Cluster(), plan, declared)}
        missed = {one for one in said - computed if not in_order(pods[one])} if alone else set()
        wrong += [(own, pods[one]) for one in computed - said | missed]
        refused += len(computed)
    assert not wrong, json.dumps(wrong[0], indent=1)
    assert refused > 50
