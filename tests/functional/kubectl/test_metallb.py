"""MetalLB beyond what holds for every service: pools that change, wrong ones, passwords, what clean removes."""

from __future__ import annotations

import pytest
from tests.functional.services.test_cases import admin  # noqa: F401  a fixture
from tests.support import services

PASSWORD = "canary-bgp-Xw2qe"  # of tests/cases/services/metallb.yaml


def applied(minion, **more):
    """Apply the service's own set."""
    given = services.declared(minion, "metallb") | {"wait": False}
    return minion.state("kubectl.applied", "metallb", **given, **more)


def test_a_pool_that_goes_from_the_pillar_goes_from_the_cluster(admin, apiserver):  # noqa: F811
    assert applied(admin("metallb", "full"))["result"] is True
    advertised = apiserver.get("l2advertisements", "-n", "metallb-system", "internal")["spec"]
    assert advertised["interfaces"] == ["ens192"]
    one = admin(
        "metallb",
        "example",
        pools={"public": {"addresses": ["10.20.0.200-10.20.0.230"]}},
        l2={"interfaces": ["ens192"]},
        node_selector={"edge": "true"},
        log_level="debug",
    )
    gone = {"old": "present", "new": None}
    assert applied(one)["changes"] == {
        "IPAddressPool.metallb.io metallb-system/public": {
            "spec.addresses": {"old": ["10.20.0.200-10.20.0.220"], "new": ["10.20.0.200-10.20.0.230"]}
        },
        "IPAddressPool.metallb.io metallb-system/internal": gone,
        "L2Advertisement.metallb.io metallb-system/internal": gone,
    }


BAD = [
    ("IPAddressPool", "v1beta1", {"addresses": ["ten to twenty"]}, "spec.addresses[0]"),
    ("IPAddressPool", "v1beta1", {"addresses": []}, "spec.addresses"),
    ("IPAddressPool", "v1beta1", {}, "spec.addresses"),
    ("IPAddressPool", "v1beta1", {"addresses": ["10.0.0.0/24"], "autoAssign": "yes"}, "spec.autoAssign"),
    ("BGPPeer", "v1beta2", {"peerASN": 64513, "peerAddress": "10.0.0.1"}, "spec.myASN"),
    ("BGPPeer", "v1beta2", {"myASN": 64512, "peerPort": 70000}, "spec.peerPort"),
    ("BGPPeer", "v1beta2", {"myASN": 64512, "holdTime": "soon"}, "spec.holdTime"),
    ("BGPAdvertisement", "v1beta1", {"aggregationLength": 33}, "spec.aggregationLength"),
    ("BFDProfile", "v1beta1", {"receiveInterval": 1}, "spec.receiveInterval"),
    ("Community", "v1beta1", {"communities": [{"name": "a", "value": "no"}]}, "spec.communities[0].value"),
]


@pytest.mark.parametrize(("kind", "version", "spec", "field"), BAD)
def test_the_api_server_refuses_what_is_none(admin, kind, version, spec, field):  # noqa: F811
    minion = admin("metallb", "full")
    assert applied(minion)["result"] is True
    meta = {"name": "bad", "namespace": "metallb-system"}
    obj = {"apiVersion": f"metallb.io/{version}", "kind": kind, "metadata": meta, "spec": spec}
    answer = minion.state("kubectl.applied", "bad-object", objects=[obj], test=True)
    assert answer["result"] is False
    assert f"{kind}.metallb.io metallb-system/bad: {field}" in answer["comment"], answer["comment"]


def test_a_router_s_password_is_in_a_secret_and_nowhere_else(admin, apiserver, caplog):  # noqa: F811
    caplog.set_level("DEBUG")
    minion = admin("metallb", "bgp")
    answer = applied(minion)
    assert answer["result"] is True, answer["comment"]
    assert PASSWORD not in str(answer) and PASSWORD not in caplog.text
    assert PASSWORD not in str(minion.call("kubectl.render_manifests", "salt://k8s/metallb/manifests"))
    kept = apiserver.get("secret", "-n", "metallb-system", "bgp-tor-a")
    assert set(kept["data"]) == {"password"}
    assert PASSWORD not in str(apiserver.get("bgppeers", "-n", "metallb-system"))


def test_clean_really_takes_the_definitions_and_keeps_the_rest_for_the_second_run(admin, apiserver):  # noqa: F811
    minion = admin("metallb", "full")
    assert applied(minion)["result"] is True
    # without a namespace controller a namespace never goes: all but that
    objects = services.rendered(minion, "metallb")
    definitions = [name for name in objects if name.startswith("CustomResourceDefinition ")]
    real = minion.state("kubectl.absent", "metallb", unprotect=definitions)
    assert real["result"] is True, real["comment"]
    assert apiserver.get("crd", "ipaddresspools.metallb.io") is None
    again = minion.state("kubectl.absent", "metallb", unprotect=definitions)
    assert again["result"] is True and again["changes"] == {}
