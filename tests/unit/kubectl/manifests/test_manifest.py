"""Documents become checked, normalised objects of a set."""

from __future__ import annotations

import base64
import json

import pytest
from saltk8s.base import errors
from saltk8s.kubectl.manifests import identity, manifest
from tests.support import kubectl as objects
from tests.support.kubectl import cases, declare


@pytest.mark.parametrize("case", cases("manifests"), ids=lambda case: case["name"])
def test_what_is_no_manifest(case):
    with pytest.raises(errors.Invalid) as raised:
        manifest.parse([manifest.Source("x.yaml", case["text"])])
    for problem in case["problems"]:
        assert problem in str(raised.value)


def test_an_error_does_not_quote_the_text():
    with pytest.raises(errors.Invalid) as raised:
        manifest.parse([manifest.Source("x.yaml", "apiVersion: v1\nstringData: {password: canary: x}")])
    assert "canary" not in str(raised.value)


def test_documents_lists_and_json():
    text = """
# nothing but a comment
---
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}
- {apiVersion: v1, kind: ConfigMapList, items: [{apiVersion: v1, kind: ConfigMap, metadata: {name: b}}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: c, annotations: {when: "2026-01-01"}}
data: {when: 2026-01-01}
"""
    plain = manifest.Source("y.json", json.dumps(objects.config_map("d")))
    found = manifest.parse([manifest.Source("x.yaml", text), plain])
    assert [item.obj["metadata"]["name"] for item in found] == ["a", "b", "c", "d"]
    assert found[2].obj["data"]["when"] == "2026-01-01"
    assert found[1].where == "x.yaml, document 1, item 2, item 1"


def test_declared_objects_get_namespace_and_label():
    declared = declare(
        objects.config_map("a", None) | {"metadata": {"name": "a"}}, objects.namespace("n"), namespace="here"
    )
    assert [key.title for key in declared] == ["ConfigMap here/a", "Namespace n"]
    assert all(identity.set_of(obj) == "set" for obj in declared.values())


def test_scope_comes_from_the_definition_or_the_server():
    inside = {"apiVersion": "a.org/v1", "kind": "Inside", "metadata": {"name": "x"}}
    asked = {"apiVersion": "b.org/v1", "kind": "Asked", "metadata": {"name": "x"}}
    definition = objects.definition("Inside", "a.org", "Cluster")
    assert identity.Key("a.org", "Inside", "", "x") in declare(inside, definition)
    assert identity.Key("b.org", "Asked", "", "x") in declare(asked, outside=[identity.kind_of(asked)])
    assert identity.Key("b.org", "Asked", "default", "x") in declare(asked)


def test_duplicates_and_foreign_labels_are_all_named():
    foreign = objects.config_map("b")
    foreign["metadata"]["labels"] = {identity.SET_LABEL: "other"}
    with pytest.raises(errors.Invalid) as raised:
        declare(objects.config_map("a"), objects.config_map("a"), foreign)
    assert "objects, item 2: ConfigMap default/a is declared already in objects, item 1" in str(raised.value)
    assert "objects, item 3: ConfigMap default/b is labelled as part of the set 'other'" in str(raised.value)


@pytest.mark.parametrize("name", ["", "Upper", "a b", "-a", "a" * 64, None])
def test_a_set_needs_a_name_that_can_be_a_label(name):
    with pytest.raises(errors.Invalid):
        declare(objects.config_map(), name=name)


def test_normalised_secrets_and_status():
    raw = objects.secret(b="new") | {"data": {"a": "eA==", "b": "b2xk"}, "status": {}}
    raw["metadata"] |= {"uid": "1", "managedFields": [], "creationTimestamp": None}
    result = manifest.normalised(raw)
    assert result == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "login", "namespace": "default"},
        "data": {"a": "eA==", "b": base64.b64encode(b"new").decode()},
    }
    assert "stringData" in raw, "the declared object itself stays as it is"


def test_nulls_are_sent():
    raw = objects.deployment(strategy=None)
    raw["spec"]["template"]["spec"]["containers"][0]["args"] = ["a", None]
    assert manifest.normalised(raw)["spec"] == raw["spec"]


def test_labels_and_namespace_that_are_null_count_as_not_given():
    raw = objects.config_map()
    raw["metadata"] |= {"labels": None, "annotations": None, "namespace": None}
    assert manifest.normalised(raw)["metadata"] == {"name": "settings"}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"rules": [], "aggregationRule": {}}, False),
        ({"rules": [{}], "aggregationRule": {"clusterRoleSelectors": []}}, False),
        ({"rules": [], "aggregationRule": None}, True),
        ({"rules": []}, True),
        ({"rules": [], "aggregationRule": {}, "apiVersion": "site.example/v1"}, True),
    ],
)
def test_rules_beside_an_aggregation_rule_are_not_sent(given, kept):
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "a"}} | given
    assert ("rules" in manifest.normalised(role)) == kept and "rules" in role
