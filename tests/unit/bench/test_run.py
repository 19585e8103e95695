"""The command line, and `make bench`."""

from __future__ import annotations

import subprocess

import pytest
from bench import objects
from bench import run as command
from support import tree


def test_the_command_line_selects_what_is_measured():
    assert command.parsed([]).sizes == [410, 5000]
    assert command.parsed([]).cases == list(objects.CASES)
    assert command.parsed(["--quick"]).sizes == [410]
    assert command.parsed(["--quick", "--sizes", "20"]).sizes == [20]
    assert command.parsed(["--tools", "kubectl-ssa,saltk8s"]).tools == ["kubectl-ssa", "saltk8s"]
    with pytest.raises(SystemExit):
        command.parsed(["--cases", "noop,none"])
    with pytest.raises(SystemExit):
        command.parsed(["--sizes", "0"])


def test_make_bench_accepts_a_file_of_the_user():
    words = ["make", "-s", "-n", "bench", "MANIFESTS=my file.yaml", "ARGS=--quick"]
    shown = subprocess.run(words, cwd=tree.ROOT, capture_output=True, text=True, check=True).stdout
    assert "tests/bench/run.py --manifests 'my file.yaml' --quick" in shown


def test_another_commit_is_measured_only_when_asked_for():
    assert "saltk8s-before" not in command.parsed([]).tools
    assert "saltk8s-before" in command.parsed(["--against", "HEAD"]).tools
    with command.checkout(None) as folder:
        assert folder is None
    with command.checkout("HEAD") as folder:
        assert (folder / "tests" / "bench" / "run.py").is_file()
    assert not folder.exists()
