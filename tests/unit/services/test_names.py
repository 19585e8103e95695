"""Names that YAML reads as numbers, truth values, nothing or dates are texts in everything that the pack writes.

Every name of a pillar that uses everything is exchanged for such a word; what is made of it, read as its reader reads
it, has to be what the harmless names gave, with the words in their places.
"""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest
import yaml
from saltk8s.base import yaml_text
from saltk8s.kubectl.manifests import manifest, strict_yaml
from saltk8s.pillar import model as models
from saltk8s.pillar.vocabulary import values
from saltk8s.pillar.vocabulary.types import EVERY_ITEM, List, Map, Section
from tests.support import everything, outputs, pillars

# valid as a DNS label and as a label's value, and each something else to a reader of YAML 1.1 or 1.2
WORDS = (
    *("42", "no", "on", "y", "1e3", "0x10", "null", "2024-01-01", "017", "true", "0o17", "0b1", "off", "n", "yes"),
    *("1e-3", "00", "false", "1e03", "0xff"),
)
NAMES = sorted({*re.findall(r"zz-[a-z0-9-]+", json.dumps(everything.patch()))}, key=lambda name: (-len(name), name))
ALL = [*WORDS, *(f"{number}e{number}" for number in range(2, 2 + len(NAMES)))]  # each name gets one of its own
ROOMS = ("cluster", "cloud", "docker", "os", "services")
ENGINES = ("velero", "k8up")


def exchanged(tree: Any, turn: int) -> Any:
    """Return a tree in which every name is exchanged for a word, keys too."""
    words = {name: ALL[(number + turn) % len(ALL)] for number, name in enumerate(sorted(NAMES))}
    words |= {name: "0x1f" for name in NAMES if name.endswith("-bucket") and len(words[name]) < 3}  # S3 asks for three
    pattern = re.compile("|".join(NAMES))
    if isinstance(tree, dict):
        return {exchanged(key, turn): exchanged(value, turn) for key, value in tree.items()}
    if isinstance(tree, list):
        return [exchanged(item, turn) for item in tree]
    return pattern.sub(lambda found: words[found[0]], tree) if isinstance(tree, str) else tree


def built(tree: dict[str, Any]) -> dict[str, Any]:
    found = models.build(pillars.defaults(), tree)
    found["minion"] = {"id": "k8s-admin.osug.example", "roles": ["admin", "cloud", "node"]}
    return found


def opened(tree: Any, key: str = "") -> Any:
    """Return a tree with the files inside of it read, too, and without what is computed from texts."""
    if isinstance(tree, dict):
        return {name: opened(value, name) for name, value in tree.items() if not name.startswith("saltk8s.io/")}
    if isinstance(tree, list):
        return sorted((opened(item) for item in tree), key=lambda item: json.dumps(item, sort_keys=True, default=str))
    if isinstance(tree, str) and key == "alertmanager.yml":
        tree = base64.b64decode(tree).decode()
    if isinstance(tree, str) and key.endswith((".yml", ".yaml")):
        return opened(strict_yaml.read(tree))
    return tree


def made(tree: dict[str, Any]) -> dict[str, Any]:
    """Return everything that is made of a pillar, read as kubectl, rke, Prometheus or Salt read it."""
    model = built(tree)
    found: dict[str, Any] = {}
    for service in model["services"]:
        for path, text in outputs.manifests(model, service).items():
            found[path] = [opened(one.obj) for one in manifest.parse([manifest.Source(path, text)])]
    for room in (*ROOMS, *model["services"]):
        for path, text in outputs.formulas(model, room).items():
            found[path] = opened(yaml.safe_load(text))
    for name, text in outputs.files(model).items():
        found[name] = opened(strict_yaml.read(text) if name == "cluster.yml" else yaml.safe_load(text))
    return {path: opened(value) for path, value in found.items()}


@pytest.fixture(scope="module", params=ENGINES)
def harmless(request) -> tuple[dict[str, Any], dict[str, Any]]:
    """The pillar with harmless names, and what is made of it."""
    given: dict[str, Any] = {"services": {"backup": {"engine": request.param}}}
    if request.param == "k8up":
        given["services"]["backup"]["namespaces"] = {"exclude": []}
    tree = pillars.merge(everything.tree(), given)
    return tree, made(tree)


@pytest.mark.parametrize("turn", range(0, len(ALL), 23))
def test_every_name_is_a_text_everywhere(harmless, turn):
    tree, expected = harmless
    found = made(exchanged(tree, turn))
    assert found.keys() == expected.keys()
    for path, objects in expected.items():
        assert found[path] == opened(exchanged(objects, turn)), path


def places(kind: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return the places of the schema that take names: keys of maps, and texts that are names of Kubernetes."""
    if isinstance(kind, Map):
        own = [(*path, "KEY")] if is_name(kind.key) else []
        return own + places(kind.item, (*path, EVERY_ITEM))
    if isinstance(kind, Section):
        return [place for name, key in kind.keys.items() for place in places(key.type, (*path, name))]
    if isinstance(kind, List):
        return places(kind.item, path)
    return [path] if is_name(kind) else []


def is_name(kind: Any) -> bool:
    return kind in (values.DnsLabel, values.DnsName, values.LabelKey, values.LabelValue, values.FlagName)


def names_at(tree: Any, place: tuple[str, ...]) -> list[str]:
    """Return the texts that a pillar has at a place of the schema."""
    if not place:
        return [text for text in (tree if isinstance(tree, list) else [tree]) if isinstance(text, str)]
    if not isinstance(tree, dict):
        return []
    if place == ("KEY",):
        return list(tree)
    below = tree.values() if place[0] == EVERY_ITEM else [tree.get(place[0])]
    return [name for one in below for name in names_at(one, place[1:])]


# machines, domains, and what is gone; ACME excludes the certificate that the pillar has, stash the other engines
ELSEWHERE = ("nodes", "domain", "dns_domain", "s3", "allow_removal", "acme", "stash")


def test_the_pillar_has_a_name_in_every_place_that_takes_one():
    tree = everything.tree()
    assert ("services", "metallb", "pools", "KEY") in places(models.SCHEMA)
    lacking = [
        ":".join(place) for place in places(models.SCHEMA)
        if not any("zz-" in name for name in names_at(tree, place)) and not {*place} & {*ELSEWHERE}
    ]  # fmt: skip
    assert lacking == []


READ_AS_TEXT = ["", "~", "=", "<<", ".5", "1.", "12:30", "1:2:3.4", "+1", "-0x1F", ".inf", ".NaN", "1_000", "Y", "NULL"]


@pytest.mark.parametrize("word", [*WORDS, *READ_AS_TEXT, "a", "10.20.0.11", "v1.2", "a: b", "#", "- x", "two\nlines"])
def test_a_text_that_is_written_is_read_as_a_text(word):
    text = yaml_text.dump({"key": word, word: [word]})
    assert strict_yaml.read(text) == {"key": word, word: [word]}
    assert yaml.safe_load(text) == {"key": word, word: [word]}
    if re.fullmatch(r"[a-z0-9.+:~=_-]*", word, re.IGNORECASE) and word not in ("a", "10.20.0.11", "v1.2"):
        assert f"key: '{word}'" in text
