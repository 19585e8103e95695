"""Snapshots of a real etcd, restored into a scratch etcd over real SSH; ``docker`` on the nodes is a stand-in."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import zipfile
from types import SimpleNamespace

import pytest
import yaml
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from saltk8s.base import errors
from saltk8s.engine import registry
from saltk8s.engine.base import Hooks
from saltk8s.engine.rke import cluster_yml, node
from tests.support import rke as sample
from tests.support import rke_state, scratch_docker
from tests.support.etcd_members import Members
from tests.support.ssh_nodes import Nodes

KEY = {"key-one": b"0123456789ABCDEF0123456789ABCDEF"}
LOST = {"key-old": b"FEDCBA9876543210FEDCBA9876543210"}


def encryption(keys):
    """rke's file for the API servers."""
    entries = [{"name": name, "secret": base64.b64encode(key).decode()} for name, key in keys.items()]
    resources = [{"resources": ["secrets"], "providers": [{"aescbc": {"keys": entries}}, {"identity": {}}]}]
    return yaml.safe_dump({"apiVersion": "v1", "kind": "EncryptionConfiguration", "resources": resources})


def encrypted(name, key, text):
    """What the API server writes."""
    iv, pad = os.urandom(16), 16 - len(text) % 16
    cipher = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    return b"k8s:enc:aescbc:v1:%b:" % name.encode() + iv + cipher.update(text + bytes([pad]) * pad) + cipher.finalize()


class World(SimpleNamespace):
    """An admin, one etcd node with a real etcd, and its snapshots."""

    def put(self, key, value):
        """Write a value of any bytes."""
        argv = [str(self.binaries["etcdctl"]), f"--endpoints={self.members.url(1)}", "put", key]
        subprocess.run(argv, input=value, check=True, capture_output=True)

    def take(self, name, state=None):
        """Take a snapshot as rke-tools does."""
        raw = self.folder / "raw"
        raw.unlink(missing_ok=True)
        self.members.ctl("snapshot", "save", str(raw))
        with zipfile.ZipFile(self.archive(name), "w", zipfile.ZIP_DEFLATED) as packed:
            packed.write(raw, f"backup/{name}")
            if state:
                packed.writestr(f"backup/{name}.rkestate", state)

    def archive(self, name):
        return self.nodes.place(1) / "snapshots" / f"{name}.zip"

    def state(self, keys):
        return json.dumps(rke_state.rkestate(self.config, encryption=encryption(keys)))

    def upkeep(self):
        return registry.upkeep(self.model, Hooks(event=lambda *event: self.sent.append(event)))

    def clean(self):
        """Whether nothing stayed, on the node and here."""
        return not scratch_docker.left(self.nodes.place(1)) and not list((self.folder / "state").glob("snapshot-*/"))


@pytest.fixture(scope="module")
def world(tmp_path_factory, binaries):
    folder = tmp_path_factory.mktemp("snapshots")
    with Nodes(folder) as nodes:
        nodes.start(1, dict.fromkeys(node.expected(["controlplane", "etcd"]), "Up 2 hours"))
        scratch_docker.install(nodes.place(1), binaries)
        over = {"nodes": {"cp1": {"roles": ["controlplane", "etcd", "worker"], "ip": nodes.address(1)}}}
        model = sample.model({**over, "cluster": {"ssh": {"port": nodes.port}}}, str(folder / "state"))
        (folder / "state").mkdir(mode=0o700)
        shutil.copy(nodes.key, model["paths"]["ssh_key"])
        with Members(folder, binaries, nodes, 1) as members:
            config = cluster_yml.build(model)
            found = World(folder=folder, nodes=nodes, members=members, binaries=binaries, model=model, config=config)
            found.sent = []
            (folder / "state" / "cluster.rkestate").write_text(found.state(KEY))
            found.put("/registry/namespaces/kube-system", b"k8s\0\n\x0f\n\x02v1\x12\tNamespace")
            for number in range(30):
                secret = encrypted("key-one", KEY["key-one"], b"k8s\0\n\x0c\n\x02v1\x12\x06Secret CANARY-%d" % number)
                found.put(f"/registry/secrets/shop/s{number}", secret)
            found.take("2026-11-29T06:00:00Z_etcd")
            found.take("by-hand", found.state(KEY))
            yield found


def test_they_are_listed_and_the_newest_is_restored_and_read(world):
    os.utime(world.archive("by-hand"), (1, 1))
    rows = world.upkeep().snapshots()
    assert [row["name"] for row in rows] == ["2026-11-29T06:00:00Z_etcd", "by-hand"]
    assert rows[1]["taken"] == "1970-01-01T00:00:01Z" and rows[0]["nodes"]["cp1"] > 1000
    killed = world.folder / "state" / "snapshot-scratch-of-a-check-that-was-killed"
    killed.mkdir()
    (killed / "snapshot.db").touch()
    found = world.upkeep().verify_snapshot()
    assert found["name"] == "2026-11-29T06:00:00Z_etcd" and found["node"] == "cp1"
    assert (found["keys"], found["objects"]["secrets"], found["objects"]["namespaces"]) == (31, 30, 1)
    assert found["revision"] >= 32 and found["hash"] > 0
    assert found["secrets"] == "20 read: with the key key-one" and found["state"].startswith("not in it")
    assert "CANARY" not in json.dumps(found) + json.dumps(world.sent)
    assert world.clean()
    assert world.upkeep().verify_snapshot("by-hand", "cp1")["state"].startswith("in it: Kubernetes v1.")
    kept = json.loads((world.folder / "state" / "snapshot-check.json").read_text())
    assert kept["ok"] and kept["name"] == "by-hand" and kept["keys"] == 31
    live = json.loads(world.members.ctl("endpoint", "hashkv", "-w", "json"))[0]["HashKV"]["hash"]
    assert live == found["hash"], "the live etcd was not touched, and the copy has all of it"


def test_a_damaged_archive_is_told_as_such(world):
    whole = world.archive("2026-11-29T06:00:00Z_etcd").read_bytes()
    world.archive("damaged").write_bytes(whole[: len(whole) // 2])
    words = "the archive is damaged or cut off"
    with pytest.raises(errors.Invalid, match=f"the snapshot damaged on cp1 cannot be restored: {words}"):
        world.upkeep().verify_snapshot("damaged")
    kept = json.loads((world.folder / "state" / "snapshot-check.json").read_text())
    assert not kept["ok"] and words in kept["problem"] and kept["succeeded"]
    assert world.clean()
    world.archive("damaged").unlink()


def repacked(world, name, change, state=None):
    """The same archive with another database in it."""
    with zipfile.ZipFile(world.archive("2026-11-29T06:00:00Z_etcd")) as old:
        data = change(old.read(old.namelist()[0]))
    with zipfile.ZipFile(world.archive(name), "w") as packed:
        packed.writestr(f"backup/{name}", data)
        if state is not None:
            packed.writestr(f"backup/{name}.rkestate", state)


def test_what_etcd_itself_does_not_take_is_told_in_its_words(world):
    page = b"\0" * 4096
    repacked(world, "damaged", lambda raw: page + hashlib.sha256(page).digest())
    with pytest.raises(errors.Invalid, match="it cannot be restored: panic: failed to open database"):
        world.upkeep().verify_snapshot("damaged")
    assert world.clean()
    world.archive("damaged").unlink()


def test_secrets_whose_key_is_lost_are_told(world):
    repacked(world, "lost", lambda raw: raw, world.state(LOST))
    with pytest.raises(errors.Invalid, match="encrypted with the key key-one, which the state in the archive"):
        world.upkeep().verify_snapshot("lost")
    world.archive("lost").unlink()
    assert world.clean()


def test_what_is_not_there_is_refused_with_what_is(world):
    with pytest.raises(errors.Refused, match="there is no snapshot nope on any etcd node; there is: .*by-hand"):
        world.upkeep().verify_snapshot("nope")
