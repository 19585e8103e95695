"""Operations on keys and data: confirmed, gated, gone on with. Real SSH, files and locks; ``rke`` is a stand-in."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest
from saltk8s.base import errors
from saltk8s.engine import registry
from saltk8s.engine.base import Hooks
from saltk8s.engine.rke.upkeep import encryption
from tests.support import fake_rke, rke_state

NO_WAIT = {"timeouts": {"ready_s": 0}}
TOMORROW = (datetime.now(timezone.utc) + timedelta(days=1)).strftime("%Y-%m-%d")


@pytest.fixture
def built(site):
    """A cluster, and what operates on it."""
    site.engine().up()
    site.upkeep = lambda **cluster: registry.upkeep(
        site.engine(**cluster).model, Hooks(event=lambda *e: site.sent.append(e))
    )
    return site


def ran(site, *words):
    """The calls of rke that begin so."""
    return [call for call in fake_rke.calls(site.fake) if call.startswith(" ".join(["rke", *words]))]


def ca(site):
    return json.loads((site.dir / "cluster.rkestate").read_text())["currentState"]["certificatesBundle"]["kube-ca"]


def test_certificates_are_rotated_when_confirmed_and_a_repeated_call_changes_nothing(built):
    old = ca(built)
    before = built.files()
    would = built.upkeep().rotate_certificates(test=True)
    assert "kube-apiserver" not in would["lines"][0] and "kube-admin" in would["lines"][0]
    with pytest.raises(errors.Refused, match="add confirm=osug to do it, or test=True"):
        built.upkeep().rotate_certificates(confirm="lab")
    assert {k: v for k, v in built.files().items() if k != "lock"} == {k: v for k, v in before.items() if k != "lock"}
    assert not ran(built, "cert")
    done = built.upkeep().rotate_certificates(confirm="osug")
    assert (
        done["changes"]["operation"]["new"] == "rotation of the certificates" and len(ran(built, "cert", "rotate")) == 1
    )
    assert len(ran(built, "etcd", "snapshot-save")) == 1 and "snapshot of etcd before the run" in done["lines"][-1]
    assert ca(built) == old and built.engine().up().changes == {}, "nothing is left to do"
    built.upkeep().rotate_certificates(authority=True, before=TOMORROW, confirm="osug")
    assert ca(built) != old and "--rotate-ca" in ran(built, "cert", "rotate")[-1]
    again = built.upkeep().rotate_certificates(authority=True, before="2026-01-01", confirm="osug")
    assert again == {"changes": {}, "lines": ["nothing to do: all certificates were made on 2026-01-01 or later"]}
    with pytest.raises(errors.Refused, match="is no day such as"):
        built.upkeep().rotate_certificates(before="soon", test=True)


def test_it_begins_only_when_the_cluster_is_healthy_and_as_declared(built):
    with pytest.raises(errors.Refused, match="(?s)is not what is declared; first apply k8s:.*audit_log"):
        built.upkeep(audit_log={"keep_days": 90}).rotate_certificates(confirm="osug")
    built.nodes.container(1, "kube-apiserver", "Exited (2) 3 minutes ago")
    with pytest.raises(errors.Refused, match="(?s)is not what is declared.*kube-apiserver on cp1 does not run"):
        built.upkeep().rotate_certificates(confirm="osug")
    assert not ran(built, "cert")
    (built.fake / "snapshot").write_text("etcd is not running on host")
    with pytest.raises(errors.NotReady, match="the rotation of the certificates succeeded, but the cluster is not"):
        built.upkeep(**NO_WAIT).rotate_certificates(confirm="osug", repair=True)  # certificates that have expired
    assert len(ran(built, "cert")) == 1


def test_what_did_not_end_is_gone_on_with_and_nothing_else_runs_meanwhile(built):
    built.mode("fail")
    with pytest.raises(errors.CommandError, match="rke cert failed"):
        built.upkeep().rotate_certificates(confirm="osug")
    built.mode("ok")
    for act in (built.engine().plan, built.engine().up, lambda: built.upkeep().rotate_encryption_key("osug")):
        with pytest.raises(errors.Refused, match="did not end.*run k8s_keys.rotate_certificates again"):
            act()
    built.nodes.container(1, "kube-apiserver", "Exited (2) 3 minutes ago")  # as an interruption leaves it
    assert built.upkeep().rotate_certificates(test=True)["lines"][0].startswith("goes on with the rotation")
    with pytest.raises(errors.NotReady):
        built.upkeep(**NO_WAIT).rotate_certificates(confirm="osug")
    built.nodes.container(1, "kube-apiserver", "Up 3 minutes")
    assert len(ran(built, "etcd", "snapshot-save")) == 1, "the one from its beginning"
    assert built.engine().up().changes == {}


def test_it_can_be_given_up_by_a_repair(built):
    built.mode("fail")
    with pytest.raises(errors.CommandError):
        built.upkeep().rotate_certificates(confirm="osug")
    built.mode("ok")
    assert built.engine().up(repair=True).ran
    assert built.engine().up().changes == {}


def test_every_certificate_is_read_and_no_key(built):
    pem = rke_state.authority("node")
    built.nodes.cluster(
        1, dict.fromkeys(("kubelet",), "Up 2 hours"), {"kube-ca.pem": pem, "kube-node-key.pem": "CANARY"}
    )
    found = built.upkeep().certificates()
    places = {(row["where"], row["name"]) for row in found["certificates"]}
    assert {("cp1", "kube-ca.pem"), ("state", "kube-ca"), ("state", "kube-admin")} <= places
    assert all(3640 < row["days"] <= 3650 for row in found["certificates"]) and "CANARY" not in str(found)
    built.nodes.stop(built.nodes.address(2))
    assert built.upkeep().certificates()["problems"][0].startswith("w1: 127.0.1.2: ")


def test_the_encryption_key_is_rotated_and_a_snapshot_that_has_it_is_taken(built, monkeypatch):
    would = built.upkeep().rotate_encryption_key(test=True)
    assert would["lines"][0] == "a new key instead of key-one; every Secret is rewritten with it"
    done = built.upkeep().rotate_encryption_key("osug")
    assert len(ran(built, "encrypt", "rotate-key")) == 1 and len(ran(built, "etcd", "snapshot-save")) == 2
    assert "_by-hand_etcd.zip" in done["lines"][-1] and built.engine().up().changes == {}
    with pytest.raises(errors.Refused, match="Secrets are not encrypted here"):
        built.upkeep(encrypt_secrets=False).rotate_encryption_key(test=True)
    secret = r"printf 'k8s:enc:aescbc:v1:key-old:\001\002'"
    (built.nodes.place(1) / "etcdctl").write_text(f'#!/bin/sh\ncase "$*" in *secrets*) {secret};; esac\n')
    (built.nodes.place(1) / "etcdctl").chmod(0o755)
    with pytest.raises(errors.Refused, match="encrypted with key-old, and not with the active key key-two"):
        built.upkeep().rotate_encryption_key("osug")
    (built.nodes.place(1) / "etcdctl").write_text('#!/bin/sh\ncase "$*" in *secrets*) exit 1;; esac\n')
    with pytest.raises(errors.NotReady, match="etcd did not answer"):
        built.upkeep().rotate_encryption_key("osug")
    assert len(ran(built, "encrypt", "rotate-key")) == 1


def test_after_an_interrupted_rotation_all_secrets_are_rewritten_before_rke_drops_a_key(built, monkeypatch):
    path = built.dir / "cluster.rkestate"
    state = json.loads(path.read_text())
    state["currentState"]["encryptionConfig"] = rke_state.encryption("key-two", "key-one")
    path.write_text(json.dumps(state))
    steps = []
    monkeypatch.setattr(encryption, "finish", lambda access: steps.append(len(ran(built, "encrypt"))))
    assert "was interrupted: first every Secret" in built.upkeep().rotate_encryption_key(test=True)["lines"][0]
    built.upkeep().rotate_encryption_key("osug")
    assert steps == [0] and len(ran(built, "encrypt")) == 1


def test_a_snapshot_is_restored_when_the_name_is_typed(built):
    archives = built.nodes.place(1) / "snapshots"
    archives.mkdir()
    with pytest.raises(errors.Refused, match="there is no snapshot one on any etcd node"):
        built.upkeep().restore("one", test=True)
    (archives / "one.zip").write_bytes(b"")
    would = built.upkeep().restore("one", test=True, verify_first=False)
    assert "since the snapshot one is lost" in would["lines"][1] and "comes from cp1" in would["lines"][2]
    with pytest.raises(errors.Refused, match="add confirm=osug"):
        built.upkeep().restore("one")
    with pytest.raises(errors.CommandError, match="cp1: the archive cannot be copied"):
        built.upkeep().restore("one", "osug")
    assert not ran(built, "etcd", "snapshot-restore"), "one that cannot be restored is not"
    built.mode("fail")
    with pytest.raises(errors.CommandError):
        built.upkeep().restore("one", "osug", verify_first=False)
    built.mode("ok")
    with pytest.raises(errors.Refused, match="restore of a snapshot did not end.*k8s_etcd.restore one again"):
        built.engine().up()
    built.upkeep().restore("one", "osug")
    assert len(ran(built, "etcd", "snapshot-restore --name one")) == 2
    assert built.engine().up().changes == {}
