"""``docs/adding-a-service.md``, followed to the letter in a copy of the repository: then its tests pass."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from tests.support import guide

NAME = "whoami"


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the repository in which somebody did what the page says, ``make docs`` included."""
    root = guide.copy(tmp_path_factory.mktemp("copy") / "saltk8s")
    guide.follow(root)
    done = run(root, "-m", "saltk8s", "docs", PYTHONPATH=str(root / "salt" / "_utils"))
    assert done.returncode == 0, done.stderr
    (root / "docs" / "pillar.md").write_text(done.stdout)
    return root


def run(root, *args: str, **environment: str) -> subprocess.CompletedProcess:
    """Run this Python in the copy, with nothing of this repository on its path."""
    known = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "PYTHON"))}
    argv = [sys.executable, *args]
    known |= {"PYTHONPATH": str(root), **environment}
    return subprocess.run(argv, cwd=root, env=known, capture_output=True, text=True, timeout=600, check=False)


def ran(root, *args: str) -> str:
    """Run tests of the copy; return the last line."""
    done = run(root, "-m", "pytest", "-q", "-p", "no:cacheprovider", *args)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    return done.stdout.strip().splitlines()[-1]


def test_the_page_writes_every_part():
    paths = {path for _, path, _ in guide.steps()}
    assert {
        "salt/k8s/defaults.yaml",
        f"salt/_utils/saltk8s/services/{NAME}.py",
        f"salt/k8s/{NAME}/init.sls",
        f"salt/k8s/{NAME}/clean.sls",
        f"salt/k8s/{NAME}/manifests/{NAME}.yaml.jinja",
        f"tests/cases/services/{NAME}.yaml",
        f"tests/cases/pillar/bad/{NAME}-replicas.yaml",
        f"docs/services/{NAME}.md",
    } == paths


def test_the_partner_tests_pass(copy):
    files = ("project/test_tree", "pillar/test_docs", "pillar/test_schema_services", "pillar/test_cases")
    assert "passed" in ran(copy, *(f"tests/unit/{name}.py" for name in files))


def test_the_service_s_cases_pass(copy):
    # both cases, accepted, as expected, with their namespace; the rules; an upgrade; clean; on and off
    assert "11 passed" in ran(copy, "tests/functional/services/test_cases.py", "-k", NAME)


def test_the_service_s_namespace_is_known_everywhere(copy):
    """No tenant may have it, and Prometheus does not take its pods for a tenant's: from the service's schema alone."""
    code = """
from saltk8s.base import errors
from saltk8s.services.prometheus import prometheus_yml
from tests.support import pillars
jobs = prometheus_yml.configuration(pillars.model(), [{"job_name": "pods", "of": "pods"}])["scrape_configs"]
print("whoami" in jobs[0]["relabel_configs"][0]["regex"].split("|"))
try:
    pillars.model({"tenants": {"whoami": {}}})
except errors.ConfigError as err:
    print([(one.path, one.value) for one in err.problems])
"""
    done = run(copy, "-c", code, PYTHONPATH=f"{copy}:{copy / 'salt' / '_utils'}:{copy / 'tests'}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["True", "[('k8s:tenants:whoami', \"'whoami'\")]"]


@pytest.mark.parametrize("missing", [
    "docs/services/whoami.md", "salt/k8s/whoami/clean.sls", "tests/cases/services/whoami.yaml",
    "salt/_utils/saltk8s/services/whoami.py", "tests/cases/pillar/bad/whoami-replicas.yaml",
])  # fmt: skip
def test_a_part_that_is_missing_is_noticed(copy, missing):
    path = copy / missing
    text = path.read_text()
    path.unlink()
    try:
        done = run(
            copy,
            "-m",
            "pytest",
            "-q",
            "-x",
            "-p",
            "no:cacheprovider",
            "-k",
            "parts or partners or partner_has",
            "tests/unit/project/test_tree.py",
            "tests/unit/pillar/test_schema_services.py",
        )
    finally:
        path.write_text(text)
    assert done.returncode == 1, done.stdout[-2000:]
    assert NAME in done.stdout
