"""Where images are pulled from, and which the services have."""

from __future__ import annotations

import pytest
from saltk8s.base import errors
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


def test_an_image_with_a_digest():
    digest = f"sha256:{'5e' * 32}"
    pinned = f"quay.io/metallb/speaker:{{version}}@{digest}"
    built = pillars.model({"services": {"metallb": {"version": "v0.15.9", "images": {"speaker": pinned}}}})
    found = images.of_services(built)["metallb"]
    assert f"quay.io/metallb/speaker:v0.15.9@{digest}" in found
    registry = {"url": "registry.osug.example:5000"}
    copied = "registry.osug.example:5000/metallb/speaker:v0.15.9"
    assert f"{copied}@{digest}" in [images.through(image, registry) for image in found]
    assert images.digests(found, registry) == {copied: digest}
    assert images.digests([f"a/b@{digest}", "redis:7"], None) == {"a/b": digest}


def test_a_version_of_the_pillar_is_in_the_images_that_hold_it():
    service = {"enabled": True, "user": "k8s@osug", "cpi_version": "v1.31.7", "version": "v3.3.9"}
    found = pillars.model({"services": {"vsphere": service}})["services"]["vsphere"]["images"]
    assert found["cpi"] == "registry.k8s.io/cloud-pv-vsphere/cloud-provider-vsphere:v1.31.7"
    assert found["driver"] == "registry.k8s.io/csi-vsphere/driver:v3.3.9"


@pytest.mark.parametrize("tag", ["{cpi_version}", "{version", "v{}", "{enabled}", "latest"])
def test_a_tag_holds_only_the_versions_of_its_service(tag):
    patch = {"services": {"metallb": {"images": {"speaker": f"quay.io/metallb/speaker:{tag}"}}}}
    with pytest.raises(errors.ConfigError, match="may hold {version}"):
        pillars.model(patch)
    assert pillars.model({"services": {"metallb": {"images": {"speaker": "a/b:x-{version}-1"}}}})
