"""The engines: found by their folders, complete, and named by nothing outside their own room."""

from __future__ import annotations

import ast
import re

import pytest
from saltk8s.base import errors
from saltk8s.engine import registry
from saltk8s.engine.base import Engine
from saltk8s.pillar import schema_engines
from support import tree

ENGINES = registry.names()
FORMULAS = [path for path in (tree.ROOT / "salt" / "k8s").rglob("*") if path.suffix in (".sls", ".jinja")]


def test_every_folder_is_an_engine():
    folders = {path.parent.name for path in (tree.LIBRARY / "engine").glob("*/__init__.py")}
    assert set(ENGINES) == folders == set(schema_engines.ENGINES)
    assert "rke" in ENGINES


@pytest.mark.parametrize("name", ENGINES)
def test_an_engine_is_complete(name):
    schema = registry.schema_of(name)
    assert {"kubeconfig", "state_file"} <= set(schema.files)
    assert schema.version.accept(schema.version_example)
    for program in schema.programs.values():
        assert program.version.accept(program.example)
    made = registry.classes()[name]
    assert issubclass(made, Engine) and made.schema is schema
    assert made.__abstractmethods__ == frozenset()


def test_an_unknown_engine_is_a_problem_of_the_pillar():
    with pytest.raises(errors.ConfigError, match="k8s:cluster:engine: got 'rke2'; expected one of .*rke"):
        registry.load({"cluster": {"engine": "rke2"}})


@pytest.mark.parametrize("name", ENGINES)
def test_no_formula_names_an_engine_s_state_or_function(name):
    used = re.compile(rf"\b{name}\.\w|(^|[\s\[{{-]){name}:(\s|$)", re.MULTILINE)
    found = [tree.relative(path) for path in FORMULAS if used.search(path.read_text(encoding="utf-8"))]
    assert found == [], "ask k8s_cluster"


@pytest.mark.parametrize("name", ENGINES)
def test_no_module_calls_an_engine_s_functions(name):
    """The imports of an engine are judged with all others, by tests/unit/project/test_imports.py."""
    others = [
        path
        for path in (tree.ROOT / "salt").glob("_*/**/*.py")
        if name not in path.relative_to(tree.ROOT).parts and path.stem != name
    ]
    called = {
        tree.relative(path): node.value
        for path in others
        for node in ast.walk(tree.parsed(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith(f"{name}.")
    }
    assert called == {}, "ask k8s_cluster"
