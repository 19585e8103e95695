"""The documentation: links lead somewhere, what the Makefile offers exists, examples are what the tests run."""

from __future__ import annotations

import re
import subprocess

import pytest
import yaml
from support import tree

PAGES = [path for path in tree.tracked() if path.suffix == ".md"]
FENCED = re.compile(r"^ *```.*?^ *```", re.M | re.S)
# file names, and the example of a function that is to be added
NOT_FUNCTIONS = {"kubectl.md", "kubectl.py", "kubectl.rollout_restart"}
LINK = re.compile(r"\]\(([^)#:\s]+)(#[^)]*)?\)")


@pytest.mark.parametrize("page", PAGES, ids=tree.relative)
def test_links_lead_somewhere(page):
    lost = [link for link, _ in LINK.findall(FENCED.sub("", page.read_text())) if not (page.parent / link).exists()]
    assert lost == []


@pytest.mark.parametrize("page", PAGES, ids=tree.relative)
def test_make_targets_exist(page):
    named = set(re.findall(r"(?:^ {4,}|`|&& )make ([a-z][a-z0-9-]*)", page.read_text(), re.M))
    offered = set(re.findall(r"^([a-z][a-z0-9-]*):", (tree.ROOT / "Makefile").read_text(), re.M))
    assert named - offered == set()


EDGES = [path for kind in ("_modules", "_states") for path in (tree.ROOT / "salt" / kind).glob("*.py")]
OFFERED = {
    f"{tree.virtual_name(path)}.{tree.aliases(path).get(function.name, function.name)}"
    for path in EDGES
    for function in tree.public_functions(path)
}
CALLED = re.compile(
    rf"(?<![\w./:-])((?:{'|'.join(sorted({name.partition('.')[0] for name in OFFERED}))})\.[a-z_]+)\b(?![./])"
)


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=tree.relative)
def test_functions_and_states_that_a_page_names_exist(page):
    assert set(CALLED.findall(page.read_text())) - OFFERED - NOT_FUNCTIONS == set()


PARAMETERS = {
    f"{tree.virtual_name(path)}.{tree.aliases(path).get(function.name, function.name)}": function
    for path in EDGES
    if path.parent.name == "_modules"
    for function in tree.public_functions(path)
}
# a call in a shell: `salt MINION module.function`, `salt-call module.function`, up to the end of the code or a comment
CALL = re.compile(r"\bsalt(?:-call)?\s+(?:\S+\s+){0,4}?([a-z0-9_]+\.[a-z_]+)\b([^`#|\n]*)")


def arguments_of(text):
    """Each call of one of our functions: (its name, the names of its keyword arguments)."""
    for function, rest in CALL.findall(text.replace("\\\n", " ")):
        if function in PARAMETERS:
            yield function, set(re.findall(r"(?:^|\s)([a-z_]+)=", rest))


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=tree.relative)
def test_arguments_in_a_pages_commands_exist(page):
    wrong = []
    for function, given in arguments_of(page.read_text()):
        node = PARAMETERS[function]
        known = {*tree.parameters(node), "saltenv", "pillar"}
        # a wrapper has the parameters of the function whose signature it takes over
        wrong += [f"{function} {name}=" for name in given - known if not node.args.kwarg]
    assert wrong == []


def test_the_pages_have_such_commands():
    calls = [call for page in PAGES for call in arguments_of(page.read_text())]
    assert len(calls) > 100 and sum(bool(given) for _, given in calls) > 30


def keys_of_orchestration(name):
    """The keys of the pillar that an orchestration reads; none when there is no such orchestration."""
    path = tree.ROOT / "salt" / "k8s" / "orch" / f"{name}.sls"
    text = path.read_text() if path.exists() else ""
    parts = [path.parent / found for found in re.findall(r'from "k8s/orch/([a-z_]+\.jinja)"', text)]
    return set(re.findall(r"pillar\.get\('([a-z_]+)'", "".join([text, *(part.read_text() for part in parts)])))


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=tree.relative)
def test_orchestrations_that_a_page_runs_exist_and_read_what_it_gives(page):
    text = page.read_text().replace("\\\n", " ")
    for name, rest in re.findall(r"state\.orch(?:estrate)?\s+k8s\.orch\.([a-z_]+)([^`\n]*)", text):
        assert keys_of_orchestration(name), f"there is no k8s.orch.{name}"
        given = re.search(r"pillar='(\{.*?\})'", rest)
        assert set(yaml.safe_load(given[1]) if given else ()) <= keys_of_orchestration(name), (name, rest)


def test_make_help_lists_every_target():
    makefile = (tree.ROOT / "Makefile").read_text()
    phony = set(re.search(r"^\.PHONY: (.*)$", makefile, re.M)[1].split())
    shown = subprocess.run(["make", "-s", "help"], cwd=tree.ROOT, capture_output=True, text=True, check=True).stdout
    assert {line.split()[0] for line in shown.splitlines()} == phony


def test_the_yaml_in_the_pages_is_yaml():
    blocks = [
        (tree.relative(page), block)
        for page in PAGES
        for block in re.findall(r"^ *```yaml\n(.*?)^ *```", page.read_text(), re.M | re.S)
    ]
    assert blocks
    for page, block in blocks:
        assert yaml.safe_load(block) is not None, page


def test_the_changelog_keeps_to_its_form():
    """Keep a Changelog 1.1: releases, newest first, each with the kinds of change that the format knows."""
    text = (tree.ROOT / "CHANGELOG.md").read_text()
    releases = re.findall(r"^## (.*)$", text, re.M)
    assert releases and all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - (Unreleased|\d{4}-\d\d-\d\d)", one) for one in releases)
    kinds = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]
    for section in text.split("\n## ")[1:]:
        found = re.findall(r"^### (.*)$", section, re.M)
        assert found and found == [kind for kind in kinds if kind in found]
