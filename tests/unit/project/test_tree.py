"""The rules of the tree: docstrings, direction of imports, sizes, partners of a service, nothing of a machine in it."""

from __future__ import annotations

import ast
import configparser
import re
import sys

import pytest
import yaml
from saltk8s import __version__
from saltk8s.base import version
from saltk8s.pillar import schema_services
from support import tree

EDGES = sorted([*tree.ROOT.glob("salt/_modules/*.py"), *tree.ROOT.glob("salt/_states/*.py")])
LIBRARY = sorted(tree.LIBRARY.rglob("*.py"))
FUNCTIONS = [(path, function) for path in EDGES for function in tree.public_functions(path)]
SERVICES = yaml.safe_load((tree.ROOT / "salt/k8s/defaults.yaml").read_text())["services"]

# What Salt itself depends on, so that a synced minion has it
FOUND_WITH_SALT = {"yaml", "requests", "jinja2", "packaging"}
# The offline check renders a pillar with Salt's own renderer
MAY_IMPORT_SALT = {"check_render.py"}
MAX_LINES = 500
RELEASES = re.findall(r"^## \[(\S+)\]", (tree.ROOT / "CHANGELOG.md").read_text(), re.M)
COUNTED = {".py", ".sls", ".jinja", ".go", ".sh", ".yaml", ".md"}
NOT_COUNTED = ("tests/golden/", "docs/pillar.md", "docs/reference/", "LICENSE")


def label(pair) -> str:
    path, function = pair
    return f"{path.parent.name}/{path.stem}.{function.name}"


@pytest.mark.parametrize("pair", FUNCTIONS, ids=label)
def test_a_public_function_says_how_it_is_called_and_what_it_gives(pair):
    path, function = pair
    text = ast.get_docstring(function) or ""
    assert text, "no docstring"
    assert "CLI Example:" in text, "no CLI example"
    added = re.findall(r"^\.\. versionadded:: (\S+)$", text, re.M)
    assert len(added) == 1 and added[0] in RELEASES, "no version that added it, or one that CHANGELOG does not have"
    called = f"{tree.virtual_name(path)}.{tree.aliases(path).get(function.name, function.name)}"
    assert called in text.split("CLI Example:")[1], "the CLI example calls something else"
    top = ast.get_docstring(tree.parsed(path)) or ""  # what holds for all functions stands at the module's top
    paragraph = "^(\\w+, )*{}(, \\w+)*(:|$)"
    missing = [name for name in tree.parameters(function) if not re.search(paragraph.format(name), text, re.M)]
    assert [name for name in missing if f"``{name}``" not in top] == [], "parameters without a paragraph"
    gives = "changes" if path.parent.name == "_states" else "return"
    whole = f"{text} {top}".lower()
    assert gives in whole or "raises nothing" in whole, f"it does not say what it gives ({gives})"


def test_there_are_functions_to_look_at():
    assert {"k8s_config", "rke", "kubectl"} <= {path.stem for path, _ in FUNCTIONS}


@pytest.mark.parametrize("path", LIBRARY, ids=tree.relative)
def test_the_library_imports_nothing_of_salt_and_nothing_uninstalled(path):
    allowed = {"saltk8s", *FOUND_WITH_SALT, *sys.stdlib_module_names}
    if path.name in MAY_IMPORT_SALT:
        allowed.add("salt")
    assert tree.imported(path) - allowed == set()


@pytest.mark.parametrize("path", EDGES, ids=tree.relative)
def test_modules_and_states_import_the_library_at_their_top(path):
    """A minion that started before its first sync cannot import it later: see Salt's loader."""
    late = [
        node.lineno
        for function in ast.walk(tree.parsed(path))
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if isinstance(node, (ast.Import, ast.ImportFrom))
    ]
    assert late == [], "imports inside functions, on these lines"
    others = {other.stem for other in EDGES} - {"rke"}  # the library has an engine of that name
    assert not tree.imported(path) & others, "modules call each other through __salt__"


def test_types_are_checked_without_blanket_ignores():
    config = (tree.ROOT / "pyproject.toml").read_text()
    assert "disallow_untyped_defs = true" in config
    assert re.findall(r"ignore_errors|disable_error_code|follow_imports", config) == []
    assert re.findall(r"^module = (.*)$", config, re.M) == ['["salt.*"]'], "an exception for one of our modules"
    ignored = [line for path in LIBRARY for line in path.read_text().splitlines() if "type: ignore" in line]
    explained = re.compile(r"# type: ignore\[[\w, -]+\]  # \w+")
    assert [line for line in ignored if not explained.search(line)] == [], "without a code, or without a reason"


def test_only_python_lies_where_salt_syncs_only_python():
    folders = [tree.ROOT / "salt" / name for name in ("_modules", "_states", "_utils", "_clouds")]
    lost = [path for path in tree.tracked() if any(folder in path.parents for folder in folders)]
    assert [tree.relative(path) for path in lost if path.suffix != ".py"] == []


def test_the_repository_serves_both_layouts():
    for name in ("_modules", "_states", "_utils", "_clouds"):
        assert str((tree.ROOT / name).readlink()) == f"salt/{name}"
    assert not (tree.ROOT / "salt" / "__init__.py").exists(), "it would hide Salt itself"


def test_no_file_is_too_long():
    counted = [path for path in tree.tracked() if path.suffix in COUNTED]
    counted = [path for path in counted if not tree.relative(path).startswith(NOT_COUNTED)]
    lengths = {tree.relative(path): len(path.read_text(encoding="utf-8").splitlines()) for path in counted}
    assert {name: lines for name, lines in lengths.items() if lines > MAX_LINES} == {}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_its_partners(service):
    folder = tree.ROOT / "salt" / "k8s" / service
    wanted = [folder / "init.sls", folder / "clean.sls", tree.ROOT / "docs" / "services" / f"{service}.md"]
    assert [tree.relative(path) for path in wanted if not path.is_file()] == []
    assert list((folder / "manifests").rglob("*.yaml*")), "no manifests"
    assert service in schema_services.SERVICES.keys, "no entry in the schema"
    assert (tree.ROOT / "tests" / "cases" / "services" / f"{service}.yaml").is_file(), "no case file"


def test_a_partner_has_its_service():
    folders = {path.parent.name for path in (tree.ROOT / "salt" / "k8s").glob("*/manifests")}
    cases = {path.stem for path in (tree.ROOT / "tests" / "cases" / "services").glob("*.yaml")}
    assert folders == cases == set(SERVICES) == set(schema_services.SERVICES.keys)


# split, so that this file does not hold them
MACHINE = re.compile("|".join(["/wo" + "rk/", r"\.py" + "env", "/opt/wh" + "eels", "--index" + "-url"]))


def test_nothing_of_a_machine_is_in_the_tree():
    found = [
        f"{tree.relative(path)}:{number}: {line.strip()[:80]}"
        for path in tree.tracked()
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if MACHINE.search(line)
    ]
    assert found == []


UNFINISHED = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|X" + r"XX)\b")


def test_nothing_is_left_for_later():
    found = [tree.relative(path) for path in tree.tracked() if UNFINISHED.search(path.read_text(errors="replace"))]
    assert found == []


def test_setup_cfg_lists_every_package_and_no_version():
    config = configparser.ConfigParser()
    config.read(tree.ROOT / "setup.cfg")
    listed = config["options"]["packages"].split()
    found = [path.parent.relative_to(tree.LIBRARY.parent) for path in tree.LIBRARY.rglob("__init__.py")]
    assert sorted(listed) == sorted([*(".".join(folder.parts) for folder in found), "saltk8s.formulas"])
    assert config["metadata"]["version"] == "attr: saltk8s.__version__"


def test_one_release():
    """It is written once: in base/version.py. The CHANGELOG has a section for it, or what is unreleased."""
    text = (tree.ROOT / "CHANGELOG.md").read_text()
    assert __version__.startswith(version.RELEASE)
    assert re.search(rf"^## \[?(Unreleased|{re.escape(version.RELEASE)})\b", text, re.M)
