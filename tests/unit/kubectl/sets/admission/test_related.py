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


HTTP, HTTPS = {"name": "http", "port": 80, "nodePort": 30003}, {"name": "https", "port": 81, "nodePort": 30004}


@pytest.mark.parametrize(
    ("ports", "free"),
    [
        ([{"name": "http", "port": 80}], {"30004"}),
        ([{"name": "http", "port": 8080}], {"30004"}),  # the API server goes by the name
        ([{"name": "web", "port": 80}], {"30004"}),  # and server-side apply by the number
        ([{"name": "web", "port": 82}], {"30003", "30004"}),
        ([{"name": "http", "port": 80}, {"name": "https", "port": 81, "nodePort": 30005}], {"30004"}),
    ],
)
def test_a_port_that_is_not_declared_stays_with_what_it_belongs_to(ports, free):
    old, new = made.service("a", ports=[HTTP, HTTPS]), made.service("a", ports=ports)
    assert related.freed(old, new) == {("port", number) for number in free}


@pytest.mark.parametrize(("policy", "free"), [("Local", set()), ("Cluster", {("port", "30006")})])
def test_a_health_check_port_goes_with_the_policy(policy, free):
    old = made.service("a", 30001, type="LoadBalancer", externalTrafficPolicy="Local", healthCheckNodePort=30006)
    new = made.service("a", 30001, type="LoadBalancer", externalTrafficPolicy=policy)
    assert related.freed(old, new) == free


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
