"""Fixtures of the tenants' tests: an API server with the example's tenants in it.

The controllers that a cluster has beside the API server are played: quotas get a status, Kubernetes' roles their rules.
"""

from __future__ import annotations

import pytest
from tests.support import pillars, services
from tests.support.salt import Minion
from tests.support.tenants import apply, play_aggregation


@pytest.fixture(scope="module")
def make(tmp_path_factory, own_apiserver):
    """Make the admin minion with the example's tenants: ``make(patch)``; its cluster is the module's API server."""
    root = tmp_path_factory.mktemp("admin")
    with services.workplace(root, own_apiserver) as state_dir:

        def minion(patch: dict | None = None, remove: tuple[str, ...] = ()) -> Minion:
            url = {"services": {"tenants": {"api_url": own_apiserver.url}}}
            tree = pillars.merge(services.tree("tenants", {"patch": patch or {}}, state_dir), url)
            for path in remove:
                tree = pillars.without(tree, path)
            return Minion(root / f"minion-{len(list(root.iterdir()))}", tree["cluster"]["admin"], pillar={"k8s": tree})

        yield minion


@pytest.fixture(scope="module")
def cluster(make, own_apiserver):
    """The API server with the example's tenants in it, and what controllers would add."""
    api = own_apiserver
    minion = make()
    traefik = services.rendered(minion, "traefik").values()
    api.apply(*(obj for obj in traefik if obj["kind"] == "CustomResourceDefinition"))
    api.apply(*(obj for obj in traefik if obj["kind"].startswith(("ClusterRole", "ValidatingAdmission"))))
    answer = apply(minion)
    assert answer["result"] is True, answer["comment"]
    for quota in api.get("resourcequotas", "-A")["items"]:
        hard = quota["spec"]["hard"]
        api.set_status(
            "resourcequota", "tenant", {"hard": hard, "used": dict.fromkeys(hard, "0")}, quota["metadata"]["namespace"]
        )
    play_aggregation(api)
    return api
