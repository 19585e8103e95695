"""``cluster.rkestate``: what is read of it, and what is never."""

from __future__ import annotations

import json

import pytest
from labkit import versions
from saltk8s.base import errors
from saltk8s.engine.rke import cluster_yml, rkestate
from tests.support import rke as sample


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"desiredState": {}}', '{"desiredState": {"rkeConfig": {}}}'])
def test_a_damaged_state_is_never_a_new_cluster(text):
    with pytest.raises(errors.Refused, match=r"x\.rkestate cannot be used.*backups"):
        rkestate.parse(text, "x.rkestate")


def test_state_has_no_keys_and_no_password():
    config = cluster_yml.build(
        sample.model({"nodes": sample.three_nodes(), "registry": {"url": "r", "username": "u", "password": "CANARY-P"}})
    )
    found = rkestate.parse(json.dumps(sample.rkestate(config)))
    assert "CANARY" not in json.dumps(found)
    assert found["running"]
    assert found["version"] == versions.CLUSTER
    assert found["nodes"]["w1"]["roles"] == ["worker"]
    assert rkestate.parse(None) is None
