"""Texts become documents, as kubectl takes them apart and reads them; the whole is compared with kubectl in
``tests/functional/kubectl/test_reading.py``.
"""

from __future__ import annotations

import datetime
import math
import random

import pytest
import yaml
from saltk8s.base import errors
from saltk8s.kubectl.manifests import documents, manifest, strict_yaml
from tests.support import kubectl as objects
from tests.support import yaml_corpus as corpus


def values(text):
    """What the documents of a text say."""
    return [document.value for document in documents.read(text)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("=", "="),
        ("10:00", "10:00"),
        ("on", True),
        ("N", False),
        ("017", 15),
        ("0o17", 15),
        ("08", 8),
        ("1_000", 1000),
        ("1.0", 1),
        ("1e400", "1e400"),
        ("2026-01-01", "2026-01-01"),
        ("18446744073709551615", 18446744073709551615.0),
        ("!!str on", "on"),
        ("!!binary aGk=", "hi"),
        ("! 12", "12"),
        ("!own on", "on"),
        ("|\n  a", "a\n"),
    ],
)
def test_scalars(text, value):
    (read,) = values(f"a: {text}")
    assert corpus.typed(read) == corpus.typed({"a": value})


@pytest.mark.parametrize(
    ("text", "key"),
    [("1", "1"), ("on", "true"), ("1e6", "1e+06"), ("1.5", "1.5"), ("0o17", "15"), (".inf", ".inf"), ("1:20", "1:20")],
)
def test_keys(text, key):
    assert values(f"{text}: a") == [{key: "a"}]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a: 1\n---\nb: 2\n", [{"a": 1}, {"b": 2}]),
        ("# c\n---\na: 1\n--- # c\n# nothing\n---\nb: 2\n---", [{"a": 1}, None, {"b": 2}]),
        ("\ufeffa: 1\r\nb: |\r\n  c\r\n", [{"a": 1, "b": "c\n"}]),
        ('{"a": "\\ud83d\\ude00"}\n{"b": 1e3} {"c": null}', [{"a": "😀"}, {"b": 1000}, {"c": None}]),
        ('\n{"a": 1}\n---\nb: 2\n', [{"a": 1}, {"b": 2}]),
        ("{a: on, b: [c]}\n---\n{d: e}\n", [{"a": True, "b": ["c"]}, {"d": "e"}]),
        ("", []),
        ("# nothing\n", []),
    ],
)
def test_documents(text, found):
    assert values(text) == found


def test_what_is_merged_comes_in_the_order_of_the_keys():
    assert values("{b: 3, <<: {a: 1, b: 2}}") == [{"a": 1, "b": 2}]
    assert values("{<<: [{a: 1}, {a: 2, z: 3}], b: 3}") == [{"a": 1, "z": 3, "b": 3}]


def test_aliases_that_explode_are_refused_at_once():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    with pytest.raises(documents.Problem, match="too much of the document comes from aliases"):
        values("\n".join(lines))


@pytest.mark.parametrize("text", ["[" * 5000, '{"a":' * 5000, "a: " + "[" * 300 + "]" * 300])
def test_what_is_nested_too_deeply_is_refused(text):
    with pytest.raises(documents.Problem):
        values(text)


def test_pythons_own_parser_reads_the_same(monkeypatch):
    texts = [corpus.named(text, 1) for text in corpus.texts(4)]
    texts = random.Random(4).sample(texts, 300)

    def read(text):
        try:
            return corpus.typed(values(text))
        except documents.Problem:
            return None

    with_libyaml = [read(text) for text in texts]
    monkeypatch.setattr(strict_yaml, "_Parser", yaml.SafeLoader)
    for text, right in zip(texts, with_libyaml, strict=True):
        assert read(text) == right or read(text) is None, text


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (datetime.date(2026, 1, 1), "objects, item 1: data.a[0]: JSON has no date: quote it"),
        (b"a", "objects, item 1: data.a[0]: JSON has no bytes"),
        ({1, 2}, "objects, item 1: data.a[0]: JSON has no set"),
        (math.nan, "objects, item 1: data.a[0]: a number that JSON does not have"),
        (10**400, "objects, item 1: data.a[0]: a number that is too large for JSON"),
        ({1: "a"}, "objects, item 1: data.a[0]: the key 1 is not a string: quote it"),
        ({None: "a"}, "objects, item 1: data.a[0]: the key None is not a string: quote it"),
        ({True: "a"}, "objects, item 1: data.a[0]: the key True is not a string: quote it"),
    ],
)
def test_objects_of_the_pillar_say_what_json_can_say(value, problem):
    with pytest.raises(errors.Invalid) as raised:
        manifest.from_objects([objects.config_map("a") | {"data": {"a": [value]}}])
    assert problem in str(raised.value)
