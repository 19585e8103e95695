"""Routes of tenants on a real API server: what the rows of ``tests/cases/fences.yaml`` cannot say."""

from __future__ import annotations

import pytest
from tests.support.tenants import ask, until_true
from tests.support.traefik import obj

HOST = "Host(`a.resif.osug.example`)"
LONG = f"({HOST}{' || '.join(['', *[HOST] * 3])}) && PathPrefix(`/a`)"
BACKEND = {"service": {"name": "web", "port": {"number": 80}}}


def route(count: int, each: int, match: str = LONG) -> dict:
    """An IngressRoute with so many routes, and so many services and middlewares in each."""
    one = {"match": match, "services": [{"name": "web", "port": 80}] * each, "middlewares": [{"name": "a"}] * each}
    return obj("IngressRoute", "large", "resif", {"routes": [one] * count})


def ingress(count: int, each: int) -> dict:
    """An Ingress with so many rules, and so many paths in each."""
    paths = [{"path": f"/{number}", "pathType": "Prefix", "backend": BACKEND} for number in range(each)]
    rules = [{"host": f"a{number}.resif.osug.example", "http": {"paths": paths}} for number in range(count)]
    tls = [{"hosts": [rule["host"]]} for rule in rules[:20]]
    return obj("Ingress", "large", "resif", {"rules": rules, "tls": tls}, "networking.k8s.io/v1")


@pytest.mark.parametrize(
    ("wanted", "refused"),
    [
        (route(100, 20), ""),
        (route(12, 20, LONG.ljust(1600)), ""),
        (ingress(100, 20), ""),
        (route(101, 1, HOST), "at most 100 routes"),
        (route(1, 21), "20 services"),
        (route(13, 1, LONG.ljust(1600)), "20000 characters of rules"),
        (ingress(101, 1), "at most 100 rules"),
        (ingress(1, 21), "20 paths each"),
        (route(100, 1, "x" * 200), "a rule does not begin with Host"),
    ],
)
def test_the_largest_that_is_allowed_is_judged_within_the_cost_of_an_expression(cluster, wanted, refused):
    done = ask(cluster, "grp-resif-dev", "resif", wanted)
    assert refused in done.stderr if refused else done.returncode == 0, done.stderr


def test_a_tenant_that_is_trusted_shows_certificates_of_its_own(cluster):
    spec = {
        "rules": [{"host": "a.resif.osug.example"}],
        "tls": [{"hosts": ["a.resif.osug.example"], "secretName": "a"}],
    }
    own = obj("Ingress", "own", "resif", spec, "networking.k8s.io/v1")
    assert "k8s:tenants:resif:own_certificates" in ask(cluster, "grp-resif-dev", "resif", own).stderr
    cluster.kubectl("annotate", "namespace", "resif", "saltk8s.io/own-certificates=true")
    until_true(lambda: ask(cluster, "grp-resif-dev", "resif", own).returncode == 0)
    cluster.kubectl("annotate", "namespace", "resif", "saltk8s.io/own-certificates-")
    until_true(lambda: ask(cluster, "grp-resif-dev", "resif", own).returncode == 1)


def test_an_update_that_changes_nothing_that_is_served_is_not_judged(cluster):
    """Labels and finalizers of an object that is not allowed any more; its specification and annotations are judged."""
    cluster.kubectl("delete", "validatingadmissionpolicybinding/saltk8s-tenant-routes")
    old = obj("IngressRoute", "old", "resif", {"routes": [{"match": "Host(`www.osug.example`)"}]})
    old["metadata"]["finalizers"] = ["fences.example/stay"]
    binding = {"policyName": "saltk8s-tenant-routes", "validationActions": ["Deny"]}
    binding["matchResources"] = {
        "namespaceSelector": {"matchExpressions": [{"key": "saltk8s.io/tenant", "operator": "Exists"}]}
    }
    until_true(lambda: ask(cluster, "grp-resif-dev", "resif", old).returncode == 0)
    cluster.apply(old)
    cluster.apply(
        obj("ValidatingAdmissionPolicyBinding", "saltk8s-tenant-routes", "", binding, "admissionregistration.k8s.io/v1")
    )
    until_true(lambda: ask(cluster, "grp-resif-dev", "resif", old | {"metadata": {"name": "new"}}).returncode == 1)
    cluster.kubectl("delete", "-n", "resif", "ingressroute/old", "--wait=false")

    def patched(text: str) -> str:
        words = [
            "patch",
            "-n",
            "resif",
            "ingressroute/old",
            "--type=merge",
            "-p",
            text,
            "--as=x",
            "--as-group=grp-resif-dev",
        ]
        return cluster.kubectl(*words, check=False)

    other = '{"spec": {"routes": [{"match": "Host(`data.osug.example`)"}]}}'
    assert "patched" not in patched(other), "it is being deleted, and judged"
    assert "patched" in patched('{"metadata": {"finalizers": null}}')
    assert cluster.get("ingressroute", "old", "-n", "resif") is None
