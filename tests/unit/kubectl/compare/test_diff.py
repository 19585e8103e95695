"""What differs between two versions of an object."""

from __future__ import annotations

import json

import pytest
from saltk8s.kubectl.compare import diff
from saltk8s.kubectl.manifests import identity


def versions(old, new, kind="apps/v1 Deployment"):
    version, name = kind.split()
    base = {"apiVersion": version, "kind": name, "metadata": {"name": "x", "namespace": "n"}}
    key = identity.key_of(base)
    return diff.show(key, diff.fields(base | old, base | new))


def test_differences_are_fields():
    old = {"spec": {"a": 1, "containers": [{"name": "w", "image": "1", "env": [{"name": "A", "value": "x"}]}]}}
    new = {"spec": {"b": 2, "containers": [{"name": "w", "image": "2", "env": []}, {"name": "v"}]}}
    assert versions(old, new) == {
        "spec.a": {"old": 1, "new": None},
        "spec.b": {"old": None, "new": 2},
        "spec.containers[name=v]": {"old": None, "new": {"name": "v"}},
        "spec.containers[name=w].env[name=A]": {"old": {"name": "A", "value": "x"}, "new": None},
        "spec.containers[name=w].image": {"old": "1", "new": "2"},
    }


def test_null_is_a_value():
    """A custom resource keeps it, and it is not the same as no field."""
    kind = "example.org/v1 Thing"
    null = {"spec": {"limits": None}}
    assert versions(null, {}, kind) == {"spec.limits": {"old": "null", "new": None}}
    assert versions({"spec": {}}, null, kind) == {"spec.limits": {"old": None, "new": "null"}}
    assert versions(null, {"spec": {"limits": "null"}}, kind) == {"spec.limits": {"old": "null", "new": "null"}}
    assert versions(null, null, kind) == {}


def test_what_the_server_keeps_is_no_difference():
    old = {"status": {"a": 1}, "metadata": {"name": "x", "resourceVersion": "1", "managedFields": [1], "generation": 1}}
    new = {"status": {"a": 2}, "metadata": {"name": "x", "resourceVersion": "2", "managedFields": [2], "generation": 2}}
    assert versions(old, new) == {}
    count = "deprecated.daemonset.template.generation"
    counted, later = ({"metadata": {"annotations": {count: number, "a": number}}} for number in "12")
    assert versions(counted, later, "apps/v1 DaemonSet") == {"metadata.annotations.a": {"old": "1", "new": "2"}}


def test_names_with_dots_order_and_types():
    old = {"data": {"app.conf": "a", "flag": 1}, "env": [{"name": "A"}, {"name": "B"}]}
    new = {"data": {"app.conf": "b", "flag": True}, "env": [{"name": "B"}, {"name": "A"}]}
    assert versions(old, new, "v1 ConfigMap") == {
        'data["app.conf"]': {"old": "a", "new": "b"},
        "data.flag": {"old": 1, "new": True},
        "env": {"old": ["name=A", "name=B"], "new": ["name=B", "name=A"]},
    }


def test_long_values_and_long_lists_are_shortened():
    shown = versions({"data": {"long": "a" * 5000}}, {"data": {"long": "b" * 5000}}, "v1 ConfigMap")["data.long"]
    assert len(shown["old"]) < 200 and "5000 characters" in shown["new"] and shown["old"][-9:] != shown["new"][-9:]
    many = versions({"data": {}}, {"data": {f"k{n}": "v" for n in range(100)}}, "v1 ConfigMap")
    assert len(many) == diff.MOST + 1 and many["..."]["new"] == "60 more fields"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"data": {"a": "canary"}}, {"data": {"a": "canary2"}}),
        ({}, {"data": {"a": "canary"}}),
        ({"data": {"a": "canary"}}, {}),
        (
            {"metadata": {"name": "x", "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "canary"}}},
            {},
        ),
    ],
)
def test_secrets_are_redacted(old, new):
    shown = versions(old, new, "v1 Secret")
    assert shown and "canary" not in json.dumps(shown)
    whole = diff.redacted(identity.Key("", "Secret", "n", "x"), {"metadata": {"name": "x"}} | old)
    assert "canary" not in json.dumps(whole)
