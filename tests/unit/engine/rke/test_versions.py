"""Versions of rke and of Kubernetes: which may run, which may follow which."""

from __future__ import annotations

import pytest
from saltk8s.base import errors
from saltk8s.engine.rke import versions
from tests.support import rke as sample

VERSIONS = sample.case("versions")


@pytest.mark.parametrize("case", VERSIONS["rke"], ids=lambda case: case["output"].strip() or "nothing")
def test_rke_version(case):
    if "refused" in case:
        with pytest.raises(errors.Refused, match=case["refused"]):
            versions.check_rke(versions.rke_of(case["output"]))
    else:
        found = versions.rke_of(case["output"])
        versions.check_rke(found)
        assert found == case["version"]


@pytest.mark.parametrize("case", VERSIONS["kubernetes"], ids=lambda case: f"{case['running']}-{case['wanted']}")
def test_kubernetes_version(case):
    if "refused" in case:
        with pytest.raises(errors.Refused, match=case["refused"]):
            versions.check_kubernetes(case["wanted"], case["offered"], case["running"])
    else:
        versions.check_kubernetes(case["wanted"], case["offered"], case["running"])


@pytest.mark.parametrize("version", ["v1.32", "latest", "v1.32.6", "1.32.6-rancher1-1"])
def test_unpinned_kubernetes_version(version):
    with pytest.raises(errors.Refused, match="pinned"):
        versions.kubernetes(version)


def test_offered_versions_are_sorted_as_numbers():
    output = "v1.9.10-rancher1-1\nv1.30.14-rancher1-1\nv1.9.2-rancher1-1\n"
    assert versions.offered(output) == ["v1.9.2-rancher1-1", "v1.9.10-rancher1-1", "v1.30.14-rancher1-1"]


@pytest.mark.parametrize(("package", "accepted"), [
    ("5:27.5", True), ("5:28.1", True), ("5:28.1.1-1~debian.12~bookworm", True), ("20.10.24+dfsg1-1+b3", True),
    ("3:23.0", True), ("26.1.5", True), ("5:28.2", False), ("5:29.1", False), ("5:28", False), ("28", False),
    ("5:28.10", False), ("22.06", False), ("2", False),
])  # fmt: skip
def test_which_docker_it_accepts(package, accepted):
    assert versions.accepts_docker(package) is accepted
