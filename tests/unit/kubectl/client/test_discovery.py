"""At which version a kind is served, from the API server's own description."""

from __future__ import annotations

import pytest
from saltk8s.kubectl.client import discovery
from saltk8s.kubectl.manifests.identity import Kind

POOL = Kind("example.org", "Pool", "v1alpha1")


def answers(**versions):
    """The answers of a group whose versions serve these kinds."""
    found = {"/apis/example.org": {"versions": [{"version": name} for name in versions]}}
    for name, kinds in versions.items():
        resources = [{"name": f"{kind.lower()}s", "kind": kind} for kind in kinds]
        found[f"/apis/example.org/{name}"] = {"resources": [*resources, {"name": "x/status", "kind": "Pool"}]}
    return lambda path: found.get(path, {})


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        ({}, None),
        ({"v1": ["Other"]}, None),  # a subresource has the kind's name as well
        ({"v1beta1": ["Pool"], "v1": ["Pool"]}, "v1"),
        ({"v1beta1": ["Pool"], "v1": ["Other"]}, "v1beta1"),
    ],
)
def test_the_newest_version_that_serves_the_kind(versions, expected):
    found = discovery.served(POOL, answers(**versions))
    assert found == (expected and POOL._replace(version=expected))


def test_the_core_group_has_a_path_of_its_own():
    core = {"/api": {"versions": ["v1"]}, "/api/v1": {"resources": [{"name": "services", "kind": "Service"}]}}
    ask = lambda path: core.get(path, {})  # noqa: E731
    assert discovery.served(Kind("", "Service", "v0"), ask) == Kind("", "Service", "v1")
    assert discovery.served(Kind("", "Pool", "v0"), ask) is None
