"""Labels of nodes and of other objects, on a real API server."""

from __future__ import annotations

import pytest
from salt.exceptions import CommandExecutionError
from tests.support.kubectl_nodes import WORKER, check_thrice, writes


def test_labels_are_set_changed_and_taken_away(apiserver, run, node):
    name = node("labels-1")
    apiserver.kubectl("label", "node", name, "example.org/old=1", "example.org/size=small", "example.org/mine=yes")
    wanted = {
        "example.org/old": None,
        "example.org/size": "big",
        "example.org/new": True,
        "example.org/gone": None,
        "example.org/rack": 7,
    }
    real = check_thrice(apiserver, lambda **kw: run("node_labelled", name, labels=wanted, **kw))
    assert real["changes"] == {
        "example.org/old": {"old": "1", "new": None},
        "example.org/size": {"old": "small", "new": "big"},
        "example.org/new": {"old": None, "new": "true"},
        "example.org/rack": {"old": None, "new": "7"},
    }
    assert "example.org/size: small -> big" in real["comment"]
    labels = apiserver.get("node", name)["metadata"]["labels"]
    assert labels == WORKER | {
        "example.org/size": "big",
        "example.org/new": "true",
        "example.org/mine": "yes",
        "example.org/rack": "7",
    }


def test_an_invalid_label_is_named_in_both_modes(apiserver, call, run, node):
    name = node("labels-2")
    mark = apiserver.mark()
    for test in (True, False):
        answer = run("node_labelled", name, labels={"example.org/a": "not valid!"}, test=test)
        assert answer["result"] is False and "metadata.labels: Invalid value" in answer["comment"], answer["comment"]
        with pytest.raises(CommandExecutionError, match="labels: a: got list; expected text"):
            call("label", "node", name, {"a": ["b"]}, test=test)
    assert writes(apiserver, mark) == []


def test_labels_of_any_kind_but_not_those_that_a_set_declares(apiserver, call, run):
    declared = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "data": {"a": "1"},
        "metadata": {"name": "labelled", "namespace": "default", "labels": {"example.org/tier": "web"}},
    }
    run("applied", "labelled", objects=[declared], wait=False)
    done = call("label", "configmap", "labelled", {"example.org/note": "x"})
    assert done["changes"] == {"example.org/note": {"old": None, "new": "x"}}
    mark = apiserver.mark()
    for key in ("example.org/tier", "saltk8s.io/set"):
        for test in (True, False):
            with pytest.raises(CommandExecutionError, match="the set 'labelled' declares metadata.labels") as raised:
                call("label", "configmap", "labelled", {key: "db"}, test=test)
            assert raised.value.details == {"error": "refused"}
    assert writes(apiserver, mark) == []
    forced = call("label", "configmap", "labelled", {"example.org/tier": "db"}, force=True)
    assert forced["changes"] == {"example.org/tier": {"old": "web", "new": "db"}}
    again = run("applied", "labelled", objects=[declared], wait=False, force_conflicts=True)
    assert again["changes"] == {
        "ConfigMap default/labelled": {'metadata.labels["example.org/tier"]': {"old": "db", "new": "web"}}
    }
