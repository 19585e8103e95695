"""Choices whose siblings are defaults of the API server, or others' fields, on a real API server.

Server-side apply leaves what the manifest does not declare, and of some fields only one may be there: a strategy's
settings, a volume's source, the number of a port under one name. The set changes them nevertheless, and both modes say
exactly what goes.
"""

from __future__ import annotations

import json
import time

import pytest
from saltk8s.kubectl.compare import diff
from saltk8s.kubectl.manifests.identity import key_of
from tests.support import kubectl as objects
from tests.support.kubectl import check_thrice

LABELS = {"app": "choice"}


def workload(kind="Deployment", pod=None, **spec):
    """A workload of one container; pod: more of the pod."""
    template = {"metadata": {"labels": LABELS}, "spec": container() | (pod or {})}
    spec = {"selector": {"matchLabels": LABELS}, "template": template, **spec}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"namespace": "default"}, "spec": spec}


def container(**more):
    return {"containers": [{"name": "web", "image": "web:1", **more}]}


def stateful_set(**spec):
    return workload("StatefulSet", serviceName="web", **spec)


def volume(**source):
    return workload(pod={"volumes": [{"name": "scratch", **source}]})


def service(*ports, **spec):
    spec = {"selector": LABELS, "ports": list(ports) or [{"port": 80}], **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"namespace": "default"}, "spec": spec}


def external(**spec):
    return service() | {"spec": {"type": "ExternalName", "externalName": "a.example.org", **spec}}


def of_spec(api, kind, **spec):
    return {"apiVersion": api, "kind": kind, "metadata": {"namespace": "default"}, "spec": spec}


def autoscaler(**spec):
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    return of_spec("autoscaling/v2", "HorizontalPodAutoscaler", scaleTargetRef=target, maxReplicas=3, **spec)


def ingress(**backend):
    return of_spec("networking.k8s.io/v1", "Ingress", defaultBackend=backend)


def budget(**spec):
    return of_spec("policy/v1", "PodDisruptionBudget", selector={"matchLabels": LABELS}, **spec)


def cron_job(**spec):
    pod = container() | {"restartPolicy": "Never"}
    job = {"spec": {"template": {"spec": pod}, **spec}}
    return of_spec("batch/v1", "CronJob", schedule="* * * * *", jobTemplate=job)


HTTP, TCP = {"httpGet": {"port": 80}}, {"tcpSocket": {"port": 80}}
FIELD = {"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
MEMORY = {"name": "memory", "target": {"type": "AverageValue", "averageValue": "1Gi"}}
HTTP_1, HTTP_2 = {"name": "http", "port": 1935}, {"name": "http", "port": 1936}
OTHER = {"name": "other", "port": 1}
WEB_1, WEB_2 = {"name": "web", "containerPort": 80}, {"name": "web", "containerPort": 81}

# declared first, declared then
CHOICES = {
    "deployment-recreate": (workload(), workload(strategy={"type": "Recreate"})),
    "deployment-rolling": (workload(strategy={"type": "Recreate"}), workload()),
    "stateful-set-on-delete": (stateful_set(), stateful_set(updateStrategy={"type": "OnDelete"})),
    "stateful-set-rolling": (stateful_set(updateStrategy={"type": "OnDelete"}), stateful_set()),
    "daemon-set-on-delete": (workload("DaemonSet"), workload("DaemonSet", updateStrategy={"type": "OnDelete"})),
    "volume-without-source": (volume(), volume(configMap={"name": "a"})),
    "volume-source": (volume(configMap={"name": "a"}), volume(secret={"secretName": "a"})),
    "volume-host": (volume(hostPath={"path": "/a"}), volume(emptyDir={})),
    "probe": (workload(pod=container(livenessProbe=HTTP)), workload(pod=container(livenessProbe=TCP))),
    "hook": (
        workload(pod=container(lifecycle={"preStop": HTTP})),
        workload(pod=container(lifecycle={"preStop": {"exec": {"command": ["a"]}}})),
    ),
    "env": (
        workload(pod=container(env=[FIELD])),
        workload(pod=container(env=[{"name": "A", "value": "1"}])),
    ),
    "host-network": (workload(pod={"hostNetwork": True}), workload()),
    "dns": (workload(), workload(pod={"dnsPolicy": "None", "dnsConfig": {"nameservers": ["192.0.2.1"]}})),
    "service-affinity": (service(sessionAffinity="ClientIP"), service(sessionAffinity="None")),
    "service-balancer": (service(type="LoadBalancer", externalTrafficPolicy="Local"), service(type="ClusterIP")),
    "service-balancer-undeclared": (service(type="LoadBalancer"), service()),
    "service-balancer-class": (
        service(type="LoadBalancer", loadBalancerClass="example.org/a"),
        service(type="NodePort"),
    ),
    "service-node-port": (service(type="NodePort"), service()),
    "service-external": (service(), external()),
    "service-external-node-port": (service(type="NodePort"), external()),
    "service-external-balancer": (service(type="LoadBalancer"), external()),
    "service-internal": (external(), service(clusterIP="10.43.77.7")),
    "service-port": (service(HTTP_1), service(HTTP_2)),
    "autoscaler": (autoscaler(), autoscaler(metrics=[{"type": "Resource", "resource": MEMORY}])),
    "ingress-backend": (
        ingress(service={"name": "a", "port": {"number": 80}}),
        ingress(resource={"apiGroup": "a.example.org", "kind": "A", "name": "a"}),
    ),
    "ingress-port": (
        ingress(service={"name": "a", "port": {"number": 80}}),
        ingress(service={"name": "a", "port": {"name": "a"}}),
    ),
    "budget": (budget(minAvailable=1), budget(maxUnavailable=1)),
    "job-completion": (cron_job(completionMode="Indexed", completions=2), cron_job()),
}
# the same where client-side apply owns what is in the way: what is removed of it
TAKEN = {
    "deployment-recreate": "spec.strategy.rollingUpdate",
    "stateful-set-on-delete": "spec.updateStrategy.rollingUpdate",
    "volume-without-source": "spec.template.spec.volumes[name=scratch].emptyDir",
    "volume-source": "spec.template.spec.volumes[name=scratch].configMap",
    "probe": "spec.template.spec.containers[name=web].livenessProbe.httpGet",
    "env": "spec.template.spec.containers[name=web].env[name=A].valueFrom",
}
PORTS = {
    "service-port": (service(HTTP_1, OTHER), service(HTTP_2, OTHER), "spec.ports[port=1935]"),
    "service-port-without-a-name": (service({"port": 1935}), service({"port": 1936}), "spec.ports[port=1935]"),
    "service-port-and-protocol": (
        service({"port": 1935}),
        service({"port": 1936, "protocol": "UDP"}),
        "spec.ports[port=1935]",
    ),
    "service-port-keeps-its-node-port": (
        service({"port": 80, "nodePort": 30060}, type="NodePort"),
        service({"port": 8080, "nodePort": 30060}, type="NodePort"),
        "spec.ports[port=80]",
    ),
    "service-port-loses-its-name": (service(HTTP_1), service({"port": 1936}), "spec.ports[port=1935]"),
    "service-ports-become-one": (service(HTTP_1, OTHER), service({"port": 1936}), "spec.ports[port=1935]"),
    "container-port": (
        workload(pod=container(ports=[WEB_1])),
        workload(pod=container(ports=[WEB_2])),
        "spec.template.spec.containers[name=web].ports[containerPort=80]",
    ),
}
REFUSED = "which may not stand beside what is declared: set force_conflicts to take it away"


def named(obj, name):
    return obj | {"metadata": obj["metadata"] | {"name": name}}


def live_of(apiserver, obj):
    return apiserver.get(obj["kind"], obj["metadata"]["name"])


def check_said(apiserver, run, *declared):
    """Run thrice: what is another than before is what both modes said. Return the changes."""
    before = [live_of(apiserver, obj) for obj in declared]
    changes = check_thrice(apiserver, run)["changes"]
    for obj, old in zip(declared, before, strict=True):
        seen = diff.show(key_of(obj), diff.fields(old, live_of(apiserver, obj)))
        seen.pop('metadata.annotations["saltk8s.io/object"]', None)  # no change of what was declared
        assert changes[key_of(obj).title] == seen
    return changes


def test_every_choice_changes_in_place_and_both_modes_say_what(apiserver, applied):
    first = [named(choice[0], f"all-{name}") for name, choice in CHOICES.items()]
    then = [named(choice[1], f"all-{name}") for name, choice in CHOICES.items()]
    assert applied("all-choices", *first)["result"] is True
    changes = check_said(apiserver, lambda **kw: applied("all-choices", *then, **kw), *then)
    assert len(changes) == len(CHOICES)


@pytest.mark.parametrize("name", TAKEN)
def test_what_client_side_apply_owns_goes_only_when_forced(apiserver, applied, name):
    first, then = (named(obj, f"taken-{name}") for obj in CHOICES[name])
    apiserver.kubectl("apply", "-f", "-", stdin=json.dumps(first))
    for test in (True, False):
        answer = applied(f"taken-{name}", then, test=test)
        assert answer["result"] is False and answer["changes"] == {}
        assert "conflict: another field manager 'kubectl-client-side-apply' owns ." in answer["comment"]
        assert "force_conflicts" in answer["comment"]
    changes = check_said(apiserver, lambda **kw: applied(f"taken-{name}", then, force_conflicts=True, **kw), then)
    assert changes[key_of(then).title][TAKEN[name]]["new"] is None


@pytest.mark.parametrize("name", PORTS)
def test_a_port_that_keeps_its_name_is_adopted_with_another_number_when_forced(apiserver, applied, name):
    first, then = (named(obj, f"renumbered-{name}") for obj in PORTS[name][:2])
    apiserver.kubectl("apply", "-f", "-", stdin=json.dumps(first))
    answer = applied(f"renumbered-{name}", then)
    assert answer["result"] is False and REFUSED in answer["comment"]
    changes = check_said(apiserver, lambda **kw: applied(f"renumbered-{name}", then, force_conflicts=True, **kw), then)
    assert changes[key_of(then).title][PORTS[name][2]]["new"] is None
    apiserver.kubectl("delete", then["kind"], then["metadata"]["name"])  # its node port is wanted again


@pytest.mark.parametrize("name", PORTS)
def test_a_port_that_was_adopted_unchanged_is_renumbered_without_force(apiserver, applied, name):
    first, then = (named(obj, f"adopted-{name}") for obj in PORTS[name][:2])
    apiserver.kubectl("apply", "-f", "-", stdin=json.dumps(first))
    assert applied(f"adopted-{name}", first)["result"] is True
    check_said(apiserver, lambda **kw: applied(f"adopted-{name}", then, **kw), then)
    apiserver.kubectl("delete", then["kind"], then["metadata"]["name"])


def test_what_is_beside_the_choice_stays_and_other_changes_come_with_it(apiserver, applied):
    first = named(workload(replicas=2), "beside")
    applied("beside", first)
    apiserver.kubectl("patch", "deployment", "beside", "-p", json.dumps({"spec": {"minReadySeconds": 7}}))
    then = named(workload(replicas=3, strategy={"type": "Recreate"}), "beside")
    changes = check_said(apiserver, lambda **kw: applied("beside", then, **kw), then)
    assert set(changes["Deployment default/beside"]) == {
        "spec.replicas",
        "spec.strategy.type",
        "spec.strategy.rollingUpdate",
    }
    assert live_of(apiserver, then)["spec"]["minReadySeconds"] == 7


def test_what_is_invalid_for_another_reason_is_refused_as_it_was(apiserver, applied):
    first = named(workload(), "invalid-choice")
    applied("invalid-choice", first)
    then = named(workload(strategy={"type": "Sometimes"}), "invalid-choice")
    answer = applied("invalid-choice", then)
    assert answer["result"] is False and "spec.strategy: Unsupported value" in answer["comment"]


# -- a field that only the newer version of a kind has


def two_versions():
    """A definition whose second version, in which objects are stored, has a defaulted field more."""
    definition = objects.definition("Bound", "choices.example.org")
    one = definition["spec"]["versions"][0] | {"storage": False}
    two = json.loads(json.dumps(one)) | {"name": "v2", "storage": True}
    spec = two["schema"]["openAPIV3Schema"]["properties"]["spec"]
    spec["properties"]["access"] = {"type": "string", "default": "deny"}
    definition["spec"]["versions"] = [one, two]
    return definition


def test_a_field_that_the_earlier_version_does_not_have_is_refused_with_a_way_that_works(apiserver, applied):
    apiserver.apply(two_versions())
    apiserver.kubectl("wait", "--for=condition=Established", "crd/bounds.choices.example.org", "--timeout=30s")
    old = objects.custom("Bound", "choices.example.org", "moved")
    new = old | {"apiVersion": "choices.example.org/v2", "spec": {"size": 2}}
    assert applied("moved", old)["result"] is True
    for _ in range(100):  # until the API server has the schemas of both versions
        answer = applied("moved", new, test=True)
        if "not declared in schema" in answer["comment"]:
            break
        time.sleep(0.3)
    assert answer["result"] is False
    assert "field not declared in schema: its managedFields name choices.example.org/v1," in answer["comment"]
    command = answer["comment"].split("(kubectl ")[1].split(") and run")[0]
    words = command.replace("'", "").split()
    apiserver.kubectl(*words)
    check_thrice(apiserver, lambda **kw: applied("moved", new, force_conflicts=True, **kw))
    live = apiserver.get("bounds.v2.choices.example.org", "moved")
    assert live["spec"] == {"size": 2, "access": "deny"}
