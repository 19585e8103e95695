"""The pack on a master's file server: file roots and gitfs, a minion before its first sync, and what stays unseen."""

from __future__ import annotations

import time

import pytest
from support import packaging

PRIVATE = ("tests/", "lab/", ".git", "docs/", "README.md", "Makefile", "pillar.example")


def leaked(files: list[str]) -> list[str]:
    return [path for path in files if path.startswith(PRIVATE)]


def test_file_roots_deliver_modules_and_formulas_and_nothing_else(salt_call_cli):
    files = salt_call_cli.run("cp.list_master").data
    assert {"top.sls", "k8s/init.sls", "k8s/defaults.yaml", "_modules/k8s_config.py"} <= set(files)
    assert leaked(files) == []
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


def test_a_new_minion_may_sync_by_itself(salt_master, salt_cli):
    """As docs/install.md has it for a template: no operator, no reactor."""
    start = {"startup_states": "sls", "sls_list": ["k8s.sync"], **dict.fromkeys(["enable_fqdns_grains"], False)}
    with salt_master.salt_minion_daemon("k8s-startup", overrides=start).started():
        end = time.monotonic() + 180
        functions: list[str] = []
        while not functions and time.monotonic() < end:
            functions = salt_cli.run("sys.list_functions", "k8s_config", minion_tgt="k8s-startup").data or []
        assert "k8s_config.get" in functions


@pytest.fixture(scope="module")
def remote(tmp_path_factory):
    """A work tree of the pack and the bare repository it was pushed to."""
    work = packaging.copy(tmp_path_factory.mktemp("gitfs") / "work")
    packaging.commit(work, "The pack")
    bare = work.parent / "saltk8s.git"
    packaging.git("clone", "-q", "--bare", work, bare, cwd=work.parent)
    packaging.git("remote", "add", "origin", bare, cwd=work)
    return work, bare


@pytest.fixture(scope="module")
def gitfs_master(salt_factories, remote):
    """A master with gitfs as docs/install.md configures it; its other backend serves an empty folder."""
    overrides = {
        "fileserver_backend": ["gitfs"],
        "gitfs_provider": "gitpython",
        "gitfs_base": "main",
        "gitfs_remotes": [{f"file://{remote[1]}": [{"name": "saltk8s"}, {"root": "salt"}]}],
        "auto_accept": True,
    }
    factory = salt_factories.salt_master_daemon("saltk8s-gitfs", overrides=overrides)
    with factory.started():
        yield factory


def test_gitfs_delivers_the_same_and_a_push_arrives(gitfs_master, remote):
    minion = gitfs_master.salt_minion_daemon("k8s-gitfs", overrides=dict.fromkeys(["enable_fqdns_grains"], False))
    with minion.started():
        cli = minion.salt_call_cli()
        assert cli.run("saltutil.sync_all").returncode == 0
        files = cli.run("cp.list_master").data
        assert {"top.sls", "k8s/init.sls", "_utils/saltk8s/pillar/model.py"} <= set(files) and leaked(files) == []
        functions = set(cli.run("sys.list_functions").data)
        assert {"k8s_config.get", "rke.version", "kubectl.get"} <= functions
        assert cli.run("k8s_config.validate").data["warnings"] == []

        work, _ = remote
        module = work / "salt" / "_modules" / "kubectl.py"
        module.write_text(module.read_text() + "\n\ndef arrived():\n    return 'by gitfs'\n")
        packaging.commit(work, "A newer module")
        packaging.git("push", "-q", "origin", "main", cwd=work)
        assert gitfs_master.salt_run_cli().run("fileserver.update").returncode == 0
        assert "modules.kubectl" in cli.run("saltutil.sync_all").data["modules"]
        assert cli.run("kubectl.arrived").data == "by gitfs"
        assert cli.run("k8s_config.validate").data["warnings"] == [], "package and modules came together"
