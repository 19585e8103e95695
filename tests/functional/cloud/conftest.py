"""Fixtures of the tests of VMs: a vCenter, and salt-cloud as an operator of it calls it."""

from __future__ import annotations

import pytest
from labkit.owngo import build_own
from tests.support import cloud


@pytest.fixture(scope="session")
def vcsim():
    """Return the path of the vCenter simulator."""
    return build_own("vcsim")


@pytest.fixture
def server(vcsim, tmp_path):
    """A vCenter of its own for a test: host and port."""
    with cloud.vcenter(vcsim, tmp_path) as address:
        yield address


@pytest.fixture
def salt_cloud(tmp_path):
    """salt-cloud with a configuration folder of its own."""
    return cloud.Cloud(tmp_path / "etc" / "salt", tmp_path / "root")
