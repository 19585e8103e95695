"""A run of all services: one that fails stops no other, and the end tells what is healthy."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from tests.support import pillars
from tests.support.salt import Minion

CLUSTER = "k8s-cluster-usable:\n  k8s_cluster.prepared: []\n"  # the cluster exists: the engine does not run
SERVICE = """include: [k8s.cluster]
k8s-{name}-applied:
  kubectl.applied:
    - name: {name}
    - objects: [{{apiVersion: {version}, kind: {kind}, metadata: {{name: of-{name}, namespace: default}}}}]
    - require: [{{k8s_cluster: k8s-cluster-usable}}]
"""


@pytest.fixture
def admin(tmp_path, own_apiserver, monkeypatch):
    """The admin with the real services.sls, and stand-ins for two services: the first is no valid Service."""
    state_dir, roots = tmp_path / "state", tmp_path / "roots" / "k8s"
    state_dir.mkdir()
    shutil.copy(own_apiserver.kubeconfig_by_certificate("boss", 40 * 86400 + 60), state_dir / "kube_config_cluster.yml")
    monkeypatch.setenv("PATH", f"{Path(own_apiserver.kubectl_path).parent}{os.pathsep}{os.environ['PATH']}")
    texts = {
        "cluster": CLUSTER,
        "canal": SERVICE.format(name="canal", version="v1", kind="Service"),
        "metallb": SERVICE.format(name="metallb", version="v1", kind="ConfigMap"),
    }
    for name, text in texts.items():
        (roots / name).mkdir(parents=True)
        (roots / name / "init.sls").write_text(text)
    off = {name: {"enabled": False} for name in pillars.defaults()["services"] if name not in texts}
    tree = pillars.merge(pillars.full(), {"cluster": {"state_dir": str(state_dir)}, "services": off})
    return Minion(tmp_path / "minion", tree["cluster"]["admin"], pillar={"k8s": tree}, file_roots=[roots.parent])


@pytest.mark.parametrize("test", [True, False])
def test_a_service_that_fails_stops_no_other_and_the_summary_tells(admin, own_apiserver, test):
    states = admin.apply("k8s.services", test=test)
    names = list(states)
    assert names.index("k8s-canal-applied") < names.index("k8s-metallb-applied")
    assert names[-1] == "k8s-services-summary"
    assert states["k8s-canal-applied"]["result"] is False
    assert "Service default/of-canal: spec.ports" in states["k8s-canal-applied"]["comment"]
    assert states["k8s-metallb-applied"]["result"] is (None if test else True)
    assert (own_apiserver.get("configmap", "of-metallb") is not None) is not test
    summary = states["k8s-services-summary"]
    assert summary["result"] is True and summary["changes"] == {}
    told = summary["comment"].splitlines()
    assert any(line.split()[:2] == ["canal", "bad"] for line in told), told
    assert any(line.split()[:2] == ["metallb", "bad" if test else "ok"] for line in told), told
    assert any(line.startswith("services canal: ") for line in summary["warnings"])
    if not test:
        again = admin.apply("k8s.services")
        assert [name for name, state in again.items() if state["changes"]] == []


def test_status_is_a_table(admin, own_apiserver):
    admin.apply("k8s.services")
    found = admin.call("k8s_config.status")
    rows = {(row["part"], row["name"]): row for row in found["rows"]}
    assert found["healthy"] is False  # the nodes of the pillar are not there
    assert rows["cluster", "osug"]["state"] == "ok"
    assert rows["nodes", "k8s-w1"]["why"] == "not found in the cluster"
    assert rows["services", "metallb"]["state"] == "ok"
    assert rows["certificates", "admin kubeconfig"]["state"] == "warn"
    assert rows["certificates", "admin kubeconfig"]["why"].startswith("40 days left")
    assert "days left" in rows["certificates", "API server"]["why"]
    assert not [row for row in found["rows"] if row["part"] == "backups"]
    assert found["lines"][0] == "cluster"


def test_a_cluster_that_is_down_has_a_table_too(admin, own_apiserver):
    own_apiserver.kill()
    try:
        found = admin.call("k8s_config.status")
    finally:
        own_apiserver.start_apiserver()
    rows = {(row["part"], row["name"]): row for row in found["rows"]}
    assert rows["cluster", "osug"]["state"] == "bad"
    assert rows["services", "metallb"]["state"] == "unknown"
    assert rows["certificates", "API server"]["state"] == "unknown"
    assert rows["certificates", "admin kubeconfig"]["state"] == "warn"


def test_before_the_cluster_there_is_a_table_too(tmp_path, own_apiserver, monkeypatch):
    monkeypatch.setenv("PATH", f"{Path(own_apiserver.kubectl_path).parent}{os.pathsep}{os.environ['PATH']}")
    tree = pillars.merge(pillars.full(), {"cluster": {"state_dir": str(tmp_path / "none")}})
    found = Minion(tmp_path / "minion", tree["cluster"]["admin"], pillar={"k8s": tree}).call("k8s_config.status")
    assert found["rows"][0] == {"part": "cluster", "name": "osug", "state": "bad", "why": "not created yet"}


CLUSTER_FAILS = "k8s-cluster-usable:\n  k8s_cluster.prepared:\n    - require: [{test: broken}]\n"
BROKEN = "broken:\n  test.fail_without_changes: []\n"


@pytest.mark.parametrize("test", [True, False])
@pytest.mark.parametrize("text", [
    "k8s-cluster-usable:\n  test.fail_without_changes: []\n", BROKEN + CLUSTER_FAILS,
])  # fmt: skip
def test_while_the_cluster_fails_disabled_services_do_not(tmp_path, own_apiserver, monkeypatch, text, test):
    monkeypatch.setenv("PATH", f"{Path(own_apiserver.kubectl_path).parent}{os.pathsep}{os.environ['PATH']}")
    (tmp_path / "roots/k8s/cluster").mkdir(parents=True)
    (tmp_path / "roots/k8s/cluster/init.sls").write_text(text)
    (tmp_path / "state").mkdir()
    dead = Path(own_apiserver.kubeconfig).read_text().replace(f":{own_apiserver.port}", ":1")
    (tmp_path / "state/kube_config_cluster.yml").write_text(dead)
    off = {name: {"enabled": False} for name in pillars.defaults()["services"]}
    tree = pillars.merge(
        pillars.full(), {"cluster": {"state_dir": str(tmp_path / "state")}, "services": off, "extra": []}
    )
    roots = [tmp_path / "roots"]
    minion = Minion(tmp_path / "minion", tree["cluster"]["admin"], pillar={"k8s": tree}, file_roots=roots)
    states = minion.apply("k8s.services", test=test)
    skipped = {name: state for name, state in states.items() if name.endswith("-absent")}
    assert {f"k8s-{name}-absent" for name in off} <= {*skipped}
    assert {state["result"] for state in skipped.values()} == {True}
    assert all("skipped, because k8s-cluster-usable failed" in state["comment"] for state in skipped.values())
    assert [name for name, state in skipped.items() if state["changes"]] == []
    rows = [line.split() for line in states["k8s-services-summary"]["comment"].splitlines()]
    assert {row[1] for row in rows if len(row) > 1 and row[0] in off} == {"off"}
