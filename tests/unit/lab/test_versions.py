"""Kubernetes' version in one place: images, programs, the users' example."""

from __future__ import annotations

import pytest
from labkit import programs, recipes, versions
from tests.support import pillars
from tests.support.tree import ROOT


def test_kubernetes_of_the_images_is_the_one_that_is_built():
    assert versions.CLUSTER.startswith(f"v{versions.KUBERNETES}-")
    assert programs.BY_NAME["kube-apiserver"].module.endswith(f"@v{versions.KUBERNETES}")
    assert recipes.BY_NAME["hyperkube"].ref.startswith(f"rancher/hyperkube:v{versions.KUBERNETES}-")


def test_the_example_has_the_version_of_the_lab():
    example = pillars.full()
    assert example["cluster"]["version"] == versions.CLUSTER
    for name, version in {"rke": versions.RKE, "kubectl": versions.KUBECTL}.items():
        program = example["binaries"][name]
        assert program["version"] == version
        assert f"/{version}/" in program["source"]


@pytest.mark.parametrize("folder", ["lab/labkit", "tests/bench", "tests/e2e", "tests/functional", "tests/support"])
def test_no_other_module_names_the_version(folder):
    own = {ROOT / "lab/labkit/versions.py", ROOT / "tests/support/bare_engine/schema.py"}  # the second: an example
    files = set((ROOT / folder).rglob("*.py")) - own
    assert [path for path in files if versions.KUBERNETES in path.read_text()] == []


def test_the_cpi_of_the_lab_is_the_default():
    assert pillars.defaults()["services"]["vsphere"]["cpi_version"] == versions.VSPHERE_CPI
