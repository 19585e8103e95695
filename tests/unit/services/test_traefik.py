"""Traefik: the namespaces whose routes it serves, and whose Secrets it reads."""

from __future__ import annotations

from saltk8s.pillar import model
from tests.support import pillars


def watched(**services) -> list[str]:
    tree = pillars.full()
    tree["tenants"] = {
        "leca": {"admins": ["a"]},
        "ist": {"admins": ["a"], "hosts": ["ist.osug.example"]},
        "resif": {"admins": ["a"], "namespaces": ["data", "web"], "hosts": ["*.resif.osug.example"]},
    }
    tree["services"].pop("prometheus", None)
    return model.build(pillars.defaults(), pillars.merge(tree, {"services": services}))["services"]["traefik"][
        "watched"
    ]


def test_those_of_tenants_with_hosts_the_platform_s_and_the_site_s():
    traefik = {"namespaces": ["intranet"]}
    assert watched(tenants={"enabled": True}, traefik=traefik) == ["data", "intranet", "ist", "traefik", "web"]
    assert watched(tenants={"enabled": False}, traefik={"namespaces": []}) == ["traefik"]


def test_that_of_grafana_when_it_has_a_host():
    grafana = {"image": "docker.io/grafana/grafana:12.1.0", "admin_password": "fifteen-words"}
    given = {"enabled": True, "grafana": grafana}
    off = {"tenants": {"enabled": False}}
    assert watched(**off, prometheus=given) == ["traefik"]
    assert watched(**off, prometheus=given | {"grafana": grafana | {"host": "grafana.osug.example"}}) == [
        "monitoring",
        "traefik",
    ]
