"""The options of `make e2e`: what they leave out is named, and nothing else is left out."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from support import tree

CASE = """
import time
import pytest

def test_first():
    time.sleep(0.4)

@pytest.mark.slow
def test_slow(): pass

@pytest.mark.life
def test_life(): pass

def test_last(): pass
"""


@pytest.fixture
def run(tmp_path):
    """Run tests that need no lab with the options of the end-to-end tests; returns the lines of pytest's summary."""
    (tmp_path / "test_case.py").write_text(CASE)
    # its fixture for all modules asks for the lab
    text = (tree.ROOT / "tests" / "e2e" / "conftest.py").read_text().replace("autouse=True, ", "")
    (tmp_path / "conftest.py").write_text(text)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n    slow: slow\n    life: life\n")

    def run_with(*options):
        argv = [sys.executable, "-m", "pytest", "-q", "-rsp", "-p", "no:cacheprovider", *options, "test_case.py"]
        environment = {**os.environ, "PYTHONPATH": str(tree.ROOT / "lab")}
        done = subprocess.run(argv, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return [line for line in done.stdout.splitlines() if line.startswith(("PASSED", "SKIPPED"))]

    return run_with


def test_by_default_only_the_machines_tests_are_left_out(run):
    (left,) = (line for line in run() if "PASSED" not in line)
    assert left.endswith("test_life changes the lab's machines: make e2e-life")


def test_what_is_slow_and_what_no_time_is_left_for_are_named(run):
    told = run("--without-slow", "--time-limit", "0.3")
    assert "PASSED test_case.py::test_last" not in told
    named = " ".join(told)
    for text in ("test_slow is slow: --without-slow", "test_last: no time is left: --time-limit"):
        assert text in named, told


def test_the_machines_tests_alone(run):
    assert run("--life") == ["PASSED test_case.py::test_life"]
