"""Whether state, nodes and cluster belong together: every way in which they do not, and those in which they do."""

from __future__ import annotations

import hashlib
import json

import pytest
from saltk8s.base import errors
from saltk8s.engine import state_folder
from saltk8s.engine.rke import cluster_yml, node, rkestate
from saltk8s.engine.rke.state import identity
from saltk8s.engine.ssh import Probe
from tests.support import pillars, rke_state
from tests.support import rke as sample

CONFIG = cluster_yml.build(sample.model({"nodes": sample.three_nodes()}))
ADDRESSES = {"cp1": "10.20.0.1", "w1": "10.20.0.2", "w2": "10.20.0.3", "w3": "10.20.0.4"}
OTHER = rke_state.authority("other")
IMAGE = "registry.example:5000/rancher/hyperkube:"


def state(config=CONFIG, **what):
    """What is read of a state."""
    return rkestate.parse(json.dumps(rke_state.rkestate(config, **what)))


def without(*names):
    """The configuration without some nodes."""
    return {**CONFIG, "nodes": [one for one in CONFIG["nodes"] if one["hostname_override"] not in names]}


def probe(name, ca=None, key=None, image=None, containers=("kubelet", "kube-proxy"), traces=None, **more):
    """A node as it is found; with a CA, one of a cluster."""
    found = Probe(name, more.pop("address", ADDRESSES[name]), **more)
    if ca:
        found.sums[node.CA] = hashlib.sha256(ca.encode()).hexdigest()
        found.containers = dict.fromkeys(containers, True)
    if key:
        found.sums[node.ENCRYPTION] = hashlib.sha256(f"{key}\n".encode()).hexdigest()
    if image:
        found.images["kubelet"] = IMAGE + image
    found.traces = traces if traces is not None else [f"container {one}" for one in found.containers]
    return found


def nodes(*found, ca=None, key="key: one", image="v1.32.6-rancher1"):
    """The three nodes of the cluster, those given in place of their own."""
    all_of = [
        probe(name, ca or rke_state.authority(), key if name == "cp1" else None, image) for name in ("cp1", "w1", "w2")
    ]
    return {one.name: one for one in [*all_of, *found]}


@pytest.fixture
def paths(tmp_path):
    """The model's paths, with a folder for copies."""
    (tmp_path / "backups").mkdir()
    return sample.model(state_dir=str(tmp_path))["paths"]


@pytest.fixture
def refused(paths):
    """A function that checks, and returns what is refused with."""

    def check(*args, function=identity.check):
        with pytest.raises(errors.Refused) as raised:
            function(*args, paths)
        return str(raised.value)

    return check


def copy(paths, number, text):
    """Add a copy of a state; return its name."""
    name = f"cluster.rkestate.2026-11-{number}.after"
    state_folder.files.write(f"{paths['backups']}/{name}", text)
    return name


def test_what_belongs_together_is_let_through(paths):
    identity.check(None, {"cp1": probe("cp1")}, paths)
    identity.check(state(), nodes(), paths)
    identity.check(state(), nodes(probe("w3")), paths)
    identity.check(state(running=False), {"cp1": probe("cp1"), "w1": probe("w1")}, paths)
    identity.check(state(), {"w2": probe("w2", problem="silent"), "cp1": probe("cp1")}, paths)
    identity.check(state(encryption=""), nodes(key=None), paths)
    identity.check(state(), nodes(image="of-a-site:latest"), paths)


@pytest.mark.parametrize("trace", ["container kubelet", "/etc/kubernetes/ssl", "/var/lib/etcd"])
def test_without_a_state_nodes_that_carry_a_cluster_are_refused(refused, paths, trace):
    other = copy(paths, 11, json.dumps(rke_state.rkestate(CONFIG, ca=OTHER)))
    mine = copy(paths, 10, json.dumps(rke_state.rkestate(CONFIG)))
    text = refused(None, {"w1": probe("w1", rke_state.authority(), traces=[trace]), "cp1": probe("cp1")})
    assert f"w1: {trace}" in text and "cp1" not in text.split("\n")[1]
    assert mine in text and other not in text, "the copy is that of the nodes' own CA"
    assert other in refused(None, {"w1": probe("w1", traces=[trace])}), "the newest one where none can be read"


def test_a_first_run_that_was_interrupted_goes_on(paths):
    began = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
    found = {
        "cp1": probe("cp1", rke_state.authority(), "key: one", containers=began),
        "w1": probe("w1", traces=[node.KEYS]),
    }
    identity.check(state(running=False), found, paths)
    copy(paths, 10, json.dumps(rke_state.rkestate(CONFIG, running=False)))
    copy(paths, 11, json.dumps(rke_state.rkestate(CONFIG, ca=OTHER)))
    identity.check(state(running=False), found, paths)


def test_a_state_that_lost_its_current_state_is_no_new_cluster(refused, paths):
    assert "kubelets are on cp1, w1, w2" in refused(state(running=False), nodes())
    hidden = {"w1": probe("w1", traces=["container kubelet"])}
    hidden["w1"].containers = {"kubelet": False}
    assert "kubelets are on w1" in refused(state(running=False), hidden), "its CA need not be readable"
    good = copy(paths, 10, json.dumps(rke_state.rkestate(CONFIG)))
    text = refused(state(running=False), {"cp1": probe("cp1")})
    assert "repeat it" in text and f"cp {paths['backups']}/{good}" in text, "an interrupted restore cleaned the nodes"


def test_a_state_with_another_ca_is_refused(refused, paths):
    good = copy(paths, 10, json.dumps(rke_state.rkestate(CONFIG)))
    copy(paths, 11, json.dumps(rke_state.rkestate(CONFIG, ca=OTHER)))
    text = refused(state(ca=OTHER), nodes())
    assert "its CA is another than that of the nodes" in text
    assert f"cp {paths['backups']}/{good} {paths['state_file']}" in text


def test_a_ca_that_is_being_rotated_is_both(paths):
    rotating = rke_state.rkestate(CONFIG)
    rotating["desiredState"] = rke_state.rkestate(CONFIG, ca=OTHER)["desiredState"]
    found = nodes() | {"w1": probe("w1", OTHER)}
    identity.check(rkestate.parse(json.dumps(rotating)), found, paths)


def test_a_state_with_another_encryption_key_is_refused(refused, paths):
    good = copy(paths, 10, json.dumps(rke_state.rkestate(CONFIG, encryption="key: two")))
    copy(paths, 11, json.dumps(rke_state.rkestate(CONFIG)))
    text = refused(state(), nodes(key="key: two"))
    assert "the key that encrypts Secrets is another one" in text and good in text
    assert "key: two" not in text
    identity.check(state(), nodes(key=None), paths)
    former = nodes()
    former["w1"].sums[node.ENCRYPTION] = "0" * 64
    identity.check(state(), former, paths)


def test_a_state_of_an_older_version_is_refused(refused, paths):
    old = {**CONFIG, "kubernetes_version": "v1.31.10-rancher1-1"}
    good = copy(paths, 10, json.dumps(rke_state.rkestate(CONFIG)))
    copy(paths, 11, json.dumps(rke_state.rkestate(old)))
    text = refused(state(old), nodes())
    assert "it is of Kubernetes v1.31.10-rancher1-1" in text and "hyperkube:v1.32.6-rancher1" in text and good in text


def test_an_upgrade_that_was_interrupted_goes_on(paths):
    mixed = nodes() | {"cp1": probe("cp1", rke_state.authority(), image="v1.32.6-rancher1")}
    mixed["w1"].images["kubelet"] = IMAGE + "v1.31.10-rancher1"
    identity.check(state(), mixed, paths)
    current = rke_state.rkestate({**CONFIG, "kubernetes_version": "v1.31.10-rancher1-1"})
    current["desiredState"] = rke_state.rkestate(CONFIG)["desiredState"]
    identity.check(rkestate.parse(json.dumps(current)), mixed, paths)


@pytest.mark.parametrize("traces", [["container kubelet"], ["/etc/kubernetes/ssl"], ["/var/lib/etcd"]])
def test_a_new_node_with_what_a_cluster_left_is_refused(refused, traces):
    text = refused(state(), nodes(probe("w3", traces=traces)))
    assert f"w3 carries what a cluster left there ({traces[0]}): clean it first" in text


def test_a_new_node_of_another_cluster_is_refused(refused):
    text = refused(state(), nodes(probe("w3", OTHER)))
    assert "w3 belongs to another cluster" in text and "rke would take it over" in text
    assert hashlib.sha256(OTHER.encode()).hexdigest()[:12] in text


def test_a_member_that_others_took_is_refused_and_so_is_cleaning_it(refused):
    text = refused(state(), nodes() | {"w2": probe("w2", OTHER)})
    assert "w2 belongs to another cluster" in text and "list it in k8s:cluster:allow_removal" in text


def test_a_node_that_returns_is_refused_with_both_reasons_that_it_can_have(refused, paths):
    knows = copy(paths, 10, json.dumps(rke_state.rkestate(CONFIG)))
    copy(paths, 11, json.dumps(rke_state.rkestate(without("w2"))))
    text = refused(state(without("w2")), nodes())
    assert "w2 carries this cluster's keys" in text and "clean it first" in text and knows in text


def test_a_member_at_another_address_is_another_machine(refused):
    moved = nodes() | {"w2": probe("w2", traces=["/etc/kubernetes/ssl"], address="10.20.0.9")}
    assert "w2 carries what a cluster left" in refused(state(), moved)


def test_a_join_that_was_interrupted_goes_on(paths):
    whole = rke_state.rkestate(CONFIG)
    whole["currentState"] = rke_state.rkestate(without("w2"))["currentState"]
    joining = rkestate.parse(json.dumps(whole))
    identity.check(joining, nodes(), paths)
    identity.check(joining, nodes() | {"w2": probe("w2", traces=[node.KEYS, node.ETCD_DATA])}, paths)


def test_every_node_is_named_at_once(refused):
    text = refused(state(without("w2")), nodes(probe("w3", OTHER)))
    assert "w3 belongs" in text and "w2 carries" in text


# what rke left in the cluster


def test_the_clusters_own_copy_decides_when_it_is_of_a_later_run(refused, paths):
    old, new = state(without("w2"), days=3650), state(days=3660)
    good = copy(paths, 10, json.dumps(rke_state.rkestate(CONFIG, days=3660)))
    copy(paths, 11, json.dumps(rke_state.rkestate(without("w2"), days=3650)))
    text = refused(old, new, function=identity.check_published)
    assert "older than the cluster" in text and "only in the cluster: w2" in text and good in text
    identity.check_published(new, old, paths)
    identity.check_published(new, new, paths)
    identity.check_published(new, None, paths)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"config": without("w1", "w2")}, "only in the file: w1, w2"),
        ({"config": {**CONFIG, "kubernetes_version": "v1.33.1-rancher1-1"}}, "v1.32.6-rancher1-1 here, v1.33.1"),
        ({"ca": OTHER}, "another CA"),
        ({"encryption": "key: two"}, "another key for the encryption"),
    ],
)
def test_the_differences_are_named(refused, change, words):
    assert words in refused(state(), state(**change, days=3660), function=identity.check_published)


def test_other_roles_addresses_and_certificates_are_differences(refused):
    for key, value in (("role", ["worker", "etcd"]), ("address", "10.9.9.9"), ("internalAddress", "10.9.9.9")):
        theirs = rke_state.rkestate(CONFIG, days=3660)
        theirs["currentState"]["rkeConfig"]["nodes"][1][key] = value
        parsed = rkestate.parse(json.dumps(theirs))
        assert "address or roles of w1" in refused(state(), parsed, function=identity.check_published)
    more = {"kube-service-account-token": {"certificatePEM": "PEM", "keyPEM": "CANARY"}}
    rotated = pillars.merge(rke_state.rkestate(CONFIG, days=3660), {"currentState": {"certificatesBundle": more}})
    theirs = rkestate.parse(json.dumps(rotated))
    assert "other certificates" in refused(state(), theirs, function=identity.check_published)


def test_a_later_run_with_the_same_outcome_is_none(paths):
    identity.check_published(state(), state(days=3660), paths)
    identity.check_published(state(), state(running=False, days=3660), paths)


def test_without_a_state_the_clusters_own_copy_says_that_there_is_one(refused):
    text = refused(None, state(), function=identity.check_published)
    assert "is missing" in text and "only in the cluster: cp1, w1, w2" in text
