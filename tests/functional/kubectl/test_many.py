"""Many objects at once: how few requests they cost, and which of them an error is about."""

from __future__ import annotations

from collections import Counter

from tests.support import kubectl as objects
from tests.support.kubectl import check_thrice


def config_maps(prefix: str, count: int, namespace: str = "default") -> list[dict]:
    """ConfigMaps ``prefix-0`` to ``prefix-(count-1)``."""
    return [objects.config_map(f"{prefix}-{number}", namespace, a="1") for number in range(count)]


def verbs(requests) -> Counter:
    """How many requests of each verb; dry runs apart."""
    return Counter("dry run" if request.dry else request.verb for request in requests)


def test_an_unchanged_set_costs_its_lists_and_nothing_else(apiserver, applied):
    declared = [*config_maps("unchanged", 60), objects.deployment("unchanged"), objects.secret("unchanged", a="123456")]
    applied("unchanged", *declared)
    mark = apiserver.mark()
    assert applied("unchanged", *declared)["changes"] == {}
    asked = apiserver.requests(mark)
    assert verbs(asked) == {"list": 3}
    assert all("labelSelector=saltk8s.io%2Fset%3Dunchanged" in request.uri for request in asked)


def test_one_changed_object_costs_its_dry_run_and_one_write(apiserver, applied):
    declared = config_maps("one-changed", 60)
    applied("one-changed", *declared)
    declared[30]["data"]["a"] = "2"
    mark = apiserver.mark()
    assert applied("one-changed", *declared)["changes"] == {
        "ConfigMap default/one-changed-30": {"data.a": {"old": "1", "new": "2"}}
    }
    assert verbs(apiserver.requests(mark)) == {"list": 1, "dry run": 1, "patch": 1}


def test_new_objects_are_not_looked_for_one_by_one(apiserver, applied):
    mark = apiserver.mark()
    assert len(applied("many-new", *config_maps("many-new", 60))["changes"]) == 61
    found = verbs(apiserver.requests(mark))
    # by label, then what others may have made in the namespace; the set's record, elsewhere, by its name
    # (kubectl then looks whether its namespace is there)
    assert (found["list"], found["get"]) == (2, 2)
    assert (found["dry run"], found["patch"]) == (61, 61)


def test_in_a_new_namespace_nothing_is_looked_for(apiserver, applied):
    declared = [objects.namespace("many-ns"), *config_maps("many-ns", 60, "many-ns")]
    mark = apiserver.mark()
    assert len(applied("many-ns", *declared)["changes"]) == 62
    names = [request.uri.split("?")[0] for request in apiserver.requests(mark) if request.verb == "get"]
    assert [name for name in names if "/namespaces/many-ns/" in name] == []


def test_many_existing_objects_are_adopted_and_those_of_others_refused(apiserver, applied):
    theirs = config_maps("many-adopted", 40)
    apiserver.apply(*theirs)
    real = check_thrice(apiserver, lambda **kw: applied("many-adopt", *theirs, **kw))
    assert real["comment"].count("adopted ConfigMap default/many-adopted-") > 20
    refused = applied("many-thief", *theirs)
    assert refused["result"] is False and refused["changes"] == {}
    assert refused["comment"].count("belongs to the set 'many-adopt'") == 10
    assert "and 30 more" in refused["comment"]


def test_the_wrong_ones_among_many_are_named(apiserver, applied):
    declared = config_maps("wrong", 60)
    for number in (7, 31, 59):
        declared[number]["metadata"]["labels"] = {"size": "not a label!"}
    mark = apiserver.mark()
    for test in (True, False):
        answer = applied("wrong", *declared, test=test)
        assert answer["result"] is False and answer["changes"] == {}
        named = [f"ConfigMap default/wrong-{number}: metadata.labels: Invalid value" for number in (7, 31, 59)]
        assert [text in answer["comment"] for text in named] == [True] * 3
        assert answer["comment"].count("ConfigMap default/") == 3
    assert [request for request in apiserver.requests(mark) if request.write] == []


def test_of_very_many_wrong_ones_some_are_named(applied):
    declared = config_maps("all-wrong", 60)
    for obj in declared:
        obj["metadata"]["labels"] = {"size": "not a label!"}
    comment = applied("all-wrong", *declared, test=True)["comment"]
    assert comment.count("Invalid value") == 10 and "and possibly more" in comment


def test_a_set_that_is_read_in_parts(apiserver, applied):
    declared = [*config_maps("parts", 1001), objects.secret("parts", a="123456"), objects.deployment("parts")]
    assert len(applied("parts", *declared)["changes"]) == 1004
    apiserver.kubectl("patch", "configmap", "parts-1000", "--type=merge", "-p", '{"data": {"a": "drift"}}')
    apiserver.kubectl("delete", "secret", "parts")
    mark = apiserver.mark()
    foretold = applied("parts", *declared, test=True, force_conflicts=True)
    assert foretold["changes"] == {
        "ConfigMap default/parts-1000": {"data.a": {"old": "drift", "new": "1"}},
        "Secret default/parts": {"old": None, "new": "created"},
    }
    lists = [request for request in apiserver.requests(mark) if request.verb == "list"]
    assert len(lists) == 5, "three kinds, the ConfigMaps in three pages of 500"
    assert applied("parts", *declared, force_conflicts=True)["changes"] == foretold["changes"]
    assert applied("parts", *declared)["changes"] == {}
