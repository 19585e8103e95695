"""``cluster.rkestate``: what is read of it, what is never, and that no damage gets through."""

from __future__ import annotations

import hashlib
import json

import pytest
from labkit import versions
from saltk8s.base import errors
from saltk8s.engine.rke import cluster_yml, rkestate
from tests.support import damage, pillars, rke_state
from tests.support import rke as sample

REGISTRY = {"url": "r", "username": "u", "password": "CANARY-P"}


@pytest.fixture(scope="module")
def state():
    """A state of three nodes, with all that is read."""
    config = cluster_yml.build(sample.model({"nodes": sample.three_nodes(), "registry": REGISTRY}))
    made = rke_state.rkestate(config)
    s3 = {"accessKey": "CANARY-A", "secretKey": "CANARY-S", "endpoint": "s3"}
    for part in made.values():
        part["rkeConfig"]["services"]["etcd"] = {"backupConfig": {"s3BackupConfig": s3}}
        part["rkeConfig"]["nodes"][1]["taints"] = [{"key": "a", "value": "b", "effect": "NoSchedule"}]
    return made


@pytest.mark.parametrize("text", [*damage.KINDS, '{"desiredState": {}}', '{"desiredState": {"rkeConfig": {}}}'])
def test_another_kind_of_json_is_never_a_new_cluster(text):
    with pytest.raises(rkestate.Damaged, match=r"x\.rkestate cannot be used: .*nothing was run"):
        rkestate.parse(text, "x.rkestate")
    assert not rkestate.usable(text)


def test_a_state_that_is_cut_off_anywhere_is_damaged(state):
    text = json.dumps(state, indent=2)  # as rke writes it
    assert rkestate.usable(text)
    assert [cut for cut in damage.cut_off(text) if rkestate.usable(cut)] == []
    assert [more[len(text) :] for more in damage.longer(text) if rkestate.usable(more)] == []


def test_a_value_of_another_type_is_damage_or_does_not_matter(state):
    """Never another error than ours; and what passes is still the same cluster, or one with another option."""
    whole, passed = rkestate.parse(json.dumps(state)), 0
    for path, other, text in damage.retyped(state):
        try:
            found = rkestate.parse(text)
        except rkestate.Damaged as err:
            assert "CANARY" not in str(err)
            continue
        passed += 1
        assert "CANARY" not in json.dumps(found)
        if path[0] == "currentState" and not found["running"]:
            assert path[1:] in ((), ("rkeConfig",)) and not other, "only without a configuration nothing was deployed"
        if "certificatesBundle" not in path and found["running"]:
            assert found["ca"] == whole["ca"]
    assert passed


@pytest.mark.parametrize("part", ["desiredState", "currentState"])
@pytest.mark.parametrize("key", ["certificatePEM", "keyPEM"])
@pytest.mark.parametrize(
    "value", ["", "text", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", None, 1]
)
def test_a_state_without_the_ca_is_damaged(state, part, key, value):
    broken = pillars.merge(state, {part: {"certificatesBundle": {"kube-ca": {key: value}}}})
    usable = rkestate.usable(json.dumps(broken))
    assert usable is (key == "keyPEM" and bool(value) and isinstance(value, str)), "what a key is worth, rke knows"


def test_numbers_that_go_does_not_read(state):
    """Python reads them, rke does not: it would take the file for that of a new cluster."""
    for word in ("NaN", "Infinity", "-Infinity"):
        text = json.dumps(state)[:-1] + f', "more": {word}}}'
        with pytest.raises(rkestate.Damaged, match=f"not valid JSON .*{word}"):
            rkestate.parse(text)


def test_files_that_are_none(tmp_path, state):
    path = tmp_path / "cluster.rkestate"
    assert rkestate.load(path) is None
    path.write_bytes(b"\xff\xfe" + json.dumps(state).encode())
    with pytest.raises(rkestate.Damaged, match="it is not text"):
        rkestate.load(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(errors.Refused, match="it cannot be read"):
        rkestate.load(path)


def test_state_has_no_keys_and_no_password(state):
    found = rkestate.parse(json.dumps(state))
    assert "CANARY" not in json.dumps(found)
    assert found["running"]
    assert found["version"] == versions.CLUSTER
    assert found["nodes"]["w1"]["roles"] == ["worker"]
    assert found["nodes"]["w1"]["taints"] == ["a=b:NoSchedule"]
    assert found["desired"] == {"cp1": "10.20.0.1", "w1": "10.20.0.2", "w2": "10.20.0.3"}


def test_what_identifies_the_cluster_is_what_lies_on_the_nodes(state):
    """The CA's file is written as it is, the key's with a newline more."""
    found = rkestate.parse(json.dumps(state))
    assert hashlib.sha256(rke_state.authority().encode()).hexdigest() in found["ca"]
    assert hashlib.sha256(b"key: one\n").hexdigest() in found["encryption"]
    rotating = pillars.merge(state, {"desiredState": {"encryptionConfig": "key: two"}})
    assert set(rkestate.parse(json.dumps(rotating))["encryption"]) > set(found["encryption"])


def test_a_later_run_is_known_by_the_administrators_certificate():
    config = cluster_yml.build(sample.model({"nodes": sample.three_nodes()}))
    old, new = (rkestate.parse(json.dumps(rke_state.rkestate(config, days=days))) for days in (3650, 3651))
    assert old["issued"] < new["issued"]
    assert old["certificates"] == new["certificates"], "it is the only one that every run makes"
    bare = rke_state.rkestate(config)
    del bare["currentState"]["certificatesBundle"]["kube-admin"]
    assert rkestate.parse(json.dumps(bare))["issued"] is None


def test_a_node_of_a_state_made_by_hand_has_its_address_as_name(state):
    changed = json.loads(json.dumps(state))
    del changed["currentState"]["rkeConfig"]["nodes"][0]["hostnameOverride"]
    assert "10.20.0.1" in rkestate.parse(json.dumps(changed))["nodes"]
