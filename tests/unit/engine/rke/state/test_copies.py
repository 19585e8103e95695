"""Copies of the state: the newest good one, and what a message says of it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
import time
from pathlib import Path

import pytest
from saltk8s.base import errors
from saltk8s.engine import running, state_folder
from saltk8s.engine.rke import cluster_yml, rkestate
from saltk8s.engine.rke.state import copies
from tests.support import rke as sample
from tests.support import rke_state


@pytest.fixture
def site(tmp_path):
    """A state folder: (paths, a function that adds a copy with a text, a function that gives a state's text)."""
    paths = sample.model(state_dir=str(tmp_path))["paths"]
    folder = tmp_path / "backups"
    folder.mkdir()
    config = cluster_yml.build(sample.model({"nodes": sample.three_nodes()}))
    number = iter(range(10, 99))

    def add(text: str, moment: str = "after") -> str:
        path = folder / f"cluster.rkestate.2026-11-{next(number)}.{moment}"
        path.write_text(text)
        return path.name

    return paths, add, lambda **what: json.dumps(rke_state.rkestate(config, **what))


def test_without_copies_the_message_leads_to_the_secret(site):
    paths, _, _ = site
    assert copies.newest(paths) is None
    assert "from the Secret full-cluster-state" in copies.way_out(paths)


def test_the_newest_good_one_is_named(site):
    paths, add, state = site
    add(state())
    good = add(state())
    add(state(running=False), "failed")
    add(state()[:-1], "failed")
    add("", "before")
    text = copies.way_out(paths)
    assert f"The newest good copy is {good} (Kubernetes v1.32.6-rancher1-1, 3 nodes)" in text
    assert f"cp {paths['backups']}/{good} {paths['state_file']}" in text


def test_one_with_keys_only_is_better_than_none(site):
    paths, add, state = site
    keys = add(state(running=False), "failed")
    assert f"{keys} (keys, not deployed yet)" in copies.way_out(paths)


def test_what_is_wanted_decides(site):
    paths, add, state = site
    ours = add(state())
    add(state(ca=rke_state.authority("other")))
    found = copies.newest(paths, lambda copy: "cp1" in copy["nodes"] and copy["ca"] == _ca(paths, ours))
    assert found and found[0].name == ours
    assert copies.newest(paths, lambda copy: False) is None


def _ca(paths, name):
    found = rkestate.load(f"{paths['backups']}/{name}")
    return found["ca"]


def test_a_damaged_state_leads_to_it(site):
    paths, add, state = site
    assert copies.read(paths) is None
    good = add(state())
    Path(paths["state_file"]).write_text(state()[:500])
    with pytest.raises(errors.Refused, match=f"(?s)cannot be used: it is not valid JSON.*nothing was run.*{good}"):
        copies.read(paths)
    name = [path.name for path in state_folder.backups(paths["backups"], "cluster.rkestate")]
    assert name == [good], "nothing was copied"


@pytest.fixture
def run(site, tmp_path):
    """A run of ``rke`` that goes on until the test ends."""
    started = running.start([str(shutil.which("sleep")), "60"], tmp_path / state_folder.RUNS, str(tmp_path))
    while not running.last(tmp_path / state_folder.RUNS).alive:  # its shell notes its number
        time.sleep(0.01)
    yield started
    os.killpg(started.leader.pid, signal.SIGKILL)


def test_a_state_that_rke_is_writing_is_read_when_it_is_whole(site, run):
    paths, _, state = site
    path = Path(paths["state_file"])
    path.write_text("")
    writer = threading.Timer(0.3, path.write_text, [state()])
    writer.start()
    found = copies.read(paths)
    writer.join()
    assert found and found["running"]


def test_a_state_that_stays_damaged_while_rke_runs_is_not_to_be_replaced(site, run, monkeypatch):
    paths, add, state = site
    add(state())
    Path(paths["state_file"]).write_text(state()[:500])
    monkeypatch.setattr(copies, "WRITING_S", 0.1)
    with pytest.raises(errors.Refused, match="(?s)not valid JSON.*while rke runs.*wait for its end") as raised:
        copies.read(paths)
    assert "cp " not in str(raised.value)
