"""The VM of a node that left is destroyed in a vCenter's simulator: only one that was created for us, by its name."""

from __future__ import annotations

import json

import pytest
from saltk8s.cloud.vcenter import Vcenter
from tests.functional.cloud.test_resize import Site
from tests.support import cloud

NODE = "k8s-w1"


@pytest.fixture
def site(loaders, server, tmp_path):
    """Two workers' VMs; the pillar does not declare one of them any more."""
    made = Site(loaders, server, tmp_path / "etc")
    del made.minion.pillar["k8s"]["nodes"][NODE]
    return made


def test_it_is_destroyed_once_by_its_typed_name(site, monkeypatch):
    file = site.records / f"{NODE}.json"
    record = json.loads(file.read_text())
    other = json.loads((site.records / "k8s-w2.json").read_text())["instance_uuid"]

    def refused(words, name=NODE, typed=NODE):
        answer = site.minion.state("k8s_cloud.destroyed", name, typed=typed)
        assert answer["result"] is False and words in answer["comment"] and answer["changes"] == {}, answer
        assert NODE in cloud.machines(site.server)

    refused("'k8s-w2' is not the name of the node", typed="k8s-w2")
    refused("k8s-w2 is declared", name="k8s-w2", typed="k8s-w2")
    file.write_text(json.dumps(record | {"by": "adopted"}))
    refused("existed before (adopted)")
    file.write_text(json.dumps(record | {"instance_uuid": other}))
    refused("is named k8s-w2")
    file.write_text(json.dumps(record))
    with monkeypatch.context() as patch:
        patch.setattr(Vcenter, "volumes", lambda *_: ["[SAN1] fcd/data.vmdk"])
        refused("volumes of Kubernetes are attached to the VM of k8s-w1 and would be destroyed with it: [SAN1] fcd")

    would = site.minion.state("k8s_cloud.destroyed", NODE, test=True, typed=NODE)
    assert would["result"] is None and NODE in cloud.machines(site.server), would
    did = site.minion.state("k8s_cloud.destroyed", NODE, typed=NODE)
    assert did["result"] is True and did["changes"] == would["changes"], did
    assert did["changes"] == {f"VM {NODE}": {"old": record["instance_uuid"], "new": None}}
    left = cloud.machines(site.server)
    assert NODE not in left and "k8s-w2" in left and not file.exists()
    again = site.minion.state("k8s_cloud.destroyed", NODE, typed=NODE)
    assert (again["result"], again["changes"]) == (True, {}) and "no VM is recorded" in again["comment"]

    file.write_text(json.dumps(record))  # interrupted after the VM was destroyed
    assert site.minion.state("k8s_cloud.destroyed", NODE, typed=NODE)["result"] is True
    assert not file.exists()
