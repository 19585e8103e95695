"""``null`` in manifests, on a real API server: it is sent, and means what server-side apply means by it.

A custom resource keeps a null where its definition says so; what others do about it is drift. A second run changes
nothing, wherever the API server drops the null or puts a default in its place.
"""

from __future__ import annotations

import json

import pytest
from tests.support import kubectl as objects
from tests.support.kubectl import check_thrice, check_unchanged

ANY = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
NULLABLE = {"type": "object", "nullable": True, "properties": {"size": {"type": "integer"}}}
ITEM = {"type": "object", "properties": {"name": {"type": "string"}, "note": {"type": "string", "nullable": True}}}
SCHEMA = {
    "values": ANY,
    "limit": {"type": "integer", "nullable": True},
    "limited": {"type": "integer", "nullable": True, "default": 7},
    "size": {"type": "integer"},
    "count": {"type": "integer", "default": 5},
    "inner": {"type": "object", "properties": {"mode": {"type": "string", "default": "A"}, "more": NULLABLE}},
    "tags": {"type": "object", "additionalProperties": {"type": "string", "nullable": True}},
    "items": {"type": "array", "items": ITEM},
}
# what a definition keeps
KEPT = {
    "any": {"values": {"image": {"tag": "1"}, "securityContext": None}},
    "in-a-list": {"values": {"list": [1, None, 2]}},
    "in-a-map-of-a-list": {"values": {"list": [{"name": "a", "note": None}]}},
    "deep": {"values": {"one": {"two": {"three": None}}}},
    "nullable": {"limit": None},
    "nullable-with-a-default": {"limited": None},
    "nullable-object": {"inner": {"more": None}},
    "nullable-in-a-map": {"tags": {"a": None, "b": "x"}},
    "nullable-in-a-list": {"items": [{"name": "a", "note": None}]},
}
# in whose place a default is put: what is live then
DEFAULTED = {
    "number": ({"count": None}, {"count": 5}),
    "inner-field": ({"inner": {"mode": None}}, {"inner": {"mode": "A"}}),
}


@pytest.fixture(scope="module")
def release(apiserver):
    """Make an object of a kind with nulls: ``release("name", spec)``."""
    definition = objects.definition("Release", "nulls.example.org")
    definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"] = SCHEMA
    apiserver.apply(definition)
    apiserver.kubectl("wait", "--for=condition=Established", "crd/releases.nulls.example.org", "--timeout=30s")
    return lambda name, spec: objects.custom("Release", "nulls.example.org", name) | {"spec": spec}


def spec_of(apiserver, name):
    return apiserver.get("releases.nulls.example.org", name)["spec"]


def with_defaults(spec):
    return {"count": 5, "limited": 7} | spec


def inner(spec):
    """The default that the definition puts beside a null."""
    return spec | ({"inner": {"mode": "A"} | spec["inner"]} if "inner" in spec else {})


@pytest.mark.parametrize("name", KEPT)
def test_a_null_is_kept_where_the_definition_keeps_it(apiserver, applied, release, name):
    spec, one = KEPT[name], f"kept-{name}"
    check_thrice(apiserver, lambda **kw: applied(one, release(one, spec), **kw))
    assert spec_of(apiserver, one) == with_defaults(inner(spec))


@pytest.mark.parametrize("name", DEFAULTED)
def test_a_default_comes_in_the_place_of_a_null(apiserver, applied, release, name):
    (spec, live), one = DEFAULTED[name], f"defaulted-{name}"
    check_thrice(apiserver, lambda **kw: applied(one, release(one, spec), **kw))
    assert spec_of(apiserver, one) == with_defaults(live)


def test_a_null_that_the_definition_does_not_take_is_refused_with_its_field(apiserver, applied, release):
    for test in (True, False):
        answer = applied("refused-null", release("refused-null", {"size": None}), test=test)
        assert answer["result"] is False and answer["changes"] == {}
        assert "Release.nulls.example.org default/refused-null: spec.size: " in answer["comment"]


@pytest.mark.parametrize("name", ["any", "in-a-list", "in-a-map-of-a-list", "nullable", "nullable-in-a-map"])
def test_an_unchanged_null_costs_no_request(apiserver, applied, release, name):
    one = f"cheap-{name}"
    applied(one, release(one, KEPT[name]))
    mark = apiserver.mark()
    check_unchanged(apiserver, lambda **kw: applied(one, release(one, KEPT[name]), **kw))
    assert [request for request in apiserver.requests(mark) if request.dry] == []


# what others do: a JSON patch, what the next run says of it
DRIFT = {
    "taken-out": (
        {"op": "remove", "path": "/spec/values/off"},
        {"spec.values.off": {"old": None, "new": "null"}},
    ),
    "taken-out-of-a-list": (
        {"op": "replace", "path": "/spec/values/list", "value": [1, 2]},
        {"spec.values.list": {"old": [1, 2], "new": [1, None, 2]}},
    ),
    "taken-out-of-a-map-of-a-list": (
        {"op": "remove", "path": "/spec/values/maps/0/note"},
        {"spec.values.maps[0].note": {"old": None, "new": "null"}},
    ),
    "put-into-a-map-of-a-list": (
        {"op": "add", "path": "/spec/values/maps/0/more", "value": None},
        {"spec.values.maps[0].more": {"old": "null", "new": None}},
    ),
    "put-in-the-place-of-nothing": (
        {"op": "replace", "path": "/spec/values/empty", "value": None},
        {"spec.values.empty": {"old": "null", "new": {}}},
    ),
    "put-in-the-place-of-text": (
        {"op": "replace", "path": "/spec/values/text", "value": None},
        {"spec.values.text": {"old": "null", "new": ""}},
    ),
    "put-in-the-place-of-a-value": (
        {"op": "replace", "path": "/spec/values/on", "value": None},
        {"spec.values.on": {"old": "null", "new": 1}},
    ),
    "something-in-its-place": (
        {"op": "replace", "path": "/spec/values/off", "value": 3},
        {"spec.values.off": {"old": 3, "new": "null"}},
    ),
}


@pytest.mark.parametrize("name", DRIFT)
def test_drift_in_nulls_is_seen(apiserver, applied, release, name):
    patch, seen = DRIFT[name]
    maps = [{"name": "a", "note": None}]
    spec = {"values": {"off": None, "on": 1, "list": [1, None, 2], "maps": maps, "empty": {}, "text": ""}}
    one = f"drift-{name}"

    def run(**kw):
        return applied(one, release(one, spec), force_conflicts=True, **kw)

    run()
    apiserver.kubectl("patch", "releases.nulls.example.org", one, "--type=json", "-p", json.dumps([patch]))
    real = check_thrice(apiserver, run)
    assert real["changes"] == {f"Release.nulls.example.org default/{one}": seen}
    assert spec_of(apiserver, one)["values"] == spec["values"]


# -- built-in kinds


def with_nulls(name):
    """A Deployment as generators write it: nulls where nothing was given."""
    made = objects.deployment(name, strategy=None, revisionHistoryLimit=None, paused=None)
    made["metadata"] |= {"creationTimestamp": None, "annotations": None}
    made["spec"]["template"]["metadata"]["creationTimestamp"] = None
    made["spec"]["template"]["spec"] |= {"nodeSelector": None, "tolerations": None, "securityContext": None}
    made["spec"]["template"]["spec"]["containers"][0] |= {"args": None, "lifecycle": None}
    return made | {"status": None}


def test_nulls_as_generators_write_them_change_nothing_and_cost_nothing(apiserver, applied):
    one = "generated-nulls"
    check_thrice(apiserver, lambda **kw: applied(one, with_nulls(one), **kw))
    mark = apiserver.mark()
    check_unchanged(apiserver, lambda **kw: applied(one, with_nulls(one), **kw))
    assert [request for request in apiserver.requests(mark) if request.dry] == []
    assert apiserver.get("deployment", one)["spec"]["strategy"]["type"] == "RollingUpdate"


def test_a_field_that_becomes_null_is_unset(apiserver, applied):
    one = "becomes-null"
    applied(one, objects.deployment(one, minReadySeconds=30, revisionHistoryLimit=3))
    after = objects.deployment(one, minReadySeconds=None, revisionHistoryLimit=None)
    real = check_thrice(apiserver, lambda **kw: applied(one, after, **kw))
    assert real["changes"][f"Deployment default/{one}"] == {
        "spec.minReadySeconds": {"old": 30, "new": None},
        "spec.revisionHistoryLimit": {"old": 3, "new": 10},
    }


def test_a_null_that_somebody_sets_again_is_a_conflict_and_unset_when_forced(apiserver, applied):
    one = "null-set-again"
    declared = objects.deployment(one, minReadySeconds=None)
    applied(one, declared)
    apiserver.kubectl("patch", "deployment", one, "-p", json.dumps({"spec": {"minReadySeconds": 9}}))
    for test in (True, False):
        answer = applied(one, declared, test=test)
        assert answer["result"] is False and ".spec.minReadySeconds" in answer["comment"]
    real = check_thrice(apiserver, lambda **kw: applied(one, declared, force_conflicts=True, **kw))
    assert real["changes"][f"Deployment default/{one}"] == {"spec.minReadySeconds": {"old": 9, "new": None}}


def test_an_empty_data_leaves_what_others_put_in(apiserver, applied):
    one = "data-is-null"
    declared = objects.config_map(one) | {"data": None}
    check_thrice(apiserver, lambda **kw: applied(one, declared, **kw))
    apiserver.kubectl("patch", "configmap", one, "-p", json.dumps({"data": {"theirs": "1"}}))
    mark = apiserver.mark()
    check_unchanged(apiserver, lambda **kw: applied(one, declared, **kw))
    assert [request for request in apiserver.requests(mark) if request.dry] == []
    assert apiserver.get("configmap", one)["data"] == {"theirs": "1"}


def test_the_value_null_of_a_config_map_is_empty_text(apiserver, applied):
    one = "null-value"
    declared = objects.config_map(one) | {"data": {"a": None, "b": "x"}}
    check_thrice(apiserver, lambda **kw: applied(one, declared, **kw))
    mark = apiserver.mark()
    check_unchanged(apiserver, lambda **kw: applied(one, declared, **kw))
    assert [request for request in apiserver.requests(mark) if request.dry] == []
    assert apiserver.get("configmap", one)["data"] == {"a": "", "b": "x"}
