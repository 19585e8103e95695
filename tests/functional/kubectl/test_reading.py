"""Manifests are read as kubectl reads them: value and type, and errors are errors."""

from __future__ import annotations

import json

import pytest
from saltk8s.base import errors
from saltk8s.kubectl.manifests import manifest
from tests.support import kubectl as objects
from tests.support import yaml_corpus as corpus
from tests.support.kubectl import check_thrice


@pytest.fixture(scope="module")
def anything(apiserver):
    """A definition of objects that may hold anything."""
    definition = objects.definition(corpus.KIND, corpus.VERSION.partition("/")[0])
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    definition["spec"]["versions"][0]["schema"] = {"openAPIV3Schema": schema}
    apiserver.apply(definition)
    name = definition["metadata"]["name"]
    apiserver.kubectl("wait", "crd", name, "--for=condition=Established", "--timeout=30s")
    yield
    apiserver.kubectl("delete", "crd", name)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_corpus_is_read_as_kubectl_reads_it(apiserver, anything, tmp_path, seed):
    texts = [corpus.named(text, number) for number, text in enumerate(corpus.texts(seed))]
    for number, text in enumerate(texts):
        (tmp_path / f"{number}.yaml").write_bytes(text.encode())
    theirs, refused = corpus.kubectls_reading(apiserver, tmp_path)
    assert len(texts) > 1000 and len(theirs) > 500 and len(refused) > 100, "what kubectl takes, and what it refuses"
    wrong = []
    for number, text in enumerate(texts):
        right = {name: obj for name, obj in theirs.items() if name.startswith(f"case-{number}-")}
        for obj in right.values():
            obj["metadata"].pop("namespace", None)
        try:
            found = {item.obj["metadata"]["name"]: item.obj for item in manifest.parse([manifest.Source("x", text)])}
        except errors.Invalid as err:
            if number not in refused and not any(known in str(err) for known in corpus.MORE):
                wrong.append((text, right, str(err)))
            continue
        if number in refused or corpus.typed(found) != corpus.typed(right):
            wrong.append((text, "refused" if number in refused else right, found))
    assert not wrong, "\n".join(f"{text!r}\n  kubectl: {right}\n  ours: {ours}" for text, right, ours in wrong[:20])


@pytest.fixture
def from_file(apiserver, run, tmp_path):
    """Apply a file's text as a set, as test, for real and again."""

    def applied(name, text, suffix="yaml"):
        path = tmp_path / f"{name}.{suffix}"
        path.write_text(text)
        settings = {"source": str(path), "template": None, "wait": False}
        check_thrice(apiserver, lambda **kw: run("applied", name, **(settings | kw)))

    return applied


def test_times_and_signs_arrive_as_text(apiserver, anything, from_file):
    spec = 'spec: {times: [{start: 10:00, end: 17:00}], when: 2026-01-01, operators: ["!=", =, =~]}'
    from_file("times", corpus.HEAD.replace("NAME", "times") + spec)
    found = apiserver.get(corpus.KIND, "times")["spec"]
    assert found == {
        "times": [{"start": "10:00", "end": "17:00"}],
        "when": "2026-01-01",
        "operators": ["!=", "=", "=~"],
    }


def test_a_config_maps_times_are_text(apiserver, from_file):
    from_file("opening", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: opening}\ndata: {v: 17:00, w: 190:20:30}")
    assert apiserver.get("configmap", "opening")["data"] == {"v": "17:00", "w": "190:20:30"}


def test_a_sign_in_an_enum_is_text(apiserver, from_file):
    definition = objects.definition("Sign", "signs.example")
    sign = {"type": "string", "enum": ["!=", "EQUALS", "=~"]}
    definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["is"] = sign
    from_file("signs", json.dumps(definition).replace('"EQUALS"', "=").replace('{"apiVersion"', "{apiVersion"))
    version = apiserver.get("crd", "signs.signs.example")["spec"]["versions"][0]
    assert version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["is"]["enum"] == ["!=", "=", "=~"]


def test_several_json_documents_and_escapes(apiserver, from_file):
    head = '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "json-'
    text = "".join(
        f'{head}{name}"}}, "data": {{"a": {value}}}}}\n'
        for name, value in (("pair", '"\\ud83d\\ude00"'), ("slash", '"\\/\\u00e9"'), ("on", '"on"'))
    )
    from_file("json", text, "json")
    read = {name: apiserver.get("configmap", f"json-{name}")["data"]["a"] for name in ("pair", "slash", "on")}
    assert read == {"pair": "😀", "slash": "/é", "on": "on"}


@pytest.mark.parametrize("given", ["[.inf]", "{~: 1}", "!!binary gIGC", "{? [a] : 1}"])
def test_what_json_cannot_say_is_one_error(apiserver, anything, run, tmp_path, given):
    path = tmp_path / "a.yaml"
    path.write_text(f"{corpus.HEAD.replace('NAME', 'a')}---\n{corpus.HEAD.replace('NAME', 'b')}spec:\n  a: {given}\n")
    mark = apiserver.mark()
    for test in (True, False):
        answer = run("applied", "unsayable", source=str(path), template=None, test=test)
        assert answer["result"] is False and answer["changes"] == {}
        assert answer["comment"].startswith("a.yaml, document 2: invalid YAML at line 9, column "), answer["comment"]
        assert len(answer["comment"].splitlines()) == 1
    assert [request for request in apiserver.requests(mark) if request.write or request.dry] == []
