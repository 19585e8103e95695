"""The object engine without a cluster: reading manifests, order, comparing, differences, health, kubectl's errors."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from saltk8s.base import errors, quantity
from saltk8s.kubectl.client import kubeconfig, refusals
from saltk8s.kubectl.compare import diff, local
from saltk8s.kubectl.health import judge
from saltk8s.kubectl.manifests import identity, manifest, order, sources
from saltk8s.kubectl.sets import record
from tests.support import kubectl as objects

CASES = Path(__file__).resolve().parents[1] / "cases" / "kubectl"


def cases(name):
    return yaml.safe_load((CASES / f"{name}.yaml").read_text())


def declare(*found, name="set", namespace="default", outside=()):
    return manifest.declare(manifest.from_objects(found), name, namespace, lambda kinds: outside)


# -- comparing


@pytest.mark.parametrize("case", cases("compare"), ids=lambda case: case["name"])
def test_compare(case):
    version, kind = case.get("kind", "apps/v1 Deployment").split()
    entries = [
        {"manager": "saltk8s", "operation": "Apply", "apiVersion": version, "fieldsV1": case.get("owned", {})},
        {"manager": "kubectl-edit", "operation": "Update", "apiVersion": version, "fieldsV1": case.get("others", {})},
    ]
    base = {"apiVersion": version, "kind": kind}
    declared = base | {"metadata": {"name": "x"}, "spec": case["declared"]}
    live = base | {"metadata": {"name": "x", "uid": "1", "managedFields": entries}, "spec": case["live"], "status": {}}
    assert local.looks_equal(declared, live) is case["equal"]


@given(st.integers(min_value=0, max_value=10**9))
def test_a_quantity_is_the_same_in_every_unit(number):
    assert quantity.equal(number, f"{number * 1000}m")
    assert quantity.equal(f"{number}Mi", f"{number * 1024}Ki")
    assert quantity.parse(f"{number}Ki") == quantity.parse(number * 1024)  # one number, but kept as two texts
    assert not quantity.equal(number, f"{number + 1}")


@pytest.mark.parametrize("text", ["", "m", "1Q", "one", "1 Gi", None, True, [], "0x10"])
def test_what_is_no_quantity(text):
    assert quantity.parse(text) is None and not quantity.equal(text, text)


# -- reading


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
    assert "objects, item 3: ConfigMap default/b says that it belongs to the set 'other'" in str(raised.value)


@pytest.mark.parametrize("name", ["", "Upper", "a b", "-a", "a" * 64, None])
def test_a_set_needs_a_name_that_can_be_a_label(name):
    with pytest.raises(errors.Invalid):
        declare(objects.config_map(), name=name)


def test_normalised_secrets_nulls_and_status():
    raw = objects.secret(b="new") | {"data": {"a": "eA==", "b": "b2xk"}, "status": {}, "type": None}
    raw["metadata"] |= {"uid": "1", "managedFields": [], "creationTimestamp": None}
    result = manifest.normalised(raw)
    assert result == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "login", "namespace": "default"},
        "data": {"a": "eA==", "b": base64.b64encode(b"new").decode()},
    }
    assert "stringData" in raw, "the declared object itself stays as it is"


def test_sources_come_in_order_and_missing_ones_are_named(tmp_path):
    for name in ("b.yaml", "a.yml.jinja", "c.txt"):
        (tmp_path / name).write_text(name)
    names = ["k8s/x/z.yaml", "k8s/x/sub/y.json", "k8s/x/me"]
    server = sources.FileServer(lambda address, wanted: "", lambda folder: names)
    assert [s.name for s in sources.read(str(tmp_path), server, None)] == ["a.yml.jinja", "b.yaml"]
    fetched = []
    served = server._replace(fetch=lambda address, wanted: fetched.append(address) or str(tmp_path / "b.yaml"))
    assert [s.text for s in sources.read("salt://k8s/x", served, str.upper)] == [str(tmp_path / "b.yaml").upper()] * 2
    assert fetched == ["salt://k8s/x/sub/y.json", "salt://k8s/x/z.yaml"]
    for address in (str(tmp_path / "no.yaml"), str(tmp_path / "no"), "salt://no.yaml"):
        with pytest.raises(errors.Invalid, match="no"):
            sources.read([address], server, None)


# -- order


def test_order_of_writing_and_deleting():
    declared = declare(
        objects.deployment("d"),
        objects.custom("Thing", "a.org", "t"),
        objects.config_map("c"),
        objects.namespace("n"),
        objects.definition("Thing", "a.org"),
        objects.secret("s"),
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "r"}},
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": "w"},
        },
    )
    waves = order.writing_waves(declared)
    assert [[key.kind for key in wave] for wave in waves] == [
        ["Namespace", "CustomResourceDefinition"],
        ["ClusterRole", "ConfigMap", "Secret"],
        ["Deployment"],
        ["Thing"],
        ["ValidatingWebhookConfiguration"],
    ]
    assert [order.founds(wave) for wave in waves] == [True, False, False, False, False]
    waves = [[key.kind for key in wave] for wave in order.deletion_waves(declared)]
    assert waves == [
        ["Thing"],
        ["ValidatingWebhookConfiguration", "Deployment", "Secret", "ConfigMap", "ClusterRole"],
        ["CustomResourceDefinition", "Namespace"],
    ]


@given(st.permutations([identity.Key("", kind, "n", name) for kind in ("Pod", "Secret", "Node") for name in "abc"]))
def test_order_does_not_depend_on_the_input(keys):
    assert order.sort(keys) == order.sort(sorted(keys))


@pytest.mark.parametrize(
    ("wanted", "means"),
    [
        ("Namespace web", True),
        ("namespace web", True),
        ("Namespace x/web", False),
        ("Namespace we", False),
        ("web", False),
        ("Pod web", False),
    ],
)
def test_names_of_protected_objects(wanted, means):
    assert identity.matches(wanted, identity.Key("", "Namespace", "", "web")) is means


def test_names_with_group_and_namespace():
    key = identity.Key("metallb.io", "IPAddressPool", "metallb-system", "public")
    assert identity.matches("IPAddressPool.metallb.io metallb-system/public", key)
    assert not identity.matches("IPAddressPool.other.io metallb-system/public", key)


def test_kinds_survive_the_record():
    kinds = {
        identity.Kind("", "Service", "v1"),
        identity.Kind("apps", "Deployment", "v1"),
        identity.Kind("metallb.io", "IPAddressPool", "v1beta1"),
    }
    built = record.build("x", kinds)
    assert record.kinds(built) == kinds
    assert built == record.build("x", list(kinds)[::-1])
    assert record.kinds(None) == set()


# -- differences


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


# -- kubectl's answers


@pytest.mark.parametrize("case", cases("refusals"), ids=lambda case: f"{case['type']}: {case['said'][:60]}")
def test_refusals(case):
    err = refusals.translate(case["said"], case.get("exit_status", 1), "thing")
    assert type(err).__name__ == case["type"], repr(err)
    assert case.get("text", "") in str(err)
    assert not re.search(r"goroutine|memcache|^E\d{4}|\?timeout=\d+s\": context", str(err))
    assert err.details() == {"error": err.code} | err.details() | case.get("details", {})
    assert getattr(err, "field", "") == case.get("field", "")
    assert getattr(err, "manager", "") == case.get("manager", "")


def test_the_page_about_faults_has_texts_that_are_printed():
    tests, docs = CASES.parents[1], CASES.parents[2] / "docs"
    rows = re.findall(r"^\| `(.+?)` \| ([a-z ]+) \|", (docs / "faults.md").read_text(), re.M)
    seen = [refusals.translate(case["said"], case.get("exit_status", 1), "thing") for case in cases("refusals")]
    asserted = [tests / "functional" / f"test_kubectl_{name}.py" for name in ("faults", "sets")] + [Path(__file__)]
    printed = "\n".join([*map(str, seen), *(path.read_text() for path in asserted)])
    assert [text for text, _ in rows if text not in printed] == []
    assert {err.code for err in seen} - {"not found"} <= {code for _, code in rows}


def test_an_error_about_many_objects_stays_short():
    said = "\n".join(f"Error from server (InternalError): object {number} and more" for number in range(500))
    shown = str(refusals.translate(said, 1, "thing")).splitlines()
    assert len(shown) == refusals.MOST_LINES + 1 and shown[-1] == "and 490 lines more"


def test_the_errors_of_several_objects_keep_their_sort():
    denied = [refusals.Denied(f"{name}: no", "hook.example.org", "no") for name in "ab"]
    joined = refusals.joined(denied)
    assert str(joined) == "a: no\nb: no" and joined.details()["webhook"] == "hook.example.org"
    conflict = refusals.joined([errors.Conflict(f"{name}: theirs", name) for name in "ab"])
    assert conflict.details() == {"error": "conflict", "manager": "a"}
    mixed = refusals.joined([errors.Invalid("a", "spec.x", "no"), errors.Conflict("b", "b")])
    assert mixed.details() == {"error": "invalid", "field": "spec.x", "reason": "no"}
    assert refusals.joined([]) is None and refusals.joined(denied[:1]) is denied[0]


def test_every_sort_of_error_has_a_name_of_its_own():
    found = [errors.SaltK8sError]
    for one in found:
        found += one.__subclasses__()
    sorts = [one.__dict__["sort"] for one in found if "sort" in one.__dict__]
    assert len(sorts) == len(set(sorts))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("a: [1, }", "is not YAML (line 1)"),
        ("a: {canary: [\n", "is not YAML (line 2)"),
        ("canary", "it has no contexts"),
        ("{}", "has no current context: it has no contexts"),
        ("{current-context: a, contexts: [{name: b}]}", "has no context 'a': its contexts are b"),
        (
            "{current-context: b, contexts: [{name: b, context: {cluster: x}}], clusters: [{name: y}]}",
            "its context 'b' names the cluster 'x', which is not there: its clusters are y",
        ),
        (
            "{current-context: b, contexts: [{name: b, context: {cluster: x, user: u}}], clusters: [{name: x}]}",
            "names the user 'u', which is not there: it has no users",
        ),
        (
            "{current-context: b, contexts: [{name: b, context: {cluster: x}}], clusters: [{name: x, cluster: {}}]}",
            "its cluster 'x' has no server",
        ),
    ],
)
def test_a_kubeconfig_of_no_use_says_why(tmp_path, text, said):
    path = tmp_path / "kubeconfig"
    path.write_text(text)
    with pytest.raises(kubeconfig.BadKubeconfig) as raised:
        kubeconfig.check(str(path), None)
    assert said in str(raised.value) and str(path) in str(raised.value) and "canary" not in str(raised.value)


@pytest.mark.parametrize("case", cases("health"), ids=lambda case: f"{case['kind']} {case.get('reason', 'healthy')}")
def test_health(case):
    version, kind = case["kind"].split()
    meta = {"name": "x"} | ({"generation": case["generation"]} if "generation" in case else {})
    meta |= {"deletionTimestamp": "2026-01-01T00:00:00Z"} if case.get("deleting") else {}
    obj = {"apiVersion": version, "kind": kind, "metadata": meta}
    obj |= {part: case[part] for part in ("spec", "status") if part in case}
    found = judge.of(obj, late_binding={"late"})
    assert found.ready is ("reason" not in case), found
    assert case.get("reason", "") in found.reason
    assert found.hopeless is case.get("hopeless", False)
