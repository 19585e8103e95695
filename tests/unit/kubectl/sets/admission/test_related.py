"""What Services hold and give up, and where webhooks lead."""

from __future__ import annotations

import pytest
from saltk8s.kubectl.sets.admission import related
from tests.support import enabling as made


@pytest.mark.parametrize(
    ("new", "free"),
    [
        (None, {("port", "30001")}),
        (made.service("a", 30001), set()),
        (made.service("a", 30002), {("port", "30001")}),
        (made.service("a"), set()),  # the API server keeps a port that is not declared any more
        (made.make("Service", "a", "default", spec={"ports": [{"port": 80}]}), {("port", "30001")}),
    ],
)
def test_what_a_service_gives_up(new, free):
    assert related.freed(made.service("a", 30001), new) == free


@pytest.mark.parametrize(
    ("client", "namespace"),
    [
        ({"service": {"name": "hook", "namespace": "hooks"}}, "hooks"),
        ({"url": "https://hook.hooks.svc:443/validate"}, "hooks"),
        ({"url": "https://hook.hooks.svc.cluster.local/validate"}, "hooks"),
        ({"url": "https://127.0.0.1:8443"}, ""),
        ({"url": "https://hook.example.org"}, ""),
        ({}, ""),
    ],
)
def test_the_namespace_of_a_webhooks_service(client, namespace):
    assert related.service_namespace(client) == namespace
