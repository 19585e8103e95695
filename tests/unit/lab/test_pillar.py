"""The machines of the lab: its profiles, and the file that an operator of the lab edits."""

from __future__ import annotations

import pytest
import yaml
from labkit import config, keys, pillar


@pytest.mark.parametrize("profile", config.PROFILES)
def test_a_profile_is_a_valid_pillar_of_its_machines(cache, profile):
    names = config.PROFILES[profile]
    text = pillar.nodes_text(names)
    nodes = yaml.safe_load(text)["k8s"]["nodes"]
    assert list(nodes) == list(names)
    assert {node["address"] for node in nodes.values()} == {f"{config.MACHINES[name]}/24" for name in names}
    members = [name for name, node in nodes.items() if node["roles"] == ["controlplane", "etcd"]]
    assert len(members) % 2 == 1 and any(node["roles"] == ["worker"] for node in nodes.values())


def test_the_running_labs_machines_are_those_of_its_file(cache):
    assert pillar.nodes() == {}
    keys.write_private(
        pillar.nodes_file(), pillar.nodes_text(("k8s-cp1", "k8s-w3")) + "  cluster: {allow_removal: []}\n"
    )
    assert pillar.nodes() == {"k8s-cp1": "172.31.50.11", "k8s-w3": "172.31.50.23"}
