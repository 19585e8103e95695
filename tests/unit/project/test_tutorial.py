"""The tutorial says the same in both languages, and every object of it is used."""

from __future__ import annotations

import yaml
from tests.support import tutorial


def test_both_languages_run_the_same_commands():
    assert set(tutorial.PAGES) == {"en", "fr"}
    assert tutorial.blocks("en") == tutorial.blocks("fr") and len(tutorial.blocks("en")) > 10


def test_most_blocks_show_something():
    blocks = tutorial.blocks("en")
    assert sum(bool(block.shows) for block in blocks) >= len(blocks) - 1


def test_every_object_file_is_used_and_every_command_finds_its_files():
    for page in tutorial.PAGES.values():
        text = page.read_text(encoding="utf-8")
        assert [path.name for path in tutorial.OBJECTS.glob("*.yaml") if path.name not in text] == []


def test_the_talks_objects_are_there():
    objects = [obj for path in tutorial.OBJECTS.glob("*.yaml") for obj in yaml.safe_load_all(path.read_text())]
    kinds = {obj["kind"] for obj in objects}
    first = {"Namespace", "Pod", "Deployment", "Service", "StatefulSet"}
    assert kinds == first | {"Job", "CronJob", "ConfigMap", "Secret", "Ingress"}
    (pod,) = [obj for obj in objects if obj["metadata"]["name"] == "pod-example"]
    assert pod["spec"]["containers"][0]["resources"] == {
        "requests": {"memory": "64Mi", "cpu": "250m"},
        "limits": {"memory": "128Mi", "cpu": "500m"},
    }
