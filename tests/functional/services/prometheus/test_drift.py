"""The highstate's result on its way to Prometheus: from the admin into the cluster, from a node into its file."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from salt.exceptions import CommandExecutionError
from saltk8s.services.prometheus import highstate
from tests.support import pillars, services
from tests.support.salt import Minion

NODE = "k8s-w1"
SLS = """
kept:
  test.nop
changed:
  file.managed:
    - name: {path}
    - contents: by the states
failed:
  test.fail_without_changes
"""


@pytest.fixture
def made(tmp_path, apiserver, monkeypatch):
    """Make a minion with three states to try, SLS ``tried``; nothing of the service is in the cluster."""
    monkeypatch.setenv("PATH", f"{Path(apiserver.kubectl_path).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(highstate, "FOLDER", str(tmp_path / "metrics"))
    state_dir, roots = tmp_path / "state", tmp_path / "roots"
    state_dir.mkdir()
    roots.mkdir()
    shutil.copy(apiserver.kubeconfig, state_dir / "kube_config_cluster.yml")
    (roots / "tried.sls").write_text(SLS.format(path=tmp_path / "by-states"))
    apiserver.kubectl("delete", "configmap", highstate.NAME, "-n", "monitoring", "--ignore-not-found")
    if not apiserver.get("namespace", "monitoring"):
        apiserver.kubectl("create", "namespace", "monitoring")

    def make(minion_id: str | None = None, **patch) -> Minion:
        tree = services.tree("prometheus", {"patch": patch}, state_dir)
        name = minion_id or tree["cluster"]["admin"]
        folder = tmp_path / f"minion-{len(list(tmp_path.iterdir()))}"
        return Minion(folder, name, pillar={"k8s": tree}, file_roots=[roots])

    return make


def at(monkeypatch, seconds: int):
    """Let every run end at this time."""
    text = highstate.metrics
    monkeypatch.setattr(
        highstate, "metrics", lambda minion, found, end, took, *more: text(minion, found, seconds, 1, *more)
    )


def shown(apiserver) -> dict[str, str]:
    return apiserver.get("configmap", highstate.NAME, "-n", "monitoring")["data"]


def test_the_admins_result_gets_into_the_cluster_and_nothing_is_changed(made, apiserver, tmp_path, monkeypatch):
    admin = made()
    at(monkeypatch, 1000)
    assert admin.call("k8s_monitoring.export_drift", "tried") == {
        "ok": 1,
        "change": 1,
        "failure": 1,
        "written": "ConfigMap monitoring/highstate",
    }
    assert not (tmp_path / "by-states").exists(), "the states ran in earnest"
    ((name, text),) = shown(apiserver).items()
    assert name == f"{admin.id}.prom"
    assert f'saltk8s_highstate_states{{minion="{admin.id}",result="change"}} 1\n' in text
    mark = apiserver.mark()
    admin.call("k8s_monitoring.export_drift", "tried")
    assert [request for request in apiserver.requests(mark) if request.write] == []


def test_what_changed_between_two_runs_is_seen(made, apiserver, tmp_path):
    admin = made()
    assert admin.call("k8s_monitoring.export_drift", "tried")["change"] == 1
    (tmp_path / "by-states").write_text("by the states\n")
    assert admin.call("k8s_monitoring.export_drift", "tried")["change"] == 0
    assert 'result="change"} 0\n' in shown(apiserver)[f"{admin.id}.prom"]


def test_a_nodes_result_is_a_file_that_its_exporter_may_read(made, apiserver, tmp_path):
    mark = apiserver.mark()
    node = made(NODE)
    path = tmp_path / "metrics" / "highstate.prom"
    assert node.call("k8s_monitoring.export_drift", "tried")["written"] == str(path)
    assert path.stat().st_mode & 0o777 == 0o644
    assert f'minion="{NODE}",result="failure"}} 1\n' in path.read_text()
    assert [one.name for one in path.parent.iterdir()] == [path.name]
    assert [request for request in apiserver.requests(mark) if request.write] == []


def test_states_that_do_not_run_leave_the_old_result(made, apiserver, monkeypatch):
    admin = made()
    at(monkeypatch, 1000)
    admin.call("k8s_monitoring.export_drift", "tried")
    before = shown(apiserver)
    with pytest.raises(CommandExecutionError, match="the highstate did not run: .*no-such-sls"):
        admin.call("k8s_monitoring.export_drift", "no-such-sls")
    assert shown(apiserver) == before


def test_nobody_to_tell(made):
    with pytest.raises(CommandExecutionError, match="k8s:services:prometheus is not enabled"):
        made(services={"prometheus": {"enabled": False}}).call("k8s_monitoring.export_drift", "tried")
    with pytest.raises(CommandExecutionError, match="neither the admin nor a node"):
        made("some-minion").call("k8s_monitoring.export_drift", "tried")
    with pytest.raises(CommandExecutionError, match="k8s:services:prometheus is not enabled"):
        made(services={"prometheus": {"enabled": False}}).call("k8s_monitoring.export_upkeep")
    with pytest.raises(CommandExecutionError, match="there is no cluster yet"):
        made().call("k8s_monitoring.export_upkeep")


def test_clean_takes_the_result_away(made, apiserver):
    admin = made()
    admin.call("k8s_monitoring.export_drift", "tried")
    foretold = admin.apply("k8s.prometheus.clean", test=True)
    assert foretold["k8s-prometheus-highstate-absent"]["result"] is None
    assert shown(apiserver)
    real = admin.apply("k8s.prometheus.clean")
    assert {name: one["result"] for name, one in real.items()} == dict.fromkeys(real, True)
    assert apiserver.get("configmap", highstate.NAME, "-n", "monitoring") is None
    assert apiserver.get("namespace", "monitoring")
    assert not any(one["changes"] for one in admin.apply("k8s.prometheus.clean").values())


def test_alertmanagers_secrets_are_not_in_a_jobs_return(made):
    admin = made()
    secret = pillars.MATTERMOST_URL
    assert secret in admin.call("k8s_monitoring.alertmanager_config", secrets=True)
    assert secret not in admin.call("k8s_monitoring.alertmanager_config")
    job = {"__pub_jid": "20261126000000000000"}
    assert secret not in admin.call("k8s_monitoring.alertmanager_config", secrets=True, **job)
