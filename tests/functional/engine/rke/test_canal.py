"""Canal's pods after a change of the network's options: what the engine asks of kubectl, which is a stand-in here.

That pods and nodes then have the other network is tested in tests/e2e/test_canal.py.
"""

from __future__ import annotations

import json

import pytest
from saltk8s.base import errors
from saltk8s.engine.rke import canal, cluster_yml
from tests.support import fake_rke


@pytest.fixture(autouse=True)
def pods(site):
    """The pods of kube-system, of which one is Canal's."""
    owned = {"canal-1": "canal", "coredns-1": "coredns-1"}
    items = [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "ownerReferences": [{"name": owner}]},
            "spec": {"nodeName": "cp1"},
        }
        for name, owner in owned.items()
    ]
    (site.fake / "pods.json").write_text(json.dumps({"kind": "List", "items": items}))


def options(site, **network):
    """What Canal's pods start with for these options of the pillar."""
    return json.dumps(canal.options(cluster_yml.build(site.engine(network=network).model)), sort_keys=True)


def started_with(site, text):
    """Let the DaemonSet carry the annotation of an earlier run."""

    def change(item):
        return {"metadata": {"annotations": {canal.RUNS_WITH: text}}} if item["metadata"]["name"] == "canal" else {}

    site.healthy(change=change)


def asked(site, word):
    """The calls of kubectl with a word in them."""
    return [call for call in fake_rke.calls(site.fake) if call.startswith("kubectl") and f" {word} " in call]


def test_a_new_cluster_notes_the_options_and_restarts_nothing(site):
    site.engine().up()
    assert asked(site, "rollout") == []
    assert len(asked(site, "annotate")) == 1


def test_an_unchanged_run_asks_for_nothing(site):
    site.engine().up()
    before = fake_rke.calls(site.fake)
    site.engine().up()
    assert not [call for call in fake_rke.calls(site.fake)[len(before) :] if "annotate" in call or "rollout" in call]


@pytest.mark.parametrize(
    "network",
    [{"mtu": 1400}, {"interface": "eth0"}, {"backend": "host-gw"}, {"encryption": "wireguard", "mtu": None}],
    ids=lambda network: next(iter(network)),
)
@pytest.mark.parametrize("noted", [True, False], ids=["noted", "of an earlier release"])
def test_a_changed_option_restarts_the_pods_once(site, network, noted):
    site.engine().up()
    if noted:
        started_with(site, options(site))
    site.engine(network=network).up()
    assert len(asked(site, "restart")) == 1
    assert [call.split()[2] for call in asked(site, "exec")] == ["canal-1"]
    assert options(site, **network) in asked(site, "annotate")[-1]
    started_with(site, options(site, **network))
    site.engine(network=network).up()
    assert len(asked(site, "restart")) == 1


def test_another_change_restarts_nothing(site):
    site.engine().up()
    started_with(site, options(site))
    site.engine(audit_log={"keep_days": 44}).up()
    assert len(fake_rke.ups(site.fake)) == 2
    assert asked(site, "rollout") == []


def test_an_interrupted_restart_begins_again_at_the_next_run(site):
    site.engine().up()
    started_with(site, options(site))
    lost = (site.fake / "pods.json").rename(site.fake / "lost")  # the API server is lost after the restart
    with pytest.raises(errors.Unreachable):
        site.engine(network={"mtu": 1400}).up()
    lost.rename(site.fake / "pods.json")
    site.engine(network={"mtu": 1400}).up()
    assert len(asked(site, "restart")) == 2
    assert options(site, mtu=1400) in asked(site, "annotate")[-1]


@pytest.mark.parametrize(
    ("backend", "devices"),
    [("vxlan", ["flannel-wg"]), ("wireguard", ["flannel.1"]), ("host-gw", ["flannel.1", "flannel-wg"])],
)
def test_devices_of_other_backends_are_removed(backend, devices):
    assert canal.stale(backend) == devices
