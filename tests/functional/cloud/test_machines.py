"""The VMs that are missing are created, by the real salt-cloud in a simulated vCenter; others stay as they are."""

from __future__ import annotations

import pytest
from labkit.owngo import build_own
from tests.support import cloud
from tests.support.salt import changed, failed


@pytest.fixture
def site(loaders, tmp_path, monkeypatch):
    """A site that needs no SSH: called with the names of its VMs, it returns its minion."""
    with cloud.vcenter(build_own("vcsim"), tmp_path) as server:
        config = cloud.Cloud(tmp_path / "etc" / "salt", tmp_path / "root")

        def minion(*vms, **provider):
            pillar = cloud.pillar(server, config.config_dir)
            pillar["cloud"]["provider"] |= provider
            nodes = pillar["nodes"]
            pillar["nodes"] = {name: nodes[name] for name in ("k8s-cp1", *vms)}
            return loaders(pillar={"k8s": pillar})

        yield minion


def test_what_is_missing_is_created_and_nothing_else(site):
    first = site("k8s-w1")
    foreseen = first.apply("k8s.cloud.machines", test=True)
    assert not failed(foreseen)
    done = first.apply("k8s.cloud.machines")
    assert not failed(done)
    assert set(first.call("k8s_cloud.create", test=True)["lines"]) == {"every VM of the map exists"}
    assert not changed(first.apply("k8s.cloud.machines"))

    second = site("k8s-w1", "k8s-w2")
    second.apply("k8s.cloud")
    foreseen = second.call("k8s_cloud.create", test=True)
    assert foreseen["changes"] == {"k8s-w2": {"old": None, "new": "osug-worker"}}
    assert second.call("k8s_cloud.create", test=True) == foreseen, "test mode created it"
    assert second.call("k8s_cloud.create")["changes"] == foreseen["changes"]
    assert second.call("k8s_cloud.create") == {"changes": {}, "lines": ["every VM of the map exists"]}


def test_without_its_configuration_and_with_a_refused_login(site):
    with pytest.raises(Exception, match="apply k8s.cloud first"):
        site("k8s-w1").call("k8s_cloud.create")
    wrong = site("k8s-w1", password="wrong-canary")
    wrong.apply("k8s.cloud")
    with pytest.raises(Exception, match="salt-cloud") as caught:
        wrong.call("k8s_cloud.create")
    assert "wrong-canary" not in str(caught.value)
