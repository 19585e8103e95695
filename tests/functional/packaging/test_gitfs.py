"""The pack on a master's file server by gitfs: what arrives, and what stays unseen."""

from __future__ import annotations

import pytest
from support import packaging


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
        assert {"top.sls", "k8s/init.sls", "_utils/saltk8s/pillar/model.py"} <= set(files) and packaging.leaked(
            files
        ) == []
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
