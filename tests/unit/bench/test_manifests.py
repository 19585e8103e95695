"""The benchmark's objects: generated ones, and a file of the user's."""

from __future__ import annotations

from collections import Counter

import pytest
from bench import manifests
from bench import run as command
from bench.manifests import CHANGE, Manifest

OWN = """\
# mine
---
apiVersion: v1
kind: Namespace
metadata: {name: declared}
---
---
apiVersion: apps/v1   # a comment that stays
kind: Deployment
metadata: {name: web, namespace: elsewhere}
---
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Secret, metadata: {name: one, namespace: declared}}
- {apiVersion: v1, kind: ConfigMap, metadata: {name: two, annotations: {a: b}}, data: {text: "--- no\\n"}}
"""


@pytest.mark.parametrize("count", [1, 41, 410, 5000])
def test_the_generator_makes_as_many_objects_as_asked_the_same_each_time(count):
    made = manifests.generate(count)
    keys = {(obj["kind"], obj["metadata"].get("namespace"), obj["metadata"]["name"]) for obj in made}
    assert len(made) == len(keys) == count
    assert made == manifests.generate(count)


def test_it_makes_nine_kinds_in_namespaces_of_their_own():
    made = manifests.generate(410)
    kinds = Counter(obj["kind"] for obj in made)
    assert kinds.pop("Namespace") == 10
    assert len(kinds) == 8 and set(kinds.values()) == {50}
    assert Manifest(manifests.text_of(made)).undeclared_namespaces == set()
    assert Manifest(manifests.text_of(made)).objects == made


def test_the_text_of_the_users_file_is_kept_verbatim():
    own = Manifest(OWN)
    assert own.text == OWN
    assert [obj["kind"] for obj in own.objects] == ["Namespace", "Deployment", "Secret", "ConfigMap"]
    assert own.undeclared_namespaces == {"elsewhere"}


def test_one_change_is_one_annotation_of_one_object():
    own = Manifest(OWN)
    changed = Manifest(own.changed_text("7"))
    differing = [new for old, new in zip(own.objects, changed.objects, strict=True) if old != new]
    assert [obj["metadata"] for obj in differing] == [{"name": "two", "annotations": {"a": "b", CHANGE: "7"}}]
    assert changed.text.startswith(OWN[: OWN.index("---\napiVersion: v1\nkind: List")])
    assert own.text == OWN


@pytest.mark.parametrize(
    "text, says",
    [
        ("", "no objects"),
        ("a: 1\n", "no kind"),
        ("- 1\n", "not a Kubernetes object"),
        ("{apiVersion: v1, kind: Pod}\n", "without a name"),
        ("{", "flow node"),
    ],
)
def test_an_invalid_file_is_rejected(tmp_path, text, says):
    path = tmp_path / "own.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=says):
        Manifest.read(path)
    assert command.main(["--manifests", str(path)]) == 2
