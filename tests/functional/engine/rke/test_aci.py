"""The real rke takes what the pillar makes of ``plugin: aci``; what it needs, the pillar's schema needs, too."""

from __future__ import annotations

import subprocess

import pytest
from saltk8s.engine.rke import cluster_yml
from tests.support import takeover


@pytest.fixture
def config():
    return cluster_yml.build(takeover.complete(takeover.fabric()))


def init(binaries, folder, config):
    """``rke up --init``: it checks the file, makes keys, and reaches no node."""
    path = folder / "cluster.yml"
    path.write_text(cluster_yml.text(config))
    return subprocess.run(
        [binaries["rke"], "up", "--init", "--config", path], capture_output=True, text=True, check=False
    )


def test_rke_takes_it(binaries, tmp_path, config):
    done = init(binaries, tmp_path, config)
    assert done.returncode == 0, done.stdout
    assert "Deployed state file" in done.stdout


@pytest.mark.parametrize("missing", ["aep", "apic_hosts"])
def test_rke_needs_each(binaries, tmp_path, config, missing):
    del config["network"]["aci_network_provider"][missing]
    done = init(binaries, tmp_path, config)
    assert done.returncode != 0
    assert "is not provided" in done.stdout
