"""What an apply would probably make of an object that cannot be tried."""

from __future__ import annotations

from saltk8s.kubectl.compare import diff
from saltk8s.kubectl.sets import estimate
from tests.support import kubectl as objects


def live(obj, owned):
    """An object as it is live, of which our field manager owns some fields."""
    entry = {"manager": "saltk8s", "operation": "Apply", "apiVersion": obj["apiVersion"], "fieldsV1": owned}
    return obj | {"metadata": obj["metadata"] | {"managedFields": [entry], "uid": "1"}}


def test_declared_fields_are_put_over_the_live_ones():
    old = live(objects.config_map(a="1", theirs="x"), {"f:data": {"f:a": {}}})
    new = estimate.applied(old, objects.config_map(a="2", b="3"))
    assert diff.fields(old, new) == {("data", "a"): ("1", "2"), ("data", "b"): (None, "3")}


def test_what_is_ours_and_not_declared_goes():
    old = live(objects.config_map(a="1", b="2", theirs="x"), {"f:data": {"f:a": {}, "f:b": {}}})
    assert diff.fields(old, estimate.applied(old, objects.config_map(a="1"))) == {("data", "b"): ("2", None)}


def test_items_of_lists_are_put_over_those_of_the_same_key():
    before, after = (
        objects.deployment(),
        objects.changed(objects.deployment(), "spec.template.spec.containers.0.image", "web:2"),
    )
    before["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] = "Always"
    old = live(before, {})
    path = ("spec", "template", "spec", "containers", "[name=web]", "image")
    assert diff.fields(old, estimate.applied(old, after)) == {path: ("web:1", "web:2")}
