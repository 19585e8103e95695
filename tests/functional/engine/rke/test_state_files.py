"""A state file that is not the cluster's, in whole runs of the engine: refused in both modes, and the way out works."""

from __future__ import annotations

import base64
import json
import shutil

import pytest
from labkit import versions
from saltk8s.base import errors
from saltk8s.engine import state_folder
from saltk8s.engine.rke import node
from tests.support import pillars, rke_state

WORKER = dict.fromkeys(node.expected(["worker"]), "Up 2 hours")
CONTROL = dict.fromkeys(node.expected(["controlplane", "etcd"]), "Up 2 hours")
OTHER = rke_state.authority("other")


@pytest.fixture
def site(site):
    """A cluster of three nodes that was built and is unchanged."""
    site.engine().up()
    for number in (1, 2, 3):
        deployed(site, number)
    assert site.engine().up().changes == {}
    return site


def deployed(site, number, ca=None, key=None, containers=None):
    """Let a node carry what rke deploys; ca, key: by default, of the state file."""
    state = json.loads((site.dir / "cluster.rkestate").read_text())["desiredState"]
    keys = {"kube-ca.pem": ca or state["certificatesBundle"]["kube-ca"]["certificatePEM"]}
    keys |= {"encryption.yaml": (key or state["encryptionConfig"]) + "\n"} if number == 1 else {}
    found = containers or (CONTROL if number == 1 else WORKER)
    site.nodes.cluster(number, found, keys, f"rancher/hyperkube:{versions.HYPERKUBE}")


def change(site, **over):
    """Change the state file: over are its two parts."""
    path = site.dir / "cluster.rkestate"
    state = json.loads(path.read_text()) | over
    path.write_text(json.dumps(state))


def refused(site, words, engine=None):
    """Both modes refuse with these words, and write nothing; returns the text."""
    before = kept(site)
    for test in (True, False):
        with pytest.raises(errors.Refused, match=words) as raised:
            (engine or site.engine)().up(test=test)
    assert kept(site) == before
    return str(raised.value)


def kept(site):
    """The files that a refused run leaves as they are; it notes whom it locked out and whom it met."""
    return {name: content for name, content in site.files().items() if name not in ("lock", "known_hosts")}


def follow(site, text):
    """Do what the message says: its one command; then there is nothing to do."""
    [command] = [line for line in text.replace(", then apply again", "\n").splitlines() if ": cp " in line]
    _, source, target = command[command.index(": cp ") + 2 :].split()
    shutil.copyfile(source, target)
    assert site.engine().up().changes == {}


@pytest.mark.parametrize("api", [True, False])
def test_a_state_without_current_state_while_the_cluster_runs(site, api):
    if not api:
        (site.fake / "objects.json").unlink()
    change(site, currentState={})
    text = refused(site, "has no currentState, but the cluster of its keys was deployed")
    site.healthy()
    follow(site, text)


def test_a_state_that_lost_it_after_its_copies_were_lost(site):
    shutil.rmtree(site.dir / "backups")
    change(site, currentState=None)
    text = refused(site, "kubelets are on cp1, w1, w2")
    assert "the Secret full-cluster-state" in text


@pytest.mark.parametrize("api", [True, False])
def test_a_state_with_another_ca_is_seen_although_nothing_else_differs(site, api):
    if not api:
        (site.fake / "objects.json").unlink()
    state = json.loads((site.dir / "cluster.rkestate").read_text())
    for part in state.values():
        part["certificatesBundle"]["kube-ca"]["certificatePEM"] = OTHER
    change(site, **state)
    text = refused(site, "its CA is another than that of the nodes")
    site.healthy()
    follow(site, text)


def test_a_state_with_another_encryption_key(site):
    change(site, **{part: json.loads((site.dir / "cluster.rkestate").read_text())[part] for part in ("desiredState",)})
    state = json.loads((site.dir / "cluster.rkestate").read_text())
    for part in state.values():
        part["encryptionConfig"] = "key: zero"
    change(site, **state)
    follow(site, refused(site, "the key that encrypts Secrets is another one"))


@pytest.mark.parametrize("containers", [CONTROL, dict.fromkeys(CONTROL, "Exited (2) 1 hour ago")])
def test_the_nodes_keys_are_read_out_of_containers_that_stopped(site, containers):
    deployed(site, 1, OTHER, containers=containers)
    refused(site, "cp1 belongs to another cluster")


def test_an_older_state_by_the_nodes_that_it_lacks(site):
    """The state is from before w2 joined, the record as well; the API server does not answer."""
    old = (site.dir / "cluster.rkestate").read_text()
    without = json.loads(old)
    for part in without.values():
        part["rkeConfig"]["nodes"] = part["rkeConfig"]["nodes"][:2]
    (site.dir / "cluster.rkestate").write_text(json.dumps(without))
    (site.fake / "objects.json").unlink()
    text = refused(site, "w2 carries this cluster's keys")
    site.healthy()
    follow(site, text)


def test_an_older_state_by_the_one_that_is_in_the_cluster(site):
    """The advice is not the guard's, to let go a node that left long ago."""
    config = site.engine().render(redacted=False)
    old = {
        **config,
        "nodes": [*config["nodes"], {**config["nodes"][2], "hostname_override": "w9", "address": "127.0.1.9"}],
    }
    secret(site, (site.dir / "cluster.rkestate").read_text())
    older = rke_state.rkestate(old, days=3000)
    older = pillars.merge(older, {part: {"certificatesBundle": bundle(site)} for part in older})
    (site.dir / "cluster.rkestate").write_text(json.dumps(older))
    text = refused(site, "older than the cluster: the Secret full-cluster-state")
    assert "only in the file: w9" in text and "allow_removal" not in text
    follow(site, text)


def bundle(site):
    """The keys of the state file without the administrator's."""
    found = json.loads((site.dir / "cluster.rkestate").read_text())["desiredState"]["certificatesBundle"]
    return {name: entry for name, entry in found.items() if name != "kube-admin"}


def secret(site, text):
    """Let kubectl show the state in the cluster."""
    data = {"full-cluster-state": base64.b64encode(text.encode()).decode()}
    (site.fake / "secret.json").write_text(json.dumps({"apiVersion": "v1", "kind": "Secret", "data": data}))


@pytest.mark.parametrize(
    "content", ["", "[]", '{"kind": "Secret"}', '{"kind": "Secret", "data": {"full-cluster-state": "e30="}}']
)
def test_what_is_no_state_in_the_cluster_decides_nothing(site, content):
    (site.fake / "secret.json").write_text(content)
    assert site.engine(audit_log={"keep_days": 5}).up().ran


def test_an_unchanged_run_does_not_read_the_state_in_the_cluster(site):
    (site.fake / "calls").unlink()
    site.engine().up()
    assert "secret" not in (site.fake / "calls").read_text()


def test_a_damaged_state_leads_to_the_newest_good_copy_and_is_not_copied(site):
    state = site.dir / "cluster.rkestate"
    state.write_text(state.read_text()[:200])
    text = refused(site, r"(?s)cannot be used: it is not valid JSON.*newest good copy is cluster\.rkestate\..*\.after")
    with pytest.raises(errors.Refused, match="newest good copy"):
        site.engine().status()
    assert site.backups() == ["after"]
    follow(site, text)


def cut(site):
    """Let a run leave half a state, as a full disk or a power cut does; return it."""
    site.mode("cut")
    with pytest.raises(errors.CommandError):
        site.engine(audit_log={"keep_days": 5}).up()
    site.mode("ok")
    return (site.dir / "cluster.rkestate").read_bytes()


def test_a_state_that_a_run_cut_off_is_put_back(site):
    half = cut(site)
    assert site.backups() == ["after"], "it is not copied"
    assert "audit_log" in str(site.engine(audit_log={"keep_days": 5}).up(test=True).changes)
    assert (site.dir / "cluster.rkestate").read_bytes() == half, "test mode wrote"
    assert site.engine(audit_log={"keep_days": 5}).up().ran
    assert any("was cut off by a run that did not end" in line for line in site.logged)
    assert site.engine(audit_log={"keep_days": 5}).up().changes == {}


def test_a_state_that_was_put_back_is_compared_with_the_nodes(site):
    cut(site)
    site.nodes.cluster(1, CONTROL, {"kube-ca.pem": OTHER})
    for test in (True, False):
        with pytest.raises(errors.Refused, match="cp1 belongs to another cluster"):
            site.engine().up(test=test)


def test_what_a_run_of_an_older_release_cut_off_is_refused(site):
    cut(site)
    (site.dir / "cluster.rkestate.whole").unlink()
    refused(site, "(?s)cannot be used.*newest good copy is")


def test_failing_runs_keep_the_good_copy(site, monkeypatch):
    monkeypatch.setattr(state_folder, "KEPT_BACKUPS", 3)
    site.mode("fail")
    for _ in range(6):
        with pytest.raises(errors.CommandError):
            site.engine(audit_log={"keep_days": 5}).up()
    assert site.backups() == ["after", "failed", "failed", "failed"]


# new and returning nodes


@pytest.fixture
def joining(site):
    """A fourth node, declared but not in the cluster."""
    site.nodes.start(4)
    site.declared["w3"] = {"roles": ["worker"], "ip": site.nodes.address(4)}
    site.healthy()
    return site


def test_a_blank_node_joins(joining):
    assert joining.engine().up().changes["nodes"] == {"w3": {"old": None, "new": ["worker"]}}


def test_a_plan_goes_without_a_node_that_nobody_has_made_yet(joining):
    joining.nodes.stop(joining.nodes.address(4))
    outcome = joining.engine().up(test=True)
    assert outcome.changes["nodes"] == {"w3": {"old": None, "new": ["worker"]}}
    assert "not ready yet: w3" in outcome.lines
    joining.nodes.stop(joining.nodes.address(3))
    with pytest.raises(errors.Unreachable, match="node w2 cannot be used"):
        joining.engine().plan()


def test_a_node_of_another_cluster_does_not(joining):
    deployed(joining, 4, OTHER)
    refused(joining, "w3 belongs to another cluster")
    joining.nodes.cluster(4, {}, {"kube-ca.pem": OTHER})
    refused(joining, r"w3 carries what a cluster left there \(/etc/kubernetes/ssl\): clean it first")
    joining.nodes.cluster(4, {})
    (joining.nodes.place(4) / "etcd" / "member").mkdir(parents=True)
    refused(joining, r"w3 carries what a cluster left there \(/var/lib/etcd\)")
    (joining.nodes.place(4) / "etcd" / "member").rmdir()  # as rke leaves a member's node
    assert joining.engine().up().ran


def test_a_join_that_was_interrupted_goes_on(joining):
    joining.mode("fail")
    with pytest.raises(errors.CommandError):
        joining.engine().up()
    deployed(joining, 4, containers={"kube-proxy": "Created"})
    joining.mode("ok")
    assert joining.engine().up().ran


def test_a_node_that_returns_is_refused_until_it_is_clean(site):
    left = site.declared.pop("w2")
    site.nodes.stop(site.nodes.address(3))
    site.healthy()
    assert site.engine(allow_removal=["w2"]).up().ran
    site.nodes.start(3, WORKER)
    deployed(site, 3)
    site.declared["w2"] = left
    site.healthy()
    refused(site, "w2 carries this cluster's keys")
    site.nodes.cluster(3, {})
    assert site.engine().up().ran


def test_a_node_that_leaves_is_not_cleaned_when_it_is_another_clusters(site):
    del site.declared["w2"]
    site.healthy()
    deployed(site, 3, OTHER)
    refused(site, "w2 belongs to another cluster", lambda: site.engine(allow_removal=["w2"]))
