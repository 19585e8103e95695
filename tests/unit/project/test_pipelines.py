"""What runs elsewhere: the pipelines do what `.ci/run` does, and every command in them exists."""

from __future__ import annotations

import re

import pytest
import yaml
from saltk8s.base import version
from support import steps, tree

GITLAB = yaml.safe_load((tree.ROOT / ".gitlab-ci.yml").read_text())
GITHUB = yaml.safe_load((tree.ROOT / ".github/workflows/ci.yml").read_text())
HOOKS = yaml.safe_load((tree.ROOT / ".pre-commit-config.yaml").read_text())
MAKEFILE = (tree.ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z][a-z0-9-]*):", MAKEFILE, re.M))
GLOBAL = {"stages", "variables", "workflow", "default", "include"}
# what `make test` is made of, and what .ci/run does besides
WHOLE = {"lint", "unit", "programs", "functional", "lab", "e2e", "lab-down"}


def jobs():
    """GitLab's jobs, each with what it extends; hidden ones left out."""
    found = {}
    for name, job in GITLAB.items():
        if name in GLOBAL or name.startswith("."):
            continue
        bases = job.get("extends", [])
        whole = {}
        for base in bases:
            assert base in GITLAB, f"{name} extends {base}"
            whole.update(GITLAB[base])
        found[name] = {**whole, **job}
    return found


def commands_of_gitlab():
    keys = ("before_script", "script", "after_script")
    return [line for job in jobs().values() for key in keys for line in job.get(key, [])]


def commands_of_github():
    return [step["run"] for job in GITHUB["jobs"].values() for step in job["steps"] if "run" in step]


def made(commands):
    """The targets of make among commands, in their order."""
    return [found[1] for line in commands if (found := re.match(r"make ([a-z][a-z0-9-]*)", line))]


@pytest.mark.parametrize("commands", [commands_of_gitlab, commands_of_github])
def test_a_pipeline_makes_everything_once_and_in_order(commands):
    targets = made(commands())
    assert set(targets) == WHOLE <= TARGETS
    assert targets == ["lint", "unit", "programs", "functional", "lab", "e2e", "lab-down"]


def test_it_is_what_ci_runs():
    text = (tree.ROOT / ".ci" / "run").read_text()
    assert set(re.findall(r"\bmake ([a-z][a-z0-9-]*)", text)) == {"test", "lab", "e2e", "e2e-life", "lab-down"}
    parts = re.search(r"^test:.*\n\t@\$\(STEPS\) (.*?) \$\(if", MAKEFILE, re.M)[1].split()
    assert parts == ["prepare", "lint", "unit", "programs", "functional"]


def test_every_job_has_its_stage():
    assert [job["stage"] for job in jobs().values()] == GITLAB["stages"]


def test_the_lab_is_taken_away_whatever_happens():
    assert "make lab-down" in GITLAB["lab"]["after_script"]
    (down,) = [step for step in GITHUB["jobs"]["platform"]["steps"] if step.get("run") == "make lab-down"]
    assert down["if"] == "always()"


def test_both_say_what_a_runner_needs():
    for name in (".gitlab-ci.yml", ".github/workflows/ci.yml"):
        comment = " ".join(" ".join(re.findall(r"^# ?(.*)$", (tree.ROOT / name).read_text(), re.M)).split())
        for need in ("root", "Debian 12 or 13", "2 cores", "8 GiB of memory", "45 GiB of free disk"):
            assert need in comment, f"{name}: {need}"


def test_a_fork_never_reaches_our_machine():
    assert "head.repo.full_name == github.repository" in GITHUB["jobs"]["platform"]["if"]
    assert GITHUB["permissions"] == {"contents": "read"}


def test_the_hooks_run_the_repositorys_own_tools():
    (repo,) = HOOKS["repos"]
    assert repo["repo"] == "local", "no version but that of requirements/"
    hooks = {hook["id"]: hook for hook in repo["hooks"]}
    assert set(hooks) == {*steps.checks(), "unit"}
    for name, hook in hooks.items():
        assert hook["language"] == "system" and hook["pass_filenames"] is False
        assert hook["entry"] == ("make unit" if name == "unit" else f"make lint ARGS={name}")


def test_a_check_can_be_run_alone(monkeypatch):
    ran = []
    monkeypatch.setattr(steps, "step", lambda title, *words, **_: ran.append(title))
    steps.lint([], ["mypy"])
    assert ran == ["mypy"]
    ran.clear()
    steps.lint([], ["-k", "word"])
    assert ran == list(steps.checks())


def test_the_formula_says_what_it_is():
    formula = yaml.safe_load((tree.ROOT / "FORMULA").read_text())
    fields = {
        "name",
        "os",
        "os_family",
        "version",
        "release",
        "minimum_version",
        "top_level_dir",
        "summary",
        "description",
    }
    assert set(formula) == fields
    assert formula["version"] == version.RELEASE
    assert (tree.ROOT / "salt" / formula["top_level_dir"] / "init.sls").is_file()
    oldest = min(path.stem.removeprefix("salt-") for path in (tree.ROOT / "requirements").glob("salt-*.txt"))
    assert str(formula["minimum_version"]) == oldest
