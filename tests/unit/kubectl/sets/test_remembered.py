"""What was equal is not parsed and not compared again; anything else is as if nothing were remembered."""

from __future__ import annotations

import copy
import json
from types import SimpleNamespace

import pytest
from saltk8s.base import errors
from saltk8s.kubectl.client.program import documents
from saltk8s.kubectl.compare import equality
from saltk8s.kubectl.manifests import manifest
from saltk8s.kubectl.manifests.identity import MANAGER, Key
from saltk8s.kubectl.sets import remembered
from saltk8s.kubectl.sets.remembered import Remembered, Unread

TEXT = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: one}
data:
  kept: |+
    two lines

---
# between documents
---
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: ConfigMap, metadata: {name: two, namespace: other}}
- {apiVersion: v1, kind: Namespace, metadata: {name: three}}
---
{"apiVersion": "example.org/v1", "kind": "Thing", "metadata": {"name": "four"}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: five}, data: {flow: 'y: #'}}
"""
DEFINITION = """\
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.example.org}
spec: {group: example.org, names: {kind: Thing, plural: things}, scope: Cluster}
"""
ONE = Key("", "ConfigMap", "default", "one")


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Return a function that declares a text, finds all of it equal, and returns (declared, how often it parsed)."""
    kubectl = SimpleNamespace(words=["--kubeconfig", "here"], cache_dir=str(tmp_path))
    parsed = []
    parse = manifest.parse
    monkeypatch.setattr(manifest, "parse", lambda sources: parsed.append(sources) or parse(sources))

    def run(text, live=None, objects=(), cluster_scoped=lambda kinds: (), namespace="default"):
        parsed.clear()
        memory = Remembered(kubectl, "web", namespace)
        declared = memory.declare([manifest.Source("all.yaml", text)], objects, cluster_scoped)
        count = len(parsed)
        found = {key: lived(obj) for key, obj in live.items()} if live is not None else {}
        for key, obj in found.items():
            memory.looks_equal(declared[key], obj)
        memory.save()
        return declared, count

    return run


def lived(obj):
    """What the API server has of an object that was applied."""
    live = copy.deepcopy(dict(obj))
    fields = {
        f"f:{name}": fields_of(value) for name, value in live.items() if name not in ("apiVersion", "kind", "metadata")
    }
    fields["f:metadata"] = {
        f"f:{name}": fields_of(value) for name, value in live["metadata"].items() if name not in ("name", "namespace")
    }
    live["metadata"] |= {"uid": "1", "generation": 1}
    entry = {"manager": MANAGER, "operation": "Apply", "apiVersion": live["apiVersion"], "fieldsV1": fields}
    live["metadata"]["managedFields"] = [entry]
    return live


def fields_of(value):
    return {f"f:{name}": fields_of(one) for name, one in value.items()} if isinstance(value, dict) else {}


def plain(declared):
    return {key: dict(obj) for key, obj in declared.items()}


def usual(text, cluster_scoped=lambda kinds: (), namespace="default"):
    found = manifest.parse([manifest.Source("all.yaml", text)])
    return manifest.declare(found, "web", namespace, cluster_scoped)


@pytest.mark.parametrize(
    "text", [TEXT, TEXT.replace("\n---\n{", "\n--- # mark\n{"), f"---\n{TEXT}---\n", TEXT + DEFINITION]
)
def test_a_second_run_declares_what_the_first_did(run, text):
    first, _ = run(text, usual(text))
    assert plain(first) == usual(text)
    second, _ = run(text, usual(text))
    assert plain(second) == usual(text)


def test_known_documents_are_not_parsed(run):
    text = TEXT.replace("Thing", "Service").replace("example.org/v1", "v1")
    run(text, usual(text))
    declared, count = run(text, usual(text))
    assert count == 1  # the one without objects
    assert all(isinstance(obj, Unread) for obj in declared.values())
    declared, count = run(text.replace("two lines", "other lines"), usual(text))
    assert count == 2
    assert declared[ONE]["data"]["kept"] == "other lines\n\n"


def test_a_kind_whose_scope_was_asked_for_is_asked_for_again(run):
    run(TEXT, usual(TEXT))
    declared, _ = run(TEXT, cluster_scoped=lambda kinds: kinds)
    assert Key("example.org", "Thing", "", "four") in declared


def test_a_new_definition_may_define_what_is_known(run):
    text = TEXT.replace('name": "four"', 'name": "four", "namespace": "x"')
    run(text, usual(text))
    declared, _ = run(text + DEFINITION)
    assert plain(declared) == usual(text + DEFINITION)
    assert Key("example.org", "Thing", "", "four") in declared


def test_what_is_not_equal_is_parsed_again(run, monkeypatch):
    run(TEXT, usual(TEXT))
    changed = usual(TEXT)
    changed[ONE]["data"]["kept"] = "drifted"
    run(TEXT, changed)
    declared, _ = run(TEXT, usual(TEXT))
    assert isinstance(declared[ONE], dict)
    assert isinstance(declared[Key("", "Namespace", "", "three")], Unread)


@pytest.mark.parametrize(
    "change",
    [
        lambda live: live["data"].update(kept="drifted"),
        lambda live: live["metadata"].update(uid="2"),
        lambda live: live["metadata"]["managedFields"][0].update(manager="other"),
        lambda live: live["metadata"].update(generation=True),  # it was 1
    ],
)
def test_any_difference_in_the_live_object_is_compared(tmp_path, monkeypatch, change):
    kubectl = SimpleNamespace(words=[], cache_dir=str(tmp_path))
    compared = []
    monkeypatch.setattr(equality, "looks_equal", lambda *args: compared.append(args) or True)
    for live, expected in ((lived(usual(TEXT)[ONE]), 1), (lived(usual(TEXT)[ONE]), 1), (lived(usual(TEXT)[ONE]), 2)):
        memory = Remembered(kubectl, "web", "default")
        declared = memory.declare([manifest.Source("all.yaml", TEXT)], (), lambda kinds: ())
        if expected == 2:
            change(live)
        assert memory.looks_equal(declared[ONE], live)
        memory.save()
        assert len(compared) == expected


@pytest.mark.parametrize("text", ["", "{", "[]", '{"code": 1}', '{"documents": {"a": [[1]]}}'])
def test_a_cache_that_is_not_ours_is_no_cache(run, tmp_path, text):
    run(TEXT, usual(TEXT))
    (path,) = (tmp_path / "sets").iterdir()
    path.write_text(text)
    declared, _ = run(TEXT)
    assert plain(declared) == usual(TEXT)
    assert isinstance(declared[ONE], dict)


def test_other_code_compares_anew(run, monkeypatch):
    run(TEXT, usual(TEXT))
    monkeypatch.setattr(remembered, "_CODE", "other")
    declared, _ = run(TEXT)
    assert isinstance(declared[ONE], dict)


def test_other_namespaces_and_sets_are_apart(run):
    run(TEXT, usual(TEXT))
    declared, _ = run(TEXT, namespace="elsewhere")
    assert plain(declared) == usual(TEXT, namespace="elsewhere")


@pytest.mark.parametrize(
    "more",
    [
        "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\n",
        "---\na: [\n",
        "---\nkind: ConfigMap\n",
        "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: six, labels: {saltk8s.io/set: other}}\n",
    ],
)
def test_errors_are_those_of_the_whole(run, more):
    run(TEXT, usual(TEXT))
    with pytest.raises(errors.Invalid) as expected:
        usual(TEXT + more)
    with pytest.raises(errors.Invalid) as found:
        run(TEXT + more)
    assert str(found.value) == str(expected.value)


def test_no_content_is_kept(run, tmp_path):
    text = "apiVersion: v1\nkind: Secret\nmetadata: {name: one}\nstringData: {password: correct-horse}\n"
    run(text, usual(text))
    (path,) = (tmp_path / "sets").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    kept = json.loads(path.read_text())["documents"]
    assert len(kept) == 1
    assert "horse" not in path.read_text() and "password" not in path.read_text()


def test_an_object_that_is_not_parsed_is_sent_whole(run):
    run(TEXT, usual(TEXT))
    declared, _ = run(TEXT)
    assert json.loads(documents([declared[ONE]])) == usual(TEXT)[ONE]
