"""The snapshot before a run, by the real ``rke``: what it takes, and how it fails when no etcd node answers."""

from __future__ import annotations

import re

import pytest
from saltk8s.base import errors
from saltk8s.engine import running, state_folder
from saltk8s.engine.rke import cluster_yml
from saltk8s.engine.rke.running import snapshot
from tests.support import fault_matrix
from tests.support import rke as sample
from tests.support.ssh_nodes import free_port


@pytest.fixture
def config(tmp_path):
    """A ``cluster.yml`` of nodes whose port refuses, and the state beside it."""
    over = {"nodes": sample.three_nodes(), "cluster": {"ssh": {"port": free_port()}}}
    for number, node in enumerate(over["nodes"].values(), 1):
        node["ip"] = f"127.0.2.{number}"
    model = sample.model(over, str(tmp_path))
    path = tmp_path / "cluster.yml"
    path.write_text(cluster_yml.text(cluster_yml.build(model)))
    (tmp_path / "ssh_key").write_text("")
    (tmp_path / "cluster.rkestate").write_text("{}")
    return path


@pytest.mark.parametrize("any_docker", [True, False])
def test_it_is_asked_as_rke_understands_it_and_a_failure_is_explained(config, binaries, any_docker):
    before, lines = {path.name for path in config.parent.iterdir()}, []
    snapshots = snapshot.Snapshots(str(binaries["rke"]), str(config), any_docker, lines.append)
    with pytest.raises(errors.CommandError) as failed:
        snapshots.take()
    text = str(failed.value)
    assert text.startswith("rke's snapshot of etcd before the run failed (exit status 1), so nothing was changed")
    assert "Cluster must have at least one etcd plane host" in text and "host [127.0.2.1]" in text
    assert "Starting saving snapshot on etcd hosts" in [line.message for line in lines]
    assert {path.name for path in config.parent.iterdir()} - {state_folder.SNAPSHOT_RUNS} == before
    assert (config.parent / "cluster.rkestate").read_text() == "{}"
    said = snapshots.take(needed=False)
    assert said.startswith("no snapshot of etcd before the run (exit status 1): ") and "\n" not in said


def test_rke_goes_on_with_it_when_its_caller_is_killed(config, binaries, tmp_path):
    """A pipe without a reader ends rke at its next line; here it comes to its own end, which is found."""
    snapshots = snapshot.Snapshots(str(binaries["rke"]), str(config), True, lambda line: None)
    caller = fault_matrix.Caller(None, lambda _: snapshots.take(called="two"))
    run = fault_matrix.until(lambda: running.last(tmp_path / state_folder.SNAPSHOT_RUNS))
    caller.kill()
    fault_matrix.until(lambda: not run.alive)
    assert run.exit_status == 1 and "Starting saving snapshot on etcd hosts" in run.log.read_text()
    assert snapshots.follow() == [] and snapshots.untold("two") is False and snapshots.untold("one") is None


def test_its_name_is_one_that_rke_tools_removes_with_the_periodic_ones():
    """The time that rke-tools reads comes before the first underscore; in a bucket ``_etcd`` is at the end."""
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ_[a-z-]+_etcd", snapshot.name())
