"""Every SLS of the tree is rendered and compiled, for every role, with the example's pillar and with edge cases."""

from __future__ import annotations

import hashlib

import pytest
from support import pillars
from tests.support.salt import FORMULAS

ADMIN = "k8s-admin.osug.example"
CONTROL, WORKER, EXISTING = "k8s-cp1", "k8s-w1", "k8s-gpu1"
ROLES = (ADMIN, CONTROL, WORKER, EXISTING)  # the last one is no VM of Salt Cloud's
NODE_FORMULAS = {"os", "docker"}
ADMIN_FORMULAS = {"cluster", "cloud", "services", "extra", *pillars.defaults()["services"]}

SLS = sorted(
    ".".join(path.relative_to(FORMULAS).with_suffix("").parts).removesuffix(".init")
    for path in FORMULAS.glob("k8s/**/*.sls")
    if path.parent.name != "orch"  # the master's, which ask minions while they are rendered: each has its own tests
)


def without(tree: dict, *keys: str) -> dict:
    return {key: value for key, value in tree.items() if key not in keys}


def smallest(full: bool) -> dict:
    """What has to be said and nothing else: one node, no registry, no cloud."""
    tree = without(pillars.full() if full else pillars.public(), "registry", "cloud", "os", "docker", "services")
    tree["nodes"] = {"k8s-cp1": {"roles": ["controlplane", "etcd", "worker"], "address": "10.20.0.11/24"}}
    tree["services"] = {name: {"enabled": False} for name in pillars.defaults()["services"]}
    return tree


def awkward(full: bool) -> dict:
    """Values that break a template which does not quote: YAML's and Jinja's own characters."""
    over = {
        "cluster": {"extra_args": {"kubelet": {"node-status-max-images": "#{% {{ : ' \" - yes"}}},
        "nodes": {"k8s-w1": {"labels": {"on": "true", "number": "1e3", "empty": ""}, "taints": ["a=:NoExecute"]}},
        "os": {"firewall": "leave", "hosts": False, "time": {"enabled": False}},
        "docker": {"package": "docker.io", "version": "20.10", "options": {"labels": ["a: b", "#c", "{{ d }}"]}},
    }
    return pillars.merge(pillars.full() if full else pillars.public(), over)


PILLARS = {
    "example": lambda full: pillars.full() if full else pillars.public(),
    "smallest": smallest,
    "awkward": awkward,
}


def pillar_of(case: str, minion_id: str) -> dict:
    return {"k8s": PILLARS[case](minion_id == ADMIN)}


# the smallest cluster has no other machines
MACHINES = [(case, minion) for case in PILLARS for minion in ROLES if case != "smallest" or minion in (ADMIN, CONTROL)]


@pytest.mark.parametrize(("case", "minion_id"), MACHINES)
def test_the_whole_formula_compiles(loaders, case, minion_id):
    minion = loaders(minion_id=minion_id, pillar=pillar_of(case, minion_id))
    chunks = minion.low("k8s")
    assert [chunk for chunk in chunks if chunk["fun"] in ("fail_without_changes", "stopped")] == []
    formulas = {chunk["__sls__"].split(".")[1] for chunk in chunks if "." in chunk["__sls__"]}
    roles = set(minion.call("k8s_config.get")["minion"]["roles"])
    assert ("os" in formulas, "docker" in formulas) == ("node" in roles,) * 2
    assert ("cluster" in formulas) == ("admin" in roles)
    assert ("cloud" in formulas) == ("cloud" in roles)


# what an SLS is only for, where the example does not have it
OVER = {
    "k8s.os.etcd": {"cluster": {"etcd": {"uid": 52034}}},
    "k8s.os.firewall": {"os": {"firewall": "managed"}},
    "k8s.os.oidc": {
        "authentication": {
            "oidc": {"issuer": "https://sso.osug.example", "client_id": "k8s", "ca": pillars.certificate()[0]}
        }
    },
}


@pytest.mark.parametrize("sls", SLS)
def test_each_sls_compiles_on_the_minion_it_is_for(loaders, sls):
    part = sls.split(".")[1] if "." in sls else ""
    minion_id = CONTROL if part in NODE_FORMULAS else ADMIN
    assert part in NODE_FORMULAS | ADMIN_FORMULAS | {"", "gitops", "sync"}, "a formula of no role"
    tree = pillars.merge(pillar_of("example", minion_id)["k8s"], OVER.get(sls, {}))
    assert loaders(minion_id=minion_id, pillar={"k8s": tree}).low(sls)


@pytest.mark.parametrize("sls", ["k8s", "k8s.cloud", "k8s.cloud.clean", "k8s.cluster", "k8s.cluster.clean"])
def test_before_the_first_sync_there_is_one_state_that_says_what_to_do(loaders, sls):
    minion = loaders(minion_id=ADMIN, pillar=pillar_of("example", ADMIN), module_dirs=[])
    (state,) = minion.low(sls)
    assert state["fun"] == "fail_without_changes" and "saltutil.sync_all" in state["name"]


def test_no_secret_is_in_a_compiled_state(loaders):
    """Compiled states are in the minion's debug log and in what `state.show_sls` returns."""
    minion = loaders(minion_id=ADMIN, pillar=pillar_of("example", ADMIN))
    compiled = str(minion.low("k8s"))
    assert [canary for canary in pillars.canaries() if canary in compiled] == []


def test_one_program_can_be_installed_alone(loaders, tmp_path):
    """README: the images to mirror are known once the admin has rke."""
    program = tmp_path / "rke"
    program.write_text("#!/bin/sh\n")
    digest = hashlib.sha256(program.read_bytes()).hexdigest()
    tree = pillars.merge(pillars.full(), {"binaries": {"rke": {"source": str(program), "sha256": digest}}})
    minion = loaders(minion_id=ADMIN, pillar={"k8s": tree})
    answer = minion.modules["state.sls_id"]("k8s-cluster-rke", "k8s.cluster", test=True)
    assert [(state["__id__"], state["result"]) for state in answer.values()] == [("k8s-cluster-rke", None)], answer
