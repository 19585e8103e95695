"""Sets of objects against a real API server: what is reported, what is written, and that a second run changes nothing.

Each test uses a set and names of its own; the API server is shared.
"""

from __future__ import annotations

import base64
import json

import pytest
from tests.support import kubectl as objects
from tests.support.apiserver import NOBODY_TOKEN
from tests.support.kubectl import check_thrice

LABEL = "saltk8s.io/set"


def test_create_then_unchanged(apiserver, applied):
    declared = [
        objects.namespace("create-ns"),
        objects.config_map("one", "create-ns", a="1"),
        objects.deployment("web", "create-ns"),
    ]
    real = check_thrice(apiserver, lambda **kw: applied("create", *declared, **kw))
    assert real["changes"]["Namespace create-ns"] == {"old": None, "new": "created"}
    assert set(real["changes"]) == {
        "Namespace create-ns",
        "ConfigMap create-ns/one",
        "Deployment create-ns/web",
        "ConfigMap kube-system/saltk8s-set-create",
    }
    assert apiserver.get("deployment", "web", "-n", "create-ns")["metadata"]["labels"][LABEL] == "create"


def test_unchanged_costs_one_list_a_kind(apiserver, applied):
    declared = [objects.config_map(f"many-{number}", a="1") for number in range(20)]
    declared.append(objects.deployment("many"))
    applied("many", *declared)
    mark = apiserver.mark()
    assert applied("many", *declared)["changes"] == {}
    asked = [request for request in apiserver.requests(mark) if "labelSelector" in request.uri]
    other = [request for request in apiserver.requests(mark) if "/namespaces/" in request.uri]
    assert sorted(request.verb for request in asked) == ["list", "list"]
    assert other == []


def test_one_field_drifted(apiserver, applied):
    declared = objects.config_map("drift", a="1", b="2")
    applied("drift", declared)
    apiserver.kubectl("patch", "configmap", "drift", "--type=json", "-p", '[{"op": "remove", "path": "/data/b"}]')
    real = check_thrice(apiserver, lambda **kw: applied("drift", declared, **kw))
    assert real["changes"] == {"ConfigMap default/drift": {"data.b": {"old": None, "new": "2"}}}
    assert "changed ConfigMap default/drift: data.b" in real["comment"]


def test_a_changed_declaration_shows_its_fields(apiserver, applied):
    first = objects.deployment("fields")
    applied("fields", first)
    second = objects.changed(
        objects.changed(first, "spec.replicas", 3), "spec.template.spec.containers.0.image", "web:2"
    )
    real = check_thrice(apiserver, lambda **kw: applied("fields", second, **kw))
    assert real["changes"] == {
        "Deployment default/fields": {
            "spec.replicas": {"old": 2, "new": 3},
            "spec.template.spec.containers[name=web].image": {"old": "web:1", "new": "web:2"},
        }
    }


def test_a_field_that_is_no_longer_declared_goes(apiserver, applied):
    applied("gone", objects.config_map("gone", a="1", b="2"))
    real = check_thrice(apiserver, lambda **kw: applied("gone", objects.config_map("gone", a="1"), **kw))
    assert real["changes"] == {"ConfigMap default/gone": {"data.b": {"old": "2", "new": None}}}
    assert apiserver.get("configmap", "gone")["data"] == {"a": "1"}


def test_fields_of_others_are_left_alone(apiserver, applied):
    declared = objects.config_map("shared", a="1")
    applied("shared", declared)
    apiserver.apply(objects.config_map("shared", theirs="x"))
    answer = applied("shared", declared)
    assert answer["changes"] == {}
    assert apiserver.get("configmap", "shared")["data"] == {"a": "1", "theirs": "x"}


def test_a_conflict_names_the_manager_and_force_takes_over(apiserver, applied):
    declared = objects.config_map("conflict", a="1")
    other = objects.config_map("conflict-free", a="1")
    applied("conflict", declared)
    apiserver.apply(objects.config_map("conflict", a="theirs"), manager="their-tool")
    mark = apiserver.mark()
    for test in (True, False):
        answer = applied("conflict", declared, other, test=test)
        assert answer["result"] is False and answer["changes"] == {}
        assert (
            "ConfigMap default/conflict: conflict: another field manager 'their-tool' owns .data.a" in answer["comment"]
        )
    assert [request for request in apiserver.requests(mark) if request.write] == []
    real = check_thrice(apiserver, lambda **kw: applied("conflict", declared, force_conflicts=True, **kw))
    assert real["changes"] == {"ConfigMap default/conflict": {"data.a": {"old": "theirs", "new": "1"}}}


def test_prune_finds_what_is_not_declared_any_more(apiserver, applied):
    kept = objects.config_map("prune-kept", a="1")
    applied("prune", kept, objects.config_map("prune-me", a="1"), objects.deployment("prune-me"))
    left = applied("prune", kept, prune=False)
    assert left["changes"] == {} and "Deployment default/prune-me is not declared any more" in left["comment"]
    # the Deployment's kind is not declared any more: only the set's record knows it
    real = check_thrice(apiserver, lambda **kw: applied("prune", kept, **kw))
    assert real["changes"] == {
        "ConfigMap default/prune-me": {"old": "present", "new": None},
        "Deployment default/prune-me": {"old": "present", "new": None},
    }
    assert apiserver.get("deployment", "prune-me") is None and apiserver.get("configmap", "prune-me") is None


def test_prune_leaves_protected_kinds_and_copied_labels(apiserver, applied):
    kept = objects.config_map("protected", a="1")
    applied("protected", kept, objects.namespace("protected-ns"))
    copy = objects.config_map("protected-copy", a="1")
    copy["metadata"]["labels"] = {LABEL: "protected"}
    apiserver.apply(copy)
    answer = applied("protected", kept)
    assert answer["result"] is True and answer["changes"] == {}
    assert "Namespace protected-ns is not declared any more, but" in answer["comment"]
    assert (
        "ConfigMap default/protected-copy carries the set's label, but was not applied by saltk8s" in answer["comment"]
    )
    named = applied("protected", kept, unprotect=["Namespace protected-ns"], test=True)
    assert named["changes"] == {"Namespace protected-ns": {"old": "present", "new": None}}


def test_a_definition_and_its_objects_in_one_set(apiserver, applied):
    declared = [
        objects.custom("Gadget", "one.example.org", "big", size=9),
        objects.definition("Gadget", "one.example.org"),
        objects.custom("Region", "one.example.org", "north", None),
        objects.definition("Region", "one.example.org", "Cluster"),
    ]
    real = check_thrice(apiserver, lambda **kw: applied("gadgets", *declared, **kw))
    assert "Gadget.one.example.org default/big" in real["changes"] and "Region.one.example.org north" in real["changes"]
    changed = [objects.changed(declared[0], "spec.size", 3), *declared[1:]]
    real = check_thrice(apiserver, lambda **kw: applied("gadgets", *changed, **kw))
    assert real["changes"] == {"Gadget.one.example.org default/big": {"spec.size": {"old": 9, "new": 3}}}


def test_a_kind_that_nobody_defines(apiserver, applied):
    declared = objects.custom("Nothing", "none.example.org", "x")
    foretold = applied("nothing", declared, test=True)
    assert foretold["result"] is None and "does not know the kind Nothing.none.example.org (v1)" in foretold["comment"]
    real = applied("nothing", declared)
    assert real["result"] is False and real["changes"] == {}
    assert "does not know the kind Nothing.none.example.org (v1)" in real["comment"]


def test_cluster_scoped_objects_of_a_definition_elsewhere(apiserver, applied):
    apiserver.apply(objects.definition("Zone", "two.example.org", "Cluster"))
    apiserver.kubectl("wait", "--for=condition=Established", "crd/zones.two.example.org", "--timeout=20s")
    declared = objects.custom("Zone", "two.example.org", "east", None)
    real = check_thrice(apiserver, lambda **kw: applied("zones", declared, **kw))
    assert "Zone.two.example.org east" in real["changes"]


def test_secrets_are_shown_nowhere(apiserver, applied, minion, caplog):
    caplog.set_level("DEBUG")
    texts = ["first-canary-value", "second-canary-value"]
    encoded = [base64.b64encode(text.encode()).decode() for text in texts]
    answers = [applied("secrets", objects.secret(password=texts[0]))]
    real = check_thrice(apiserver, lambda **kw: applied("secrets", objects.secret(password=texts[1]), **kw))
    assert real["changes"] == {"Secret default/login": {"data.password": {"old": "<redacted>", "new": "<redacted>"}}}
    bad = objects.secret(password=texts[1]) | {"data": {"broken": texts[0] + "*"}, "type": texts[1]}
    answers += [real, applied("secrets", bad), applied("secrets", bad, test=True)]
    answers.append(minion.call("kubectl.get", "secrets", "login", kubeconfig=str(apiserver.kubeconfig)))
    answers.append(minion.call("kubectl.render_manifests", objects=[objects.secret(password=texts[1])]))
    assert answers[1]["result"] is True and answers[2]["result"] is False
    shown = json.dumps(answers) + caplog.text
    assert not any(text in shown for text in [*texts, *encoded])
    assert apiserver.get("secret", "login")["data"]["password"] == encoded[1]


def test_an_invalid_object_names_the_field_and_nothing_is_written(apiserver, applied):
    good = objects.config_map("invalid-good", a="1")
    bad = objects.changed(objects.deployment("invalid"), "spec.template.spec.containers.0.name", "Not A Name")
    typo = objects.changed(objects.deployment("typo"), "spec.replica", 2)
    mark = apiserver.mark()
    for test in (True, False):
        answer = applied("invalid", good, bad, typo, test=test)
        assert answer["result"] is False and answer["changes"] == {}
        assert "Deployment default/invalid: spec.template.spec.containers[0].name: Invalid value" in answer["comment"]
        assert "Deployment default/typo: spec.replica: field not declared in schema" in answer["comment"]
    assert [request for request in apiserver.requests(mark) if request.write] == []


def test_a_missing_namespace_is_an_error(applied):
    answer = applied("lost", objects.config_map("lost", "no-such-namespace", a="1"), test=True)
    assert answer["result"] is False
    assert 'ConfigMap no-such-namespace/lost: namespaces "no-such-namespace" not found' in answer["comment"]


def test_existing_objects_are_adopted_and_it_is_said(apiserver, applied):
    apiserver.apply(objects.config_map("adopted", a="1"))
    real = check_thrice(apiserver, lambda **kw: applied("adopt", objects.config_map("adopted", a="1"), **kw))
    assert real["changes"]["ConfigMap default/adopted"] == {
        f'metadata.labels["{LABEL}"]': {"old": None, "new": "adopt"}
    }
    assert "adopted ConfigMap default/adopted (it existed already" in real["comment"]


def test_objects_of_another_set_are_refused(apiserver, applied):
    applied("first-owner", objects.config_map("owned", a="1"))
    mark = apiserver.mark()
    for test in (True, False):
        answer = applied("second-owner", objects.config_map("owned", a="2"), test=test)
        assert answer["result"] is False and answer["changes"] == {}
        assert "ConfigMap default/owned belongs to the set 'first-owner'" in answer["comment"]
    assert [request for request in apiserver.requests(mark) if request.write] == []


def test_an_unreachable_server_is_an_error_in_both_modes(apiserver, applied, minion):
    kubeconfig = str(apiserver.kubeconfig_with("unreachable", server="https://127.0.0.1:1"))
    for test in (True, False):
        answer = applied("unreachable", objects.config_map(), kubeconfig=kubeconfig, test=test)
        assert answer["result"] is False and "the API server does not answer" in answer["comment"]
        gone = minion.state("kubectl.absent", "unreachable", kubeconfig=kubeconfig, test=test)
        assert gone["result"] is False and "the API server does not answer" in gone["comment"]


@pytest.mark.parametrize(
    ("token", "text"), [(NOBODY_TOKEN, "forbidden: "), ("unknown-token", "unauthorized: credentials are invalid or")]
)
def test_missing_permissions_and_unknown_credentials(apiserver, applied, token, text):
    kubeconfig = str(apiserver.kubeconfig_with("nobody", token=token))
    for test in (True, False):
        answer = applied("refused", objects.config_map(), kubeconfig=kubeconfig, test=test)
        assert answer["result"] is False and text in answer["comment"]


def test_before_the_cluster_exists(tmp_path, applied, minion):
    kubeconfig = str(tmp_path / "none")
    declared = [objects.namespace("early"), objects.config_map("early", "early", a="1")]
    foretold = applied("early", *declared, kubeconfig=kubeconfig, test=True)
    assert foretold["result"] is None and "does not exist yet" in foretold["comment"]
    assert foretold["changes"]["ConfigMap early/early"] == {"old": None, "new": "created"}
    real = applied("early", *declared, kubeconfig=kubeconfig)
    assert real["result"] is False and real["changes"] == {} and f"no kubeconfig {kubeconfig}" in real["comment"]
    assert minion.state("kubectl.absent", "early", kubeconfig=kubeconfig, test=True)["result"] is True
    assert minion.state("kubectl.absent", "early", kubeconfig=kubeconfig)["result"] is False


def test_an_empty_set_is_refused(applied):
    answer = applied("empty")
    assert answer["result"] is False and "declares no object" in answer["comment"]


def test_a_failure_half_way_says_what_was_done(apiserver, applied):
    definition = objects.definition("Half", "half.example.org")
    spec = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    # what no default of a trial definition can tell before: see admission/schemas.py
    spec["properties"]["tags"] = {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}}
    declared = [
        objects.namespace("half"),
        objects.config_map("half", "half", a="1"),
        definition,
        objects.custom("Half", "half.example.org", "wrong", "half"),
    ]
    declared[3]["spec"]["tags"] = ["a", "a"]
    answer = applied("half", *declared)
    assert answer["result"] is False
    assert "Half.half.example.org half/wrong: failed to create typed patch object" in answer["comment"]
    assert set(answer["changes"]) == {
        "Namespace half",
        "ConfigMap half/half",
        "ConfigMap kube-system/saltk8s-set-half",
        "CustomResourceDefinition halfs.half.example.org",
    }
    declared[3]["spec"]["tags"] = ["a"]
    again = applied("half", *declared)
    assert set(again["changes"]) == {"Half.half.example.org half/wrong"}


def test_absent_deletes_in_reverse_order(apiserver, applied, minion):
    declared = [
        objects.definition("Tool", "tool.example.org"),
        objects.custom("Tool", "tool.example.org", "hammer"),
        objects.config_map("absent", a="1"),
        objects.deployment("absent"),
        objects.secret("absent", a="123456"),
    ]
    applied("absent", *declared)

    def gone(**kwargs):
        return minion.state("kubectl.absent", "absent", kubeconfig=str(apiserver.kubeconfig), **kwargs)

    mark = apiserver.mark()
    foretold = gone(test=True)
    assert [request for request in apiserver.requests(mark) if request.write] == []
    assert foretold["result"] is None
    real = gone()
    assert real["result"] is True and real["changes"] == foretold["changes"]
    deleted = [request.uri.split("?")[0].rsplit("/", 2)[-2] for request in apiserver.requests(mark) if request.write]
    assert deleted == ["tools", "deployments", "secrets", "configmaps", "configmaps"]
    assert "CustomResourceDefinition tools.tool.example.org is part of the set, but" in real["comment"]
    again = gone()
    assert again["result"] is True and again["changes"] == {}
    named = gone(unprotect=["CustomResourceDefinition tools.tool.example.org"])
    assert list(named["changes"]) == ["CustomResourceDefinition tools.tool.example.org"]
    assert apiserver.get("crd", "tools.tool.example.org") is None
