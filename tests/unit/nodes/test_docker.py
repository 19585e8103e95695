"""Docker's settings and packages follow from the pillar."""

from __future__ import annotations

import pytest
from saltk8s.nodes import docker, host
from tests.support import nodes


@pytest.mark.parametrize("case", nodes.cases("daemon").values(), ids=nodes.cases("daemon"))
def test_daemon_json(case):
    assert docker.daemon(nodes.built(case["pillar"])) == case["daemon"]


@pytest.mark.parametrize("case", nodes.cases("packages"), ids=lambda case: case["system"])
def test_packages(case):
    family = host.family(nodes.systems()[case["system"]], nodes.FAMILIES)
    assert docker.packages(nodes.built({"docker": case["docker"]}), family["docker"]) == case["packages"]


def test_daemon_json_does_not_change_the_model():
    model = nodes.built({"docker": {"options": {"log-opts": {"compress": "true"}}}})
    before = repr(model)
    docker.daemon(model)["log-opts"]["max-size"] = "1k"
    assert repr(model) == before


@pytest.mark.parametrize(
    ("url", "host_port"),
    [("registry.example", "registry.example"), ("registry.example:5000/a/b", "registry.example:5000")],
)
def test_registry_host(url, host_port):
    assert docker.registry_host(url) == host_port
