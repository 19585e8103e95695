"""What the real ``rke`` does with the state when it rotates keys and reaches no node: the reason for several guards."""

from __future__ import annotations

import json

import pytest
from saltk8s.base import errors
from saltk8s.engine.rke import cluster_yml
from saltk8s.engine.rke.program import Program
from saltk8s.engine.rke.upkeep import certificates, encryption, restoring, rotation
from tests.support import rke as sample
from tests.support.ssh_nodes import free_port

NODES = {"cp1": {"roles": ["controlplane", "etcd"]}}


@pytest.fixture
def folder(tmp_path, binaries):
    """A cluster whose nodes refuse SSH, with the keys that rke made."""
    over = {"nodes": sample.three_nodes(), "cluster": {"ssh": {"port": free_port()}}}
    for number, node in enumerate(over["nodes"].values(), 1):
        node["ip"] = f"127.0.2.{number}"
    path = tmp_path / "cluster.yml"
    path.write_text(cluster_yml.text(cluster_yml.build(sample.model(over, str(tmp_path)))))
    (tmp_path / "ssh_key").write_text("")
    Program(str(binaries["rke"])).run(["up", "--init", "--config", str(path)], 120, lambda line: None)
    made = json.loads((tmp_path / "cluster.rkestate").read_text())
    (tmp_path / "cluster.rkestate").write_text(json.dumps({**made, "currentState": made["desiredState"]}))
    return tmp_path


def test_its_words_are_understood_and_a_new_ca_is_in_both_states_before_a_node_has_it(folder, binaries):
    program, path = Program(str(binaries["rke"])), folder / "cluster.rkestate"
    keys = encryption.keys_of(path.read_text())
    assert len(keys) == 1
    operations = [
        rotation.operation(True, NODES, path.read_text()),
        encryption.operation(True, NODES, keys),
        restoring.operation("one", ["etcd"], "cp1", "state", "v1", 3),
    ]
    for one in operations:
        old = json.loads(path.read_text())
        with pytest.raises(errors.CommandError, match="at least one etcd plane host"):
            program.run([*one.words, "--config", str(folder / "cluster.yml")], 120, lambda line: None)
        new = json.loads(path.read_text())
        for part in ("desiredState", "currentState"):
            made = [state[part]["certificatesBundle"]["kube-ca"]["certificatePEM"] for state in (old, new)]
            assert (made[0] != made[1]) is (one is operations[0]), "only the copy from before has the nodes' CA now"
    assert encryption.keys_of(path.read_text()) == keys
    assert {"kube-ca", "kube-apiserver", "kube-admin"} <= {row.name for row in certificates.of_state(path.read_text())}
