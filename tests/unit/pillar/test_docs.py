"""The documentation of the pillar is what the schema says."""

from __future__ import annotations

import subprocess
import sys

from saltk8s.pillar import docs
from saltk8s.pillar.schema import SCHEMA
from saltk8s.pillar.vocabulary.types import List, Map, Section
from tests.support import pillars

PAGE = pillars.ROOT / "docs" / "pillar.md"


def keys(kind, path=()):
    """Return every key of a type, with its path."""
    if isinstance(kind, (Map, List)):
        yield from keys(kind.item, (*path, "NAME"))
    elif isinstance(kind, Section):
        for name, key in kind.keys.items():
            yield (*path, name), key
            yield from keys(key.type, (*path, name))


def test_the_page_is_not_stale():
    assert PAGE.read_text(encoding="utf-8") == docs.render(pillars.defaults()), "run: make docs"


def test_every_key_is_on_the_page():
    page = PAGE.read_text(encoding="utf-8")
    for path, _ in keys(SCHEMA):
        assert (f"`k8s:{path[0]}`" if len(path) == 1 else f"| `{':'.join(path[1:])}` |") in page, path


def test_every_key_says_what_it_means():
    for path, key in keys(SCHEMA):
        assert key.meaning.endswith(".") and len(key.meaning) > 5, path
        assert key.type.doc, path


def test_the_command_writes_the_page():
    argv = [sys.executable, "-m", "saltk8s", "docs"]
    done = subprocess.run(argv, env={"PYTHONPATH": str(pillars.ROOT / "_utils")}, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, PAGE.read_text(encoding="utf-8"))
    for wrong in ([], ["frobnicate"], ["docs", "x"]):
        done = subprocess.run(
            [*argv[:3], *wrong], env={"PYTHONPATH": str(pillars.ROOT / "_utils")}, capture_output=True, text=True
        )
        assert done.returncode == 2 and "usage:" in done.stderr
