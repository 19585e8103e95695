"""Defragmentation of a real etcd of three members over real SSH; ``docker`` on the nodes is a stand-in."""

from __future__ import annotations

import json
import shutil

import pytest
from saltk8s.base import errors
from saltk8s.engine import registry
from saltk8s.engine.base import Hooks
from saltk8s.engine.rke import cluster_yml, node
from saltk8s.engine.rke.upkeep import defragment
from tests.support import rke as sample
from tests.support import rke_state
from tests.support.etcd_members import Members
from tests.support.ssh_nodes import Nodes

ROLES = ["controlplane", "etcd", "worker"]


@pytest.fixture
def cluster(tmp_path, binaries, monkeypatch):
    """Three members, and what operates on them."""
    monkeypatch.setattr(defragment, "WORTH_BYTES", 100_000)
    with Nodes(tmp_path) as nodes:
        for number in (1, 2, 3):
            nodes.start(number, dict.fromkeys(node.expected(ROLES), "Up 2 hours"))
        declared = {f"cp{number}": {"roles": ROLES, "ip": nodes.address(number)} for number in (1, 2, 3)}
        model = sample.model({"nodes": declared, "cluster": {"ssh": {"port": nodes.port}}}, str(tmp_path / "state"))
        (tmp_path / "state").mkdir(mode=0o700)
        (tmp_path / "state" / "cluster.rkestate").write_text(json.dumps(rke_state.rkestate(cluster_yml.build(model))))
        shutil.copy(nodes.key, model["paths"]["ssh_key"])
        with Members(tmp_path, binaries, nodes) as members:
            sent = []
            yield members, registry.upkeep(model, Hooks(event=lambda *event: sent.append(event))), sent


def status(members):
    """What each member says, by number."""
    found = [json.loads(members.ctl("endpoint", "status", "-w", "json", number=number))[0] for number in (1, 2, 3)]
    return [one["Status"] for one in found]


def test_a_full_etcd_takes_writes_again_with_the_leader_last(cluster):
    members, upkeep, sent = cluster
    assert upkeep.defragment() == {"changes": {}, "lines": []}, "nothing to give back"
    for number in range(30):
        members.ctl("put", "key", f"{number:02}" * 50_000)
    assert "alarm:NOSPACE" in members.ctl("alarm", "list")
    revision = status(members)[0]["header"]["revision"]
    members.ctl("compact", str(revision))
    before = status(members)
    leader = next(number for number, one in enumerate(before, 1) if one["leader"] == one["header"]["member_id"])
    would = upkeep.defragment(test=True)
    assert set(would["changes"]) == {"cp1", "cp2", "cp3"} and "would have" in would["lines"][0]
    assert [one["dbSize"] for one in status(members)] == [one["dbSize"] for one in before] and not sent
    done = upkeep.defragment()
    assert [data["node"] for phase, data in sent][-1] == f"cp{leader}", "the leader last"
    after = status(members)
    assert all(new["dbSize"] < old["dbSize"] / 2 for new, old in zip(after, before, strict=True))
    assert done["changes"]["alarms"]["new"] is None and members.ctl("alarm", "list") == ""
    assert members.ctl("put", "key", "small") == "OK\n"
    assert upkeep.defragment() == {"changes": {}, "lines": []}


def test_while_a_member_is_away_nothing_is_done(cluster):
    members, upkeep, _ = cluster
    members.kill(3)
    with pytest.raises(errors.Refused, match="(?s)nothing was done: etcd is not healthy.*etcd on cp3"):
        upkeep.defragment()
