"""What rendering manifests costs: the counts of an unchanged run."""

from __future__ import annotations

from collections import Counter

import pytest
import salt.fileserver
from tests.support import everything
from tests.support.salt import Minion

ADMIN = "k8s-admin.osug.example"


@pytest.fixture(scope="module")
def admin(tmp_path_factory):
    """The admin of a platform with everything."""
    return Minion(tmp_path_factory.mktemp("minion"), ADMIN, pillar={"k8s": everything.tree()})


@pytest.fixture
def asked(monkeypatch) -> Counter:
    """How often the file server is asked for each file or folder."""
    found: Counter = Counter()
    send = salt.fileserver.FSChan.send

    def sent(self, load, *args, **kwargs):
        if load["cmd"] in ("_file_hash", "_file_list"):
            found[load["cmd"], load.get("path") or load.get("prefix")] += 1
        return send(self, load, *args, **kwargs)

    monkeypatch.setattr(salt.fileserver.FSChan, "send", sent)
    return found


@pytest.mark.parametrize("service", ["metallb", "prometheus"])
def test_templates_are_compiled_in_the_first_run_only(admin, compiles, service):
    source = f"salt://k8s/{service}/manifests"
    first = admin.call("kubectl.render_manifests", source)
    assert len(compiles) > 8
    compiles.clear()
    assert admin.call("kubectl.render_manifests", source) == first
    assert compiles == ["{{ saltk8s_each() }}"]


def test_a_file_that_several_manifests_show_is_read_once(admin, asked):
    admin.call("kubectl.render_manifests", "salt://k8s/prometheus/manifests")
    assert ("_file_hash", "k8s/prometheus/rules/nodes.yaml") in asked
    assert [what for what, times in asked.items() if times > 1] == []


def test_the_next_rendering_reads_again(admin, asked):
    for _ in range(2):
        admin.call("kubectl.render_manifests", "salt://k8s/prometheus/manifests")
    assert asked["_file_hash", "k8s/prometheus/rules/nodes.yaml"] == 2
    admin.call("k8s_monitoring.rules")
    assert asked["_file_hash", "k8s/prometheus/rules/nodes.yaml"] == 3
