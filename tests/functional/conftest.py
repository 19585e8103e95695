"""Fixtures of the functional tests.

``loaders``       masterless minions in this process: fast, for modules, states, SLS trees (``tests/support/salt.py``)
``salt_master``, ``salt_minion``, ``salt_call_cli``, ``salt_cli``, ``salt_run_cli``   real daemons, started once
``minion_pillar`` pillar data for the real minion, for the length of one test
``binaries``      paths of the real ``rke``, ``kubectl``, ``kube-apiserver``, ``etcd`` and of the simulator ``vcsim``
``minion``, ``run``, ``call``, ``applied``   ``kubectl`` on that API server (``tests/support/kubectl_fixtures.py``)
``apiserver``     a real API server with RBAC and an audit log, started once (``tests/support/apiserver.py``)
``own_apiserver`` another one for a single module, to be broken and killed
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from labkit import gobuild
from support import programs
from tests.support.apiserver import apiserver, own_apiserver  # noqa: F401  fixtures
from tests.support.kubectl_fixtures import applied, call, loaded, minion, run  # noqa: F401  fixtures
from tests.support.property_report import property_seed, pytest_terminal_summary  # noqa: F401  a fixture and a hook
from tests.support.salt import ADMIN, FORMULAS, Minion, write_pillar

SLOW_GRAINS = ("enable_fqdns_grains", "enable_gpu_grains")
PATIENCE_S = 180  # the cores may be compiling something else


@pytest.fixture
def loaders(tmp_path):
    """Make masterless minions: ``loaders(pillar={...}, minion_id="k8s-cp1", grains={...}, test=True)``."""
    made: list[Minion] = []

    def make(minion_id: str = ADMIN, **more) -> Minion:
        made.append(Minion(tmp_path / f"minion-{len(made)}", minion_id, **more))
        return made[-1]

    return make


@pytest.fixture(autouse=True)
def test_mode_writes_nothing(request, monkeypatch):
    """Whatever a test is about: no state of ours that runs with test=True may leave a write in the audit log."""
    if "apiserver" not in request.fixturenames:
        return
    server, unwatched = request.getfixturevalue("apiserver"), Minion.state

    def watched(self, function, *args, **kwargs):
        if not kwargs.get("test"):
            return unwatched(self, function, *args, **kwargs)
        mark = server.mark()
        answer = unwatched(self, function, *args, **kwargs)
        assert [request for request in server.requests(mark) if request.write] == [], f"{function} wrote in test mode"
        return answer

    monkeypatch.setattr(Minion, "state", watched)


@pytest.fixture(scope="session")
def binaries() -> dict[str, Path]:
    """Paths of the programs of tier "test" and of ``vcsim``, built when not in the cache: {name: path}."""
    try:
        return programs.build()
    except (programs.Missing, gobuild.BuildError) as err:
        pytest.fail(str(err))


@pytest.fixture(scope="session")
def salt_factories_default_root_dir():
    """Everything of the daemons lies under a short path of our own: Unix socket paths are limited to 107 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="saltk8s-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def salt_factories_config():
    """Daemons may take their time to start."""
    return {"start_timeout": PATIENCE_S}


@pytest.fixture(scope="session")
def salt_master(salt_factories):
    """A real master: file roots as an operator sets them (the repository's ``salt``), pillar per minion id."""
    overrides = {"file_roots": {"base": [str(FORMULAS)]}, "fileserver_followsymlinks": False, "auto_accept": True}
    factory = salt_factories.salt_master_daemon("saltk8s-master", overrides=overrides)
    pillar = Path(factory.config["pillar_roots"]["base"][0])
    (pillar / "top.sls").write_text("base:\n  '*':\n    - data\n")
    write_pillar(pillar, {})
    with factory.started():
        yield factory


@pytest.fixture(scope="session")
def salt_minion(salt_master):
    """A real minion of that master, with the repository's modules synced. Its id is the example's admin."""
    factory = salt_master.salt_minion_daemon(ADMIN, overrides=dict.fromkeys(SLOW_GRAINS, False))
    with factory.started():
        answer = factory.salt_call_cli(timeout=PATIENCE_S).run("saltutil.sync_all")
        assert answer.returncode == 0, answer
        yield factory


@pytest.fixture(scope="session")
def salt_call_cli(salt_minion):
    """``salt-call`` of the real minion."""
    return salt_minion.salt_call_cli(timeout=PATIENCE_S)


@pytest.fixture(scope="session")
def salt_cli(salt_master, salt_minion):
    """``salt`` of the real master; give ``minion_tgt=``."""
    return salt_master.salt_cli(timeout=PATIENCE_S)


@pytest.fixture(scope="session")
def salt_run_cli(salt_master):
    """``salt-run`` of the real master."""
    return salt_master.salt_run_cli(timeout=PATIENCE_S)


@pytest.fixture
def minion_pillar(salt_master, salt_call_cli):
    """Give the real minion pillar data: ``minion_pillar({"k8s": {...}})``; removed after the test."""
    folder = Path(salt_master.config["pillar_roots"]["base"][0])

    def give(pillar: dict) -> None:
        write_pillar(folder, pillar)
        assert salt_call_cli.run("saltutil.refresh_pillar", wait=True).returncode == 0

    yield give
    give({})
