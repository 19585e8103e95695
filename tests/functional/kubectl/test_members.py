"""Which objects are the set's: label and managed fields are copied, and a copy is never pruned, deleted or counted."""

from __future__ import annotations

import json

import pytest
from tests.support import kubectl as objects
from tests.support.kubectl import DROPPED, check_thrice, check_unchanged, restored

LABEL, ANNOTATION = "saltk8s.io/set", "saltk8s.io/object"


def is_there(apiserver, kind: str, name: str, namespace: str = "default") -> bool:
    return apiserver.get(kind, name, "-n", namespace) is not None


@pytest.fixture
def absent(run):
    return lambda name, **kw: run("absent", name, **kw)


def test_every_object_names_itself(apiserver, applied):
    applied("named", objects.config_map("named", a="1"), objects.namespace("named-ns"))
    meta = apiserver.get("configmap", "named")["metadata"]
    assert meta["annotations"][ANNOTATION] == "ConfigMap default/named"
    assert apiserver.get("namespace", "named-ns")["metadata"]["annotations"][ANNOTATION] == "Namespace named-ns"
    record = apiserver.get("configmap", "saltk8s-set-named", "-n", "kube-system")["metadata"]
    assert record["annotations"][ANNOTATION] == "ConfigMap kube-system/saltk8s-set-named"


def test_a_restored_namespace_is_neither_pruned_nor_deleted_nor_counted(apiserver, applied, call, absent):
    declared = [
        objects.namespace("origin"),
        objects.config_map("settings", "origin", a="1"),
        objects.secret("login", "origin", password="secret-value"),
    ]
    applied("restored", *declared)
    members = call("list_set", "restored")
    restored(apiserver, "namespace", "origin", named="copied")
    restored(apiserver, "configmap", "settings", "origin", "copied")
    restored(apiserver, "secret", "login", "origin", "copied")
    restored(apiserver, "configmap", "saltk8s-set-restored", "kube-system", "copied")  # the set's record, too
    check_unchanged(apiserver, lambda **kw: applied("restored", *declared, **kw))
    comment = applied("restored", *declared)["comment"]
    assert (
        "ConfigMap copied/saltk8s-set-restored, ConfigMap copied/settings, Namespace copied, Secret copied/login carry "
        "the set's label, but are copies (the annotation saltk8s.io/object names another object, or is missing): kept"
        in comment
    )
    assert "kubectl label KIND NAME saltk8s.io/set-" in comment and "secret-value" not in comment
    assert call("list_set", "restored") == members
    foretold = absent("restored", test=True, unprotect=["Namespace origin", "Namespace copied"])
    real = absent("restored", unprotect=["Namespace copied"])
    assert real["result"] is True and set(foretold["changes"]) - set(real["changes"]) == {"Namespace origin"}
    assert set(real["changes"]) == {
        "ConfigMap origin/settings",
        "Secret origin/login",
        "ConfigMap kube-system/saltk8s-set-restored",
    }
    assert "Namespace copied" in real["comment"]
    assert apiserver.get("namespace", "copied")["status"]["phase"] == "Active"
    assert is_there(apiserver, "configmap", "settings", "copied") and is_there(apiserver, "secret", "login", "copied")


def test_cluster_scoped_objects_are_copied_too(apiserver, applied):
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "scoped-a"}}
    role["rules"] = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
    kept = objects.config_map("scoped", a="1")
    applied("scoped", kept, role)
    restored(apiserver, "clusterrole", "scoped-a", named="scoped-b")
    real = check_thrice(apiserver, lambda **kw: applied("scoped", kept, **kw))
    assert real["changes"] == {"ClusterRole scoped-a": {"old": "present", "new": None}}
    assert "ClusterRole scoped-b carries the set's label, but is a copy" in real["comment"]


def test_another_kind_with_the_same_name_is_a_copy(apiserver, applied):
    kept = objects.config_map("same", a="1")
    applied("same", kept, objects.secret("other", a="123456"))
    live = apiserver.get("configmap", "same")
    meta = {key: live["metadata"][key] for key in ("name", "namespace", "labels", "annotations")}
    apiserver.apply({"apiVersion": "v1", "kind": "Secret", "metadata": meta}, manager="saltk8s")
    real = check_thrice(apiserver, lambda **kw: applied("same", kept, **kw))
    assert real["changes"] == {"Secret default/other": {"old": "present", "new": None}}
    assert "Secret default/same carries the set's label, but is a copy" in real["comment"]


def test_many_copies_are_one_line(apiserver, applied):
    declared = [objects.config_map(f"crowd-{number}", a="1") for number in range(12)]
    applied("crowd", *declared)
    apiserver.kubectl("create", "namespace", "crowd-copy")
    for obj in declared:
        restored(apiserver, "configmap", obj["metadata"]["name"], "default", "crowd-copy")
    answer = applied("crowd", *declared)
    assert answer["result"] is True and answer["changes"] == {}
    lines = [line for line in answer["comment"].splitlines() if "crowd-copy" in line]
    assert len(lines) == 1 and lines[0].count("crowd-copy/") == 5 and "and 7 more carry the set's label" in lines[0]


def test_a_set_restored_under_its_own_names_is_the_set(apiserver, applied):
    kept, gone = objects.config_map("back", a="1"), objects.config_map("back-gone", a="1")
    applied("back", kept, gone)
    for name in ("back", "back-gone"):
        live = apiserver.get("configmap", name, "--show-managed-fields")
        apiserver.kubectl("delete", "configmap", name)
        live["metadata"] = {key: value for key, value in live["metadata"].items() if key not in DROPPED}
        fields = live["metadata"].pop("managedFields")
        apiserver.kubectl("create", "-f", "-", stdin=json.dumps(live))
        patch = json.dumps({"metadata": {"managedFields": fields}})
        apiserver.kubectl("patch", "configmap", name, "--type=merge", "-p", patch)
    check_unchanged(apiserver, lambda **kw: applied("back", kept, gone, **kw))
    real = check_thrice(apiserver, lambda **kw: applied("back", kept, **kw))
    assert real["changes"] == {"ConfigMap default/back-gone": {"old": "present", "new": None}}


def test_another_set_may_declare_a_copy(apiserver, applied):
    first = objects.config_map("model", a="1")
    applied("copied-from", first)
    apiserver.kubectl("create", "namespace", "copied-to")
    restored(apiserver, "configmap", "model", "default", "copied-to")
    second = objects.config_map("model", "copied-to", a="2")
    real = check_thrice(apiserver, lambda **kw: applied("copied-by", second, **kw))
    assert real["changes"]["ConfigMap copied-to/model"] == {
        "data.a": {"old": "1", "new": "2"},
        f'metadata.labels["{LABEL}"]': {"old": "copied-from", "new": "copied-by"},
    }
    check_unchanged(apiserver, lambda **kw: applied("copied-from", first, **kw))


def test_the_own_set_may_declare_a_copy(apiserver, applied):
    declared = objects.config_map("grown", a="1")
    applied("grown", declared)
    apiserver.kubectl("create", "namespace", "grown-more")
    restored(apiserver, "configmap", "grown", "default", "grown-more")
    more = objects.config_map("grown", "grown-more", a="1")
    real = check_thrice(apiserver, lambda **kw: applied("grown", declared, more, **kw))
    assert real["changes"] == {
        "ConfigMap grown-more/grown": {
            f'metadata.annotations["{ANNOTATION}"]': {
                "old": "ConfigMap default/grown",
                "new": "ConfigMap grown-more/grown",
            }
        }
    }
    real = check_thrice(apiserver, lambda **kw: applied("grown", declared, **kw))
    assert real["changes"] == {"ConfigMap grown-more/grown": {"old": "present", "new": None}}


def test_a_declared_object_without_the_annotation_gets_it(apiserver, applied):
    declared = objects.config_map("bare", a="1")
    applied("bare", declared)
    apiserver.kubectl("annotate", "configmap", "bare", f"{ANNOTATION}-")
    real = check_thrice(apiserver, lambda **kw: applied("bare", declared, **kw))
    assert list(real["changes"]["ConfigMap default/bare"]) == [f'metadata.annotations["{ANNOTATION}"]']


def test_a_copy_by_hand_is_kept_whatever_was_replaced_in_it(apiserver, applied):
    declared = objects.config_map("by-hand", a="1")
    applied("by-hand", declared)
    text = apiserver.kubectl("get", "configmap", "by-hand", "-o", "json")
    live = json.loads(text.replace("by-hand", "by-foot"))  # sed, over everything
    live["metadata"]["labels"][LABEL] = "by-hand"
    for field in DROPPED:
        live["metadata"].pop(field)
    apiserver.kubectl("apply", "-f", "-", stdin=json.dumps(live))
    check_unchanged(apiserver, lambda **kw: applied("by-hand", declared, **kw))
    comment = applied("by-hand", declared)["comment"]
    assert "ConfigMap default/by-foot carries the set's label, but was not applied by saltk8s" in comment


def test_an_unhealthy_copy_does_not_make_the_set_unhealthy(apiserver, applied, call):
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data", "namespace": "default"}}
    claim["spec"] = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    claim["spec"]["storageClassName"] = "none"
    applied("copied", claim)
    apiserver.set_status("persistentvolumeclaim", "data", {"phase": "Bound"})
    apiserver.kubectl("create", "namespace", "claims-copy")
    restored(apiserver, "persistentvolumeclaim", "data", "default", "claims-copy")
    assert call("wait_ready", "copied") is True
    assert [row["namespace"] for row in call("list_set", "copied") if row["name"] == "data"] == ["default"]
