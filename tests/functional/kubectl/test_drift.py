"""Drift: what others did to the objects of a set, on a real API server.

Test mode reports drift exactly, the next run reverts it, and the run after that changes nothing. What
somebody else's field manager took over is a conflict that names it, and put right with ``force_conflicts``. What is not
declared is nobody's drift. The plain cases (a field removed, a conflict) are in ``test_sets.py``.
"""

from __future__ import annotations

import json

import pytest
from salt.exceptions import CommandExecutionError
from tests.support import kubectl as objects
from tests.support.kubectl import check_thrice, check_unchanged

LABEL = "saltk8s.io/set"
LABEL_PATH = f'metadata.labels["{LABEL}"]'
WEB = "spec.template.spec.containers[name=web]"


@pytest.fixture
def a_set(applied):
    """Make a set and apply it: ``a_set("name", obj, ...)``; returns what applies it again."""

    def make(name, *declared):
        def run(**kwargs):
            return applied(name, *declared, **kwargs)

        made = run()
        assert made["result"] is True, made["comment"]
        return run

    return make


def patch(apiserver, obj, patches, *more, kind="json"):
    """Change a live object as a person does, with ``kubectl patch``."""
    where = ["-n", obj["metadata"]["namespace"]] if "namespace" in obj["metadata"] else []
    words = ["patch", obj["kind"], obj["metadata"]["name"], *where, f"--type={kind}", "-p", json.dumps(patches), *more]
    apiserver.kubectl(*words)


def step(op, path, value=None):
    """One step of a JSON patch."""
    return {"op": op, "path": path} | ({} if op == "remove" else {"value": value})


def with_args(name):
    return objects.changed(objects.deployment(name), "spec.template.spec.containers.0.args", ["--one", "--two"])


def service(name):
    ports = [{"name": "web", "port": 80}, {"name": "tls", "port": 443}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"selector": {"app": name}, "ports": ports},
    }


def title(obj):
    return f"{obj['kind']} default/{obj['metadata']['name']}"


CONTAINER = "/spec/template/spec/containers/0"

# name: what is declared, how a person removes something of it, and what the next run says
REMOVED = {
    "env-item": (
        objects.deployment,
        step("remove", f"{CONTAINER}/env/0"),
        {f"{WEB}.env[name=MODE]": {"old": None, "new": {"name": "MODE", "value": "plain"}}},
    ),
    "port-item": (
        service,
        step("remove", "/spec/ports/1"),
        {
            "spec.ports[port=443]": {
                "old": None,
                "new": {"name": "tls", "port": 443, "protocol": "TCP", "targetPort": 443},
            }
        },
    ),
    "whole-list": (
        with_args,
        step("remove", f"{CONTAINER}/args"),
        {f"{WEB}.args": {"old": None, "new": ["--one", "--two"]}},
    ),
    "selector": (
        service,
        step("remove", "/spec/selector"),
        {"spec.selector.app": {"old": None, "new": "removed-selector"}},
    ),
    "request": (
        objects.deployment,
        step("remove", f"{CONTAINER}/resources/requests/cpu"),
        {f"{WEB}.resources.requests.cpu": {"old": None, "new": "250m"}},
    ),
}

# name: what is declared, how a person changes it, the field's path for the API server, and what the next run says
CHANGED = {
    "image": (
        objects.deployment,
        step("replace", f"{CONTAINER}/image", "web:evil"),
        '.spec.template.spec.containers[name="web"].image',
        {f"{WEB}.image": {"old": "web:evil", "new": "web:1"}},
    ),
    "replicas": (
        objects.deployment,
        step("replace", "/spec/replicas", 7),
        ".spec.replicas",
        {"spec.replicas": {"old": 7, "new": 2}},
    ),
    "atomic-list-item-added": (
        with_args,
        step("add", f"{CONTAINER}/args/-", "--three"),
        '.spec.template.spec.containers[name="web"].args',
        {f"{WEB}.args": {"old": ["--one", "--two", "--three"], "new": ["--one", "--two"]}},
    ),
    "atomic-list-item-removed": (
        with_args,
        step("remove", f"{CONTAINER}/args/0"),
        '.spec.template.spec.containers[name="web"].args',
        {f"{WEB}.args": {"old": ["--two"], "new": ["--one", "--two"]}},
    ),
    "list-item": (
        objects.deployment,
        step("replace", f"{CONTAINER}/env/0/value", "fancy"),
        '.spec.template.spec.containers[name="web"].env[name="MODE"].value',
        {f"{WEB}.env[name=MODE].value": {"old": "fancy", "new": "plain"}},
    ),
    "quantity": (
        objects.deployment,
        step("replace", f"{CONTAINER}/resources/limits/memory", "2Gi"),
        '.spec.template.spec.containers[name="web"].resources.limits.memory',
        {f"{WEB}.resources.limits.memory": {"old": "2Gi", "new": "1Gi"}},
    ),
}


@pytest.mark.parametrize("name", REMOVED)
def test_what_a_person_removed_comes_back(apiserver, a_set, name):
    make, removal, changes = REMOVED[name]
    declared = make(f"removed-{name}")
    run = a_set(f"removed-{name}", declared)
    patch(apiserver, declared, [removal])
    real = check_thrice(apiserver, run)
    assert real["changes"] == {title(declared): changes}


@pytest.mark.parametrize("name", CHANGED)
def test_what_a_person_changed_names_the_person_and_is_put_right_by_force(apiserver, a_set, name):
    make, change, field, changes = CHANGED[name]
    declared = make(f"changed-{name}")
    run = a_set(f"changed-{name}", declared)
    patch(apiserver, declared, [change], "--field-manager=a-person")
    mark = apiserver.mark()
    for test in (True, False):
        answer = run(test=test)
        assert answer["result"] is False and answer["changes"] == {}
        assert f"{title(declared)}: conflict: another field manager 'a-person' owns {field}: leave" in answer["comment"]
    assert [request for request in apiserver.requests(mark) if request.write] == []
    real = check_thrice(apiserver, lambda **kwargs: run(force_conflicts=True, **kwargs))
    assert real["changes"] == {title(declared): changes}
    check_unchanged(apiserver, run)  # what was taken over is ours: no force is needed any more


def test_a_conflict_is_typed_for_programs(apiserver, a_set, minion):
    declared = objects.deployment("typed-conflict")
    a_set("typed-conflict", declared)
    apiserver.kubectl("scale", "deployment", "typed-conflict", "--replicas=9")
    with pytest.raises(CommandExecutionError) as raised:
        minion.call("kubectl.apply", "typed-conflict", objects=[declared], kubeconfig=str(apiserver.kubeconfig))
    assert raised.value.details == {"error": "conflict", "manager": "kubectl"}
    assert "'kubectl' owns .spec.replicas" in str(raised.value)


def test_the_same_value_from_somebody_else_is_no_conflict(apiserver, a_set):
    declared = objects.config_map("same-value", a="1")
    run = a_set("same-value", declared)
    apiserver.apply(objects.config_map("same-value", a="1"), manager="a-twin")
    check_unchanged(apiserver, run)


def test_items_that_others_add_to_a_list_are_theirs(apiserver, a_set):
    web, ports = objects.deployment("added-item"), service("added-item")
    run = a_set("added-item", web, ports)
    patch(
        apiserver,
        web,
        [
            step("add", f"{CONTAINER}/env/-", {"name": "THEIRS", "value": "1"}),
            step("add", "/spec/template/spec/containers/-", {"name": "sidecar", "image": "proxy:1"}),
            step("add", "/spec/template/spec/volumes/-", {"name": "theirs", "emptyDir": {}}),
        ],
    )
    patch(apiserver, ports, [step("add", "/spec/ports/-", {"name": "theirs", "port": 9090})])
    check_unchanged(apiserver, run)
    run(objects=[objects.changed(web, "spec.replicas", 3), ports])
    spec = apiserver.get("deployment", "added-item")["spec"]
    assert spec["replicas"] == 3
    assert [one["name"] for one in spec["template"]["spec"]["containers"]] == ["web", "sidecar"]
    assert {"name": "THEIRS", "value": "1"} in spec["template"]["spec"]["containers"][0]["env"]
    live = apiserver.get("service", "added-item")["spec"]["ports"]
    assert [port["name"] for port in live] == ["web", "tls", "theirs"]


def test_deleted_objects_come_back(apiserver, a_set):
    declared = [objects.config_map("deleted", a="1"), objects.deployment("deleted"), objects.config_map("left", a="1")]
    run = a_set("deleted", *declared)
    apiserver.kubectl("delete", "configmap/deleted", "deployment/deleted")
    real = check_thrice(apiserver, run)
    assert real["changes"] == {
        "ConfigMap default/deleted": {"old": None, "new": "created"},
        "Deployment default/deleted": {"old": None, "new": "created"},
    }


def test_an_object_that_somebody_deleted_and_re_created(apiserver, a_set):
    run = a_set("anew", objects.config_map("anew", a="1"))
    apiserver.kubectl("delete", "configmap", "anew")
    apiserver.apply(objects.config_map("anew", a="theirs", b="theirs"), manager="a-person")
    answer = run(test=True)
    assert answer["result"] is False and "another field manager 'a-person' owns .data.a" in answer["comment"]
    real = check_thrice(apiserver, lambda **kwargs: run(force_conflicts=True, **kwargs))
    assert real["changes"] == {
        "ConfigMap default/anew": {"data.a": {"old": "theirs", "new": "1"}, LABEL_PATH: {"old": None, "new": "anew"}}
    }
    assert apiserver.get("configmap", "anew")["data"] == {"a": "1", "b": "theirs"}


def test_our_label_is_taken_away(apiserver, a_set):
    run = a_set("unlabelled", objects.config_map("unlabelled", a="1"))
    apiserver.kubectl("label", "configmap", "unlabelled", f"{LABEL}-")
    real = check_thrice(apiserver, run)
    assert real["changes"] == {"ConfigMap default/unlabelled": {LABEL_PATH: {"old": None, "new": "unlabelled"}}}


def test_our_label_is_given_to_another_set(apiserver, a_set):
    run = a_set("relabelled", objects.config_map("relabelled", a="1"))
    apiserver.kubectl("label", "configmap", "relabelled", f"{LABEL}=another", "--overwrite")
    for test in (True, False):
        answer = run(test=test, force_conflicts=True)
        assert answer["result"] is False and answer["changes"] == {}
        assert "ConfigMap default/relabelled belongs to the set 'another'" in answer["comment"]
    apiserver.kubectl("label", "configmap", "relabelled", f"{LABEL}-")
    assert check_thrice(apiserver, run)["changes"] != {}


def test_replaced_by_a_file_of_somebody(apiserver, a_set):
    run = a_set("replaced", objects.config_map("replaced", a="1", b="2"))
    theirs = objects.config_map("replaced", a="1")
    apiserver.kubectl("replace", "-f", "-", stdin=json.dumps(theirs))  # without our label, and without b
    real = check_thrice(apiserver, run)
    assert real["changes"] == {
        "ConfigMap default/replaced": {
            "data.b": {"old": None, "new": "2"},
            LABEL_PATH: {"old": None, "new": "replaced"},
        }
    }


def test_who_owns_what_is_forgotten(apiserver, a_set):
    run = a_set("forgotten", objects.config_map("forgotten", a="1", b="2"), objects.config_map("forgotten-2", a="1"))
    for name in ("forgotten", "forgotten-2"):
        apiserver.kubectl("patch", "configmap", name, "--type=merge", "-p", '{"metadata": {"managedFields": [{}]}}')
        assert "managedFields" not in apiserver.get("configmap", name, "--show-managed-fields")["metadata"]
    real = check_thrice(apiserver, run)
    again = {"metadata.managedFields": {"old": None, "new": "saltk8s: its fields are the set's again"}}
    assert real["changes"] == dict.fromkeys(("ConfigMap default/forgotten", "ConfigMap default/forgotten-2"), again)
    pruned = run(objects=[objects.config_map("forgotten", a="1", b="2")])
    assert list(pruned["changes"]) == ["ConfigMap default/forgotten-2"], "what is ours again can be pruned"


UNDECLARED = {
    "replicas of an autoscaler": ["scale", "deployment", "undeclared", "--replicas=5"],
    "a manual restart": ["rollout", "restart", "deployment", "undeclared"],
    "an annotation of a controller": ["annotate", "deployment", "undeclared", "deployment.kubernetes.io/revision=4"],
    "a label of somebody": ["label", "deployment", "undeclared", "team=blue"],
    "manual limits": ["set", "resources", "deployment", "undeclared", "--limits=cpu=2"],
    "a finalizer": [
        "patch",
        "deployment",
        "undeclared",
        "--type=merge",
        "-p",
        '{"metadata": {"finalizers": ["example.org/kept"]}}',
    ],
}


def test_fields_that_are_not_declared_are_not_drift(apiserver, a_set):
    declared = objects.deployment("undeclared")
    del declared["spec"]["replicas"]
    run = a_set("undeclared", declared)
    for argv in UNDECLARED.values():
        apiserver.kubectl(*argv)
    apiserver.set_status("deployment", "undeclared", {"replicas": 5, "readyReplicas": 1})
    check_unchanged(apiserver, run)
    run(objects=[objects.changed(declared, "spec.template.spec.containers.0.image", "web:2")])
    live = apiserver.get("deployment", "undeclared")
    assert live["spec"]["replicas"] == 5 and live["metadata"]["labels"]["team"] == "blue"
    assert live["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["cpu"] == "2"
    apiserver.kubectl("patch", "deployment", "undeclared", "--type=merge", "-p", '{"metadata": {"finalizers": null}}')


def test_a_certificate_injected_into_a_webhook_configuration_stays(apiserver, a_set):
    hook = {
        "name": "injected.example.org",
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "failurePolicy": "Ignore",
        "clientConfig": {"service": {"name": "hook", "namespace": "default"}},
        "rules": [
            {
                "apiGroups": ["injected.example.org"],
                "apiVersions": ["v1"],
                "operations": ["CREATE"],
                "resources": ["things"],
            }
        ],
    }
    declared = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "injected"},
        "webhooks": [hook],
    }
    run = a_set("injected", declared)
    bundle = "LS0tLS1CRUdJTg=="
    patch(apiserver, declared, [step("add", "/webhooks/0/clientConfig/caBundle", bundle)], "--field-manager=injector")
    check_unchanged(apiserver, run)
    real = run(objects=[objects.changed(declared, "webhooks.0.timeoutSeconds", 5)])
    assert real["changes"] == {
        "ValidatingWebhookConfiguration injected": {
            "webhooks[name=injected.example.org].timeoutSeconds": {"old": 10, "new": 5}
        }
    }
    live = apiserver.get("validatingwebhookconfiguration", "injected")["webhooks"][0]
    assert live["clientConfig"]["caBundle"] == bundle


def test_a_changed_secret_is_put_right_and_not_shown(apiserver, a_set):
    declared = objects.secret("drifted-secret", password="canary-declared")
    run = a_set("drifted-secret", declared)
    patch(apiserver, declared, {"stringData": {"password": "canary-theirs"}}, kind="merge")
    refused = run()
    assert refused["result"] is False and "owns .data.password" in refused["comment"]
    real = check_thrice(apiserver, lambda **kwargs: run(force_conflicts=True, **kwargs))
    assert real["changes"] == {
        "Secret default/drifted-secret": {"data.password": {"old": "<redacted>", "new": "<redacted>"}}
    }
    assert "canary" not in json.dumps([refused, real])


def test_the_record_of_a_set_is_deleted(apiserver, a_set):
    run = a_set("no-record", objects.config_map("no-record", a="1"), objects.deployment("no-record"))
    record = apiserver.get("configmap", "saltk8s-set-no-record", "-n", "kube-system")["data"]
    apiserver.kubectl("delete", "configmap", "saltk8s-set-no-record", "-n", "kube-system")
    real = check_thrice(apiserver, run)
    assert real["changes"] == {"ConfigMap kube-system/saltk8s-set-no-record": {"old": None, "new": "created"}}
    assert apiserver.get("configmap", "saltk8s-set-no-record", "-n", "kube-system")["data"] == record


def test_the_record_of_a_set_is_edited(apiserver, a_set):
    run = a_set("bad-record", objects.config_map("bad-record", a="1"))
    title_of_record = "ConfigMap kube-system/saltk8s-set-bad-record"
    apiserver.kubectl(
        "patch",
        "configmap",
        "saltk8s-set-bad-record",
        "-n",
        "kube-system",
        "--type=merge",
        "-p",
        '{"data": {"kinds": "nonsense"}}',
        "--field-manager=a-person",
    )
    real = check_thrice(apiserver, run)
    assert real["changes"] == {title_of_record: {"data.kinds": {"old": "nonsense", "new": "ConfigMap.v1.\n"}}}
    apiserver.kubectl(
        "patch",
        "configmap",
        "saltk8s-set-bad-record",
        "-n",
        "kube-system",
        "--type=json",
        "-p",
        '[{"op": "remove", "path": "/data/kinds"}]',
    )
    assert list(check_thrice(apiserver, run)["changes"]) == [title_of_record]
