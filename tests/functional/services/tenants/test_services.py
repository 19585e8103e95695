"""A tenant's Services on a real API server: addresses of its own pools alone, and sources that policies can see."""

from __future__ import annotations

import json

import pytest
from tests.support.tenants import apply, run

METALLB = {
    "enabled": True,
    "pools": {
        "public": {"addresses": ["10.20.0.200-10.20.0.220"]},
        "leca": {"addresses": ["10.20.0.230/32"], "namespaces": ["leca"]},
        "other": {"addresses": ["10.20.0.231/32"], "namespaces": ["legi"]},
        "platform": {"addresses": ["10.20.0.232/32"], "auto_assign": False},
    },
}
LECA = {"quota": {"load_balancers": 5, "node_ports": 10}, "opens": {"from_outside": {"tcp": [8443]}}}
PREFIXES = ("metallb.io", "metallb.universe.tf")
MANY = [{"name": f"p{number}", "port": 1000 + number} for number in range(21)]
NOT_LOCAL = "has externalTrafficPolicy: Local"
NOT_ITS = "is not for the namespace leca; allowed: metallb.io/address-pool with public, leca"


def of(annotations: dict | None = None, kind: str = "LoadBalancer", **spec) -> dict:
    """A Service as a tenant writes it."""
    local = {"externalTrafficPolicy": "Local"} if kind != "ClusterIP" else {}
    meta = {"name": "front", "annotations": annotations or {}}
    spec = {"type": kind, "selector": {"app": "front"}, "ports": [{"port": 80}]} | local | spec
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec}


@pytest.fixture(scope="module")
def leca(cluster, make):
    """Write as a tenant that may have load balancers: ``leca(verb, object)`` returns kubectl's answer."""
    answer = apply(make({"services": {"metallb": METALLB}, "tenants": {"leca": LECA}}))
    assert answer["result"] is True, answer["comment"]
    hard = cluster.get("resourcequota", "tenant", "-n", "leca")["spec"]["hard"]
    cluster.set_status("resourcequota", "tenant", {"hard": hard, "used": dict.fromkeys(hard, "0")}, "leca")

    def write(verb: str, obj: dict, *more: str):
        return run(cluster, "grp-leca", verb, "-n", "leca", "-f", "-", *more, stdin=json.dumps(obj))

    return write


@pytest.mark.parametrize(
    ("obj", "refused"),
    [
        (of(), None),
        (of(kind="NodePort"), None),
        (of(kind="ClusterIP"), None),
        (of(loadBalancerSourceRanges=["10.20.0.0/16"]), None),
        (of(externalTrafficPolicy="Cluster"), NOT_LOCAL),
        (of(kind="NodePort", externalTrafficPolicy="Cluster"), NOT_LOCAL),
        (of(loadBalancerIP="10.20.0.200"), "loadBalancerIP and loadBalancerClass are not for tenants"),
        (of(loadBalancerClass="example.com/other"), "loadBalancerIP and loadBalancerClass are not for tenants"),
        (of(externalIPs=["10.20.0.1"]), "externalIPs are not for tenants"),
        (of(kind="ClusterIP", ports=MANY[:20]), None),
        (of(kind="ClusterIP", ports=MANY), "a Service has at most 20 ports"),
    ]
    + [
        case
        for prefix in PREFIXES
        for case in (
            (of({f"{prefix}/address-pool": "leca"}), None),
            (of({f"{prefix}/address-pool": "public"}), None),
            (of({f"{prefix}/address-pool": "other"}), NOT_ITS),
            (of({f"{prefix}/address-pool": "platform"}), NOT_ITS),
            (of({f"{prefix}/address-pool": ""}), NOT_ITS),
            (of({f"{prefix}/loadBalancerIPs": "10.20.0.200"}), NOT_ITS),
            (of({f"{prefix}/allow-shared-ip": "leca/front"}), None),
            (of({f"{prefix}/allow-shared-ip": "traefik"}), NOT_ITS),
            (of({f"{prefix}/allow-shared-ip": "lecafront"}), NOT_ITS),
            (of({f"{prefix}/of-tomorrow": "x"}), NOT_ITS),
            (of({f"{prefix}/ip-allocated-from-pool": "public"}), None),
            # the kind can be changed afterwards
            (of({f"{prefix}/address-pool": "other"}, kind="ClusterIP"), NOT_ITS),
        )
    ],
    ids=lambda one: json.dumps([one["metadata"]["annotations"], one["spec"]])[:70] if isinstance(one, dict) else "",
)
def test_what_a_service_may_ask_for(leca, obj, refused):
    done = leca("create", obj, "--dry-run=server")
    assert (done.returncode, refused or "") == (1 if refused else 0, refused or ""), done.stderr
    assert (refused or "") in done.stderr


def test_a_change_goes_through_the_same_rules_and_the_rest_of_it_stays_possible(leca, cluster):
    """What was there before the rules keeps its finalizers' way out, and nothing more."""
    old = of({"metallb.io/address-pool": "other"}, externalTrafficPolicy="Cluster", loadBalancerIP="10.20.0.200")
    old["metadata"]["finalizers"] = ["example.com/held"]
    cluster.kubectl("apply", "-n", "leca", "-f", "-", stdin=json.dumps(old))
    try:
        cluster.kubectl("delete", "-n", "leca", "service/front", "--wait=false")
        for change, refused in (
            ({"metadata": {"annotations": {"metallb.io/address-pool": "platform"}}}, NOT_ITS),
            ({"metadata": {"annotations": {"metallb.universe.tf/loadBalancerIPs": "10.20.0.201"}}}, NOT_ITS),
            ({"spec": {"selector": {"app": "other"}}}, "loadBalancerIP and loadBalancerClass are not for tenants"),
            ({"spec": {"loadBalancerIP": None, "externalIPs": ["10.20.0.1"]}}, "externalIPs are not for tenants"),
            ({"spec": {"loadBalancerIP": None}}, NOT_LOCAL),
        ):
            words = ["patch", "-n", "leca", "service/front", "--type=merge", "-p", json.dumps(change)]
            done = run(cluster, "grp-leca", *words)
            assert done.returncode == 1 and refused in done.stderr, (change, done.stdout + done.stderr)
        free = json.dumps({"metadata": {"finalizers": None}})
        done = run(cluster, "grp-leca", "patch", "-n", "leca", "service/front", "--type=merge", "-p", free)
        assert done.returncode == 0, done.stderr
    finally:
        cluster.kubectl("delete", "-n", "leca", "service/front", "--ignore-not-found", "--wait=false")
