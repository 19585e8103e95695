"""The module ``kubectl`` is made of several files: Salt has to find all of it, and its page for operators, too."""

from __future__ import annotations

import inspect
import re
import shlex
from pathlib import Path

import pytest
import salt.utils.args
from tests.support.salt import Minion

PAGE = Path(__file__).resolve().parents[3] / "docs" / "kubectl.md"
MERGED = {  # one of each file that makes the module, and of both that make the state module
    "kubectl.get",
    "kubectl.apply",
    "kubectl.diff",
    "kubectl.wait",
    "kubectl.rollout_undo",
    "kubectl.can_i",
    "kubectl.explain_failure",
    "kubectl.drain",
    "kubectl.label",
    "kubectl.uncordon",
}
MERGED_STATES = {"kubectl.applied", "kubectl.absent", "kubectl.drained", "kubectl.node_labelled"}


@pytest.fixture(scope="module")
def minion(tmp_path_factory):
    """A minion: nothing of it changes between the tests here."""
    return Minion(tmp_path_factory.mktemp("minion"))


def test_the_files_of_the_module_are_one(minion):
    assert set(minion.modules) >= MERGED
    for function in sorted(MERGED):
        assert callable(minion.modules[function]), function
    assert "salt k8s-admin kubectl.drain" in minion.call("sys.doc", "kubectl.drain")["kubectl.drain"]
    assert set(minion.call("sys.list_state_functions", "kubectl")) >= MERGED_STATES


@pytest.mark.parametrize("first", ["kubectl.apply", "kubectl.top", "kubectl.drain"])
def test_whichever_file_is_asked_first(tmp_path, first):
    """Salt's loader reads a file only when something of it is wanted: each order has to find everything."""
    fresh = Minion(tmp_path)
    assert callable(fresh.modules[first])
    assert all(function in fresh.modules for function in MERGED)


def test_a_synced_minion_has_the_whole_module(salt_call_cli, apiserver):
    listed = set(salt_call_cli.run("sys.list_functions", "kubectl").data)
    assert listed >= MERGED
    assert set(salt_call_cli.run("sys.list_state_functions", "kubectl").data) >= MERGED_STATES
    doc = salt_call_cli.run("sys.doc", "kubectl.drain").data
    assert "PodDisruptionBudget" in doc["kubectl.drain"]
    gone = str(apiserver.folder / "no-kubeconfig")
    for call in (["kubectl.get", "nodes"], ["kubectl.can_i", "get", "pods"], ["kubectl.cordon", "k8s-w1"]):
        answer = salt_call_cli.run(*call, f"kubeconfig={gone}")
        assert f"no kubeconfig {gone}" in answer.stderr + answer.stdout, answer
    state = salt_call_cli.run(
        "state.single", "kubectl.node_labelled", "k8s-w1", labels={"a": "b"}, kubeconfig=gone, test=True
    )
    told = next(iter(state.data.values()))
    assert told["result"] is None and told["changes"] == {"a": {"old": None, "new": "b"}}


def test_the_page_has_every_function_and_no_other(minion):
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| `kubectl.")]
    told = [name for row in rows for name in re.findall(r"`(kubectl\.\w+)`", row.split("|")[1])]
    assert sorted(told) == sorted(minion.call("sys.list_functions", "kubectl"))


def test_the_commands_of_the_page_can_be_called(minion):
    commands = [line for line in PAGE.read_text().splitlines() if line.startswith("salt k8s-admin kubectl.")]
    assert len(commands) > 15
    for command in commands:
        _, _, function, *words = shlex.split(command)
        args, kwargs = salt.utils.args.parse_input(words, condition=False)
        inspect.signature(minion.modules[function]).bind(*args, **kwargs)
