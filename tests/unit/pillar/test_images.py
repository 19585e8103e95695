"""Where images are pulled from, and which the services have."""

from __future__ import annotations

import pytest
from saltk8s.pillar import images, model
from tests.support import pillars


@pytest.mark.parametrize(
    "reference, pulled",
    [
        ("quay.io/metallb/speaker:v0.15.2", "registry.osug.example/metallb/speaker:v0.15.2"),
        ("rancher/hyperkube:v1-rancher1", "registry.osug.example/rancher/hyperkube:v1-rancher1"),
        ("localhost/a:1", "registry.osug.example/a:1"),
        ("mirror:5000/a/b:1", "registry.osug.example/a/b:1"),
        ("redis:7", "registry.osug.example/redis:7"),
        ("registry.osug.example/a/b:1", "registry.osug.example/a/b:1"),
    ],
)
def test_images_through_the_registry(reference, pulled):
    assert images.through(reference, {"url": "registry.osug.example"}) == pulled
    assert images.through(reference, None) == reference


def test_images_of_services():
    built = model.build(pillars.defaults(), pillars.full())
    expected = ["quay.io/metallb/controller:v0.15.2", "quay.io/metallb/speaker:v0.15.2"]
    engine = ["docker.io/velero/velero-plugin-for-aws:v1.14.2", "docker.io/velero/velero:v1.18.3"]  # the chosen one's
    found = images.of_services(built)
    assert (found["metallb"], found["traefik"], found["backup"]) == (expected, ["traefik:v3.6.12"], engine)
    built["services"]["metallb"]["enabled"] = built["services"]["backup"]["enabled"] = False
    assert images.of_services(built).keys() == found.keys() - {"metallb", "backup"}
