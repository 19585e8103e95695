"""CONTRIBUTING agrees with the tree: its paths exist, its numbers are those that the tests hold."""

from __future__ import annotations

import re

import pytest
from support import imports, steps, tree
from tests.unit.project import test_tree

TEXT = (tree.ROOT / "CONTRIBUTING.md").read_text()
PATH = re.compile(
    r"`((?:salt|tests|lab|docs|pillar\.example|requirements|\.github)/[^`]*|[A-Z]+(?:\.md)?|\.[\w-]+[/.-][\w./-]+)`"
)
PATHS = sorted(set(PATH.findall(TEXT)))


def rows(title):
    """The rows of the table in a section, without its head."""
    section = TEXT.split(f"\n## {title}\n")[1].split("\n## ")[0]
    table = [line for line in section.splitlines() if line.startswith("|")]
    return [line.strip("|").split("|") for line in table[2:]]


@pytest.mark.parametrize("path", PATHS)
def test_every_path_exists(path):
    assert list(tree.ROOT.glob(path.replace("<service>", "*").rstrip("/"))), "no such file or folder"


def test_every_room_is_described():
    described = {cell for row in rows("The rooms") for cell in re.findall(r"`([^`]+)/`", row[0])}
    rooms = {path for path in tree.LIBRARY.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert {tree.relative(path) for path in rooms} <= described


def test_what_is_often_changed_has_one_place():
    table = rows("To change X, go to Y")
    assert len(table) >= 15
    for what, first, more in table:
        assert PATH.search(first), what
        places = len(PATH.findall(first)) + len(PATH.findall(more))
        assert places <= 5, f"{what.strip()}: {places} places"


@pytest.mark.parametrize("path, word", re.findall(r"`([^`]+)` [(]`(\w+)`", TEXT))
def test_what_a_row_points_at_is_in_that_file(path, word):
    found = tree.ROOT / path
    assert found.is_dir() or word in found.read_text(), "no such word in the file"


def test_it_says_the_limits_that_the_tests_hold():
    flat = " ".join(TEXT.split())
    assert f"a test fails above {test_tree.MAX_LINES} lines" in flat
    assert f"at most {imports.MAX_MODULES} modules" in flat
    assert f"one of its checks: {', '.join(steps.checks())}" in flat
