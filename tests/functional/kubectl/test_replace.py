"""Immutable fields: named in the error, or the object is replaced where that is allowed."""

from __future__ import annotations

import pytest
from saltk8s.kubectl.sets import replacement
from tests.support import enabling
from tests.support import kubectl as objects
from tests.support.kubectl import check_thrice

ANNOTATION = "saltk8s.io/replace"


def job(name: str, image: str = "work:1") -> dict:
    """A Job; its template cannot be changed."""
    pod = {"restartPolicy": "Never", "containers": [{"name": "work", "image": image}]}
    meta = {"name": name, "namespace": "default"}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": meta, "spec": {"template": {"spec": pod}}}


def storage_class(name: str, **parameters: str) -> dict:
    """A StorageClass; its parameters cannot be changed."""
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": name},
        "provisioner": "example.org/disk",
        "parameters": parameters,
    }


def binding(name: str, role: str) -> dict:
    """A RoleBinding; its role cannot be changed."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": name, "namespace": "default"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": "default"}],
    }


def claim(name: str, size: str) -> dict:
    """A PersistentVolumeClaim, a protected kind; its access modes cannot be changed."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"accessModes": [size], "resources": {"requests": {"storage": "1Gi"}}},
    }


def selecting(name: str, label: str) -> dict:
    """A Deployment; its selector cannot be changed."""
    obj = objects.deployment(name)
    obj["spec"]["selector"] = {"matchLabels": {"app": label}}
    obj["spec"]["template"]["metadata"]["labels"] = {"app": label}
    return obj


CASES = [
    (job("job"), job("job", "work:2"), "Job default/job", "spec.template"),
    (selecting("select", "a"), selecting("select", "b"), "Deployment default/select", "spec.selector"),
    (storage_class("disk", speed="slow"), storage_class("disk", speed="fast"), "StorageClass disk", "parameters"),
    (binding("bind", "a"), binding("bind", "b"), "RoleBinding default/bind", "roleRef"),
]
NAMES = ["job", "deployment", "storage-class", "binding"]


@pytest.mark.parametrize(("before", "after", "title", "field"), CASES, ids=NAMES)
def test_a_field_that_cannot_be_changed(apiserver, applied, before, after, title, field):
    name = f"immutable-{after['kind'].lower()}"
    applied(name, before)
    mark = apiserver.mark()
    for test in (True, False):
        answer = applied(name, after, test=test)
        assert answer["result"] is False and answer["changes"] == {}
        assert f"{title}: {field}" in answer["comment"] and "name the object in replace" in answer["comment"]
    assert [request for request in apiserver.requests(mark) if request.write] == []
    uid = apiserver.get(after["kind"], after["metadata"]["name"])["metadata"]["uid"]
    real = check_thrice(apiserver, lambda **kw: applied(name, after, replace=[title], **kw))
    assert list(real["changes"]) == [title]
    assert any(path.startswith(field) for path in real["changes"][title]), real["changes"]
    assert f"replaced {title} (deleted and re-created): " in real["comment"]
    assert apiserver.get(after["kind"], after["metadata"]["name"])["metadata"]["uid"] != uid


def test_an_object_says_itself_that_it_may_be_replaced(apiserver, applied):
    before, after = job("noted"), job("noted", "work:2")
    for obj in (before, after):
        obj["metadata"]["annotations"] = {ANNOTATION: "true"}
    applied("noted", before)
    real = check_thrice(apiserver, lambda **kw: applied("noted", after, **kw))
    old = real["changes"]["Job default/noted"]["spec.template.spec.containers[name=work].image"]
    assert old == {"old": "work:1", "new": "work:2"}


def test_what_can_be_changed_in_place_is_not_replaced(apiserver, applied):
    before = objects.deployment("in-place")
    applied("in-place", before)
    uid = apiserver.get("deployment", "in-place")["metadata"]["uid"]
    after = objects.changed(before, "spec.replicas", 3)
    allowed = ["Deployment default/in-place"]
    real = check_thrice(apiserver, lambda **kw: applied("in-place", after, replace=allowed, **kw))
    assert real["changes"] == {"Deployment default/in-place": {"spec.replicas": {"old": 2, "new": 3}}}
    assert apiserver.get("deployment", "in-place")["metadata"]["uid"] == uid


def test_a_new_version_that_would_be_rejected_keeps_the_old_one(apiserver, applied):
    applied("half-replaced", job("half-replaced"))
    wrong = job("half-replaced", "work:2")
    wrong["spec"]["template"]["spec"]["containers"][0]["name"] = "Not A Name"
    mark = apiserver.mark()
    for test in (True, False):
        answer = applied("half-replaced", wrong, replace=["Job default/half-replaced"], test=test)
        assert answer["result"] is False and answer["changes"] == {}
        assert "Job default/half-replaced: spec.template.spec.containers[0].name: Invalid value" in answer["comment"]
    assert [request for request in apiserver.requests(mark) if request.write] == []


def test_data_is_replaced_only_when_that_is_said_twice(apiserver, applied):
    before, after = claim("kept-data", "ReadWriteOnce"), claim("kept-data", "ReadWriteMany")
    applied("kept-data", before)
    apiserver.kubectl("patch", "pvc", "kept-data", "--type=merge", "-p", '{"metadata": {"finalizers": null}}')
    name = "PersistentVolumeClaim default/kept-data"
    answer = applied("kept-data", after, replace=[name])
    assert answer["result"] is False and answer["changes"] == {} and "hold data" in answer["comment"]
    assert apiserver.get("pvc", "kept-data")["spec"]["accessModes"] == ["ReadWriteOnce"]
    real = check_thrice(apiserver, lambda **kw: applied("kept-data", after, replace=[name], unprotect=[name], **kw))
    assert real["changes"][name]["spec.accessModes"] == {"old": ["ReadWriteOnce"], "new": ["ReadWriteMany"]}


def service(name: str, **spec) -> dict:
    """A Service; its cluster IP cannot be changed, and its ports are its own."""
    found = {"type": "NodePort", "ports": [{"port": 80, "nodePort": 30031}], **spec}
    return enabling.make("Service", name, "default", spec=found)


UNIQUE = {
    "cluster-ip": (
        service("held-ip", clusterIP="10.43.5.1"),
        service("held-ip", clusterIP="10.43.5.2"),
        "spec.clusterIP",
    ),
    "health-check-port": (
        service("held-check", type="LoadBalancer", externalTrafficPolicy="Local", healthCheckNodePort=30041),
        service("held-check", type="LoadBalancer", externalTrafficPolicy="Local", healthCheckNodePort=30042),
        "spec.healthCheckNodePort",
    ),
    "default-priority": (
        enabling.make("PriorityClass", "held-default", value=1, globalDefault=True),
        enabling.make("PriorityClass", "held-default", value=2, globalDefault=True),
        "value",
    ),
}


@pytest.mark.parametrize("name", UNIQUE)
def test_what_the_old_one_holds_is_left_out_of_the_trial(apiserver, applied, name):
    before, after, field = UNIQUE[name]
    applied(f"unique-{name}", before)
    title = f"{after['kind']} default/{after['metadata']['name']}".replace("PriorityClass default/", "PriorityClass ")
    real = check_thrice(apiserver, lambda **kw: applied(f"unique-{name}", after, replace=[title], **kw))
    assert field in real["changes"][title] and "not tried" not in real["comment"]
    assert not any("nodePort" in path for path in real["changes"][title])
    apiserver.kubectl("delete", after["kind"], after["metadata"]["name"])


def test_a_taken_port_keeps_the_old_one(apiserver, applied):
    applied("taken-other", service("taken-other"))
    applied("taken", service("taken", clusterIP="10.43.5.3", ports=[{"port": 80}]))
    mark = apiserver.mark()
    for test in (True, False):
        answer = applied("taken", service("taken", clusterIP="10.43.5.4"), replace=["Service default/taken"], test=test)
        assert answer["result"] is False and answer["changes"] == {}
        assert "provided port is already allocated" in answer["comment"]
    assert [request for request in apiserver.requests(mark) if request.write] == []


def test_a_replaced_object_takes_what_another_one_gives_up(apiserver, applied):
    port = [{"port": 80, "nodePort": 30051}]
    before = [service("gives", ports=port), service("takes", clusterIP="10.43.5.6", ports=[{"port": 80}])]
    after = [service("takes", clusterIP="10.43.5.7", ports=port)]
    title = "Service default/takes"
    applied("gives", *before)
    allowed = {"replace": [title]}
    foretold = applied("gives", *after, test=True, **allowed)
    assert f"{title} (depends on Service default/gives, not tried): spec.clusterIP" in foretold["comment"]
    real = applied("gives", *after, **allowed)
    assert real["result"] is True and f"replaced {title}" in real["comment"], real["comment"]
    assert set(real["changes"]) == set(foretold["changes"]) == {title, "Service default/gives"}
    objects.check_unchanged(apiserver, lambda **kw: applied("gives", *after, **allowed, **kw))
    apiserver.kubectl("delete", "service", "takes")


def test_a_name_that_is_tied_to_the_content_is_not_tried(apiserver, applied):
    group = "tied.example.org"
    old = enabling.definition(group, kept={"type": "string"})
    enabling.fields_of(old)["x-kubernetes-validations"] = [
        {"rule": "self.kept == oldSelf.kept", "message": "immutable"}
    ]
    schema = old["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    schema["x-kubernetes-validations"] = [{"rule": "self.metadata.name == 'one'", "message": "the only name is one"}]
    site = f"Site.{group} default/one"
    applied("tied", old, enabling.site(group, kept="a"))
    after = [old, enabling.site(group, kept="b")]
    real = check_thrice(apiserver, lambda **kw: applied("tied", *after, replace=[site], **kw))
    assert real["changes"][site] == {"spec.kept": {"old": "a", "new": "b"}}
    assert "(not tried: its name is tied to its content)" in real["comment"]


def test_an_api_service_is_tried_with_a_version_to_match():
    spec = {"group": "g.example.org", "version": "v1", "groupPriorityMinimum": 10, "versionPriority": 10}
    obj = {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": "v1.g.example.org"}}
    obj |= {"spec": spec}
    tried = replacement.stand_in(obj, obj)
    assert (tried["metadata"]["name"], tried["spec"]["version"]) == ("v1replaced.g.example.org", "v1replaced")


@pytest.mark.parametrize("why", ["retention", "owner"])
def test_what_takes_claims_with_it_is_replaced_only_when_that_is_said_twice(apiserver, applied, why):
    name = f"claims-{why}"
    before = objects.deployment(name)
    before |= {"kind": "StatefulSet", "spec": before["spec"] | {"serviceName": "a"}}
    if why == "retention":
        before["spec"]["persistentVolumeClaimRetentionPolicy"] = {"whenDeleted": "Delete", "whenScaled": "Retain"}
    after = objects.changed(before, "spec.serviceName", "b")
    applied(name, before)
    title = f"StatefulSet default/{name}"
    uid = apiserver.get("statefulset", name)["metadata"]["uid"]
    if why == "owner":
        owner = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": name, "uid": uid}
        owned = claim(name, "ReadWriteOnce")
        owned["metadata"]["ownerReferences"] = [owner]
        apiserver.apply(owned)
    for test in (True, False):
        answer = applied(name, after, replace=[title], test=test)
        text = "deletes its claims" if why == "retention" else f"it owns the claim default/{name}"
        assert answer["result"] is False and answer["changes"] == {} and text in answer["comment"], answer
        assert "name it in unprotect, too" in answer["comment"]
    check_thrice(apiserver, lambda **kw: applied(name, after, replace=[title], unprotect=[title], **kw))


@pytest.mark.parametrize("number", [0, 5])
def test_replicas_that_are_left_to_others_are_carried_over(apiserver, applied, number):
    name = f"carried-{number}"
    first, second = selecting(name, "old"), selecting(name, "new")
    for obj in (first, second):
        del obj["spec"]["replicas"]
    applied(name, first)
    apiserver.kubectl("scale", "deployment", name, f"--replicas={number}")  # as an autoscaler does
    uid = apiserver.get("deployment", name)["metadata"]["uid"]
    real = check_thrice(apiserver, lambda **kw: applied(name, second, replace=[f"Deployment default/{name}"], **kw))
    assert not [path for path in real["changes"][f"Deployment default/{name}"] if "replicas" in path]
    found = apiserver.get("deployment", name, "--show-managed-fields")
    assert found["metadata"]["uid"] != uid and found["spec"]["replicas"] == number
    assert not [one for one in found["metadata"]["managedFields"] if "f:replicas" in one["fieldsV1"]["f:spec"]]
    apiserver.kubectl("scale", "deployment", name, "--replicas=7")  # it is still theirs
    assert applied(name, second)["changes"] == {}
