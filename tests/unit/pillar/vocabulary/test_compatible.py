"""Which versions of services go with which Kubernetes: the table, and what is made of it."""

from __future__ import annotations

import itertools

import pytest
from labkit import versions
from saltk8s.pillar.vocabulary import compatible
from tests.support import pillars
from tests.support.tree import ROOT

OFFERED = ["v1.30.14-rancher1-1", "v1.31.10-rancher1-1", versions.CLUSTER]
STEPS = list(itertools.pairwise(OFFERED))


def model(**vsphere):
    return {"services": {"vsphere": {"enabled": True, "version": "v3.3.1", "cpi_version": "v1.30.0", **vsphere}}}


def verdict(given, *kubernetes):
    return {one.path.rpartition(":")[2]: one.fits for one in compatible.verdicts(given, *kubernetes)}


@pytest.mark.parametrize(("old", "new"), STEPS)
def test_every_step_that_rke_offers_can_be_taken_with_vsphere_on(old, new):
    for key in ("cpi_version", "version"):
        both = [compatible.fitting("vsphere", key, compatible.minor(one)) for one in (old, new)]
        assert set(both[0]) & set(both[1]), "one version goes with both, so that it stays on"


def test_the_controller_manager_is_never_newer_than_the_api_server():
    for row in compatible.rows("vsphere", "cpi_version"):
        own = tuple(map(int, row.version.split(".")))
        assert row.first == own and row.last == (own[0], own[1] + 1)


def test_every_default_goes_with_the_lab():
    services = {name: {**one, "enabled": True} for name, one in pillars.defaults()["services"].items()}
    found = compatible.verdicts({"services": services}, versions.CLUSTER)
    assert {one.path for one in found if one.fits is not True} == set()
    known = {one.path for one in found}
    assert {f"k8s:services:{name}:version" for name, one in services.items() if one.get("version")} <= known


def test_a_version_that_goes_with_one_of_the_two():
    old, new = OFFERED[1:]
    (cpi, csi) = compatible.verdicts(model(), old, new)
    assert (cpi.fits, cpi.expected, csi.fits) == (False, "v1.31", True)
    assert verdict(model(cpi_version="v1.31.0"), old, new) == {"cpi_version": True, "version": True}
    assert verdict(model(cpi_version="v1.99.0"), old, new)["cpi_version"] is None
    assert verdict(model(enabled=False), old, new) == {}


def test_a_version_in_an_image_alone():
    images = {"velero": "r.example/velero/velero:v1.18.3@sha256:ab", "k8up": "ghcr.io/k8up-io/k8up:v9.9.0"}
    for engine, fits in (("velero", True), ("k8up", None)):
        backup = {"enabled": True, "engine": engine, "images": images}
        assert verdict({"services": {"backup": backup}}, *OFFERED) == {engine: fits}


def test_the_page_of_vsphere_has_the_rows():
    page = (ROOT / "docs/services/vsphere.md").read_text()
    for row in compatible.TABLE:
        if row.service == "vsphere":
            name = {"cpi_version": "CPI", "version": "CSI"}[row.key]
            ends = compatible.words(row.first), compatible.words(row.last)
            assert f"| {name} | {row.version} | {ends[0]} to {ends[1]} |" in page
