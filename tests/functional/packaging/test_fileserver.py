"""The pack on a master's file server: file roots, a minion before its first sync, and what stays unseen."""

from __future__ import annotations

import pytest
from support import packaging


def test_file_roots_deliver_modules_and_formulas_and_nothing_else(salt_call_cli):
    files = salt_call_cli.run("cp.list_master").data
    assert {"top.sls", "k8s/init.sls", "k8s/defaults.yaml", "_modules/k8s_config.py"} <= set(files)
    assert packaging.leaked(files) == []
    listed = set(salt_call_cli.run("sys.list_functions").data)
    assert {"k8s_config.get", "rke.version", "kubectl.get"} <= listed
    salt_call_cli.run("saltutil.sync_all")
    again = salt_call_cli.run("saltutil.sync_all").data
    assert [kind for kind, synced in again.items() if synced] == [], f"a second sync found something to do: {again}"


@pytest.fixture(scope="module")
def unsynced(salt_master):
    """A minion that has never synced anything."""
    factory = salt_master.salt_minion_daemon("k8s-unsynced")
    with factory.started():
        yield factory


def test_before_its_first_sync_a_minion_says_what_to_do(unsynced):
    answer = unsynced.salt_call_cli().run("state.apply", "k8s", "test=True")
    assert len(answer.data) == 1, answer
    state = next(iter(answer.data.values()))
    assert state["result"] is False
    assert "salt 'k8s-unsynced' saltutil.sync_all" in state["comment"] + state["name"]


def test_the_state_sync_is_all_it_takes(unsynced):
    cli = unsynced.salt_call_cli()
    first = next(iter(cli.run("state.apply", "k8s.sync").data.values()))
    assert first["result"] is True and "modules.k8s_config" in str(first["changes"])
    second = next(iter(cli.run("state.apply", "k8s.sync").data.values()))
    assert (second["result"], second["changes"]) == (True, {})
    assert cli.run("k8s_config.validate").data["warnings"] == []
