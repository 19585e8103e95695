"""What may follow which Kubernetes on a live cluster, whatever is known of it: state, record, containers."""

from __future__ import annotations

import itertools
import re

import pytest
from saltk8s.base import errors
from saltk8s.engine.rke import versions
from saltk8s.engine.rke.planning import upgrade

OLD, NEW, NEXT = "v1.31.10-rancher1-1", "v1.32.6-rancher1-1", "v1.33.2-rancher1-1"
NODES = {"cp1": ["controlplane", "etcd"], "cp2": ["controlplane", "etcd"], "w1": ["worker"]}


def state(version):
    return {"version": version, "nodes": {name: {"roles": roles} for name, roles in NODES.items()}}


def images(**of):
    """What the nodes run, as Docker names it; a node that is not named did not answer."""
    found = {}
    for name, version in of.items():
        image = f"registry.osug.example/k8s/rancher/hyperkube:{version.rpartition('-')[0]}"
        names = ["kubelet", "kube-proxy"] + (["kube-apiserver"] if "controlplane" in NODES[name] else [])
        found[name] = {**dict.fromkeys(names, image), "etcd": "rancher/mirrored-coreos-etcd:v3.5.16"}
    return found


def refused(*args):
    with pytest.raises(errors.Refused) as found:
        upgrade.check(*args)
    return str(found.value)


def test_a_failed_upgrade_and_a_revert_are_no_downgrade():
    record = {"status": "failed", "time": "T", "attempted": NEW}
    text = refused(OLD, state(OLD), record, {})
    assert "the run of T, on the way to v1.32.6-rancher1-1, did not finish" in text
    assert f"set k8s:cluster:version to {NEW} and apply" in text and "etcd snapshot" in text
    text = refused(OLD, state(OLD), record, images(cp1=NEW, cp2=OLD, w1=OLD))
    assert "kube-apiserver of v1.32.6-rancher1 is on cp1" in text


def test_without_a_record_the_running_containers_tell():
    mixed = images(cp1=NEW, cp2=OLD, w1=OLD)
    text = refused(OLD, state(OLD), None, mixed, lambda: [OLD, NEW])
    assert f"set k8s:cluster:version to {NEW} and apply" in text, "an image has no complete version, the program has"
    upgrade.check(NEW, state(OLD), None, mixed)


def test_an_upgrade_that_changed_no_api_server_or_was_restored_may_be_taken_back():
    record = {"status": "failed", "time": "T", "attempted": NEW}
    upgrade.check(OLD, state(OLD), record, images(cp1=OLD, cp2=OLD, w1=OLD))
    refused(OLD, state(OLD), record, images(cp1=OLD, w1=OLD))


def test_the_next_minor_waits_for_the_slowest_node():
    text = refused(NEXT, state(NEW), None, images(cp1=NEW, cp2=NEW, w1=OLD))
    assert "kubelet of v1.31.10-rancher1 is on w1" in text and f"set k8s:cluster:version to {NEW}" in text


def test_records_and_images_of_others_are_no_obstacle():
    upgrade.check(NEW, state(NEW), {"status": "done"}, {"cp1": {"kubelet": "site/own:latest"}, "w1": {}})
    upgrade.check("v1.32.5-rancher1-1", state(NEW), None, {})


@pytest.mark.parametrize("attempted", [None, OLD, NEW, NEXT])
@pytest.mark.parametrize("saved", [OLD, NEW])
def test_what_is_advised_is_accepted(attempted, saved):
    """Whatever the nodes run: doing as told is accepted, by the pillar's type of versions and by the guard."""
    record = {"status": "failed", "attempted": attempted} if attempted else None
    for wanted, *found in itertools.product([OLD, NEW, NEXT], [None, OLD, NEW], [None, OLD, NEW], [OLD, NEW]):
        running = images(**{name: version for name, version in zip(NODES, found, strict=True) if version})
        try:
            upgrade.check(wanted, state(saved), record, running, lambda: [OLD, NEW, NEXT])
        except errors.Refused as err:
            goal = re.search(r"set k8s:cluster:version to (\S+) and apply", str(err))[1]
            assert versions.kubernetes(goal)
            assert goal != wanted
            upgrade.check(goal, state(saved), record, running, lambda: [OLD, NEW, NEXT])


def test_two_minors_ahead_names_the_one_between():
    text = refused(NEXT, state(OLD), None, images(cp1=OLD, cp2=OLD, w1=OLD), lambda: [OLD, NEW, NEXT])
    assert f"set k8s:cluster:version to {NEW} and apply" in text
