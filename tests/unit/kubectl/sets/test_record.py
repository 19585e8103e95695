"""The set's record."""

from __future__ import annotations

import pytest
from saltk8s.kubectl.manifests import identity
from saltk8s.kubectl.sets import record


def test_kinds_survive_the_record():
    kinds = {
        identity.Kind("", "Service", "v1"),
        identity.Kind("apps", "Deployment", "v1"),
        identity.Kind("metallb.io", "IPAddressPool", "v1beta1"),
    }
    built = record.build("x", kinds)
    assert record.kinds(built) == kinds
    assert built == record.build("x", list(kinds)[::-1])
    assert record.kinds(None) == set()


@pytest.mark.parametrize("older", ["v1", "v2beta3", "v10beta1", "v11alpha2", "foo1"])
def test_a_kind_is_recorded_at_its_newest_version(older):
    pools = [identity.Kind("metallb.io", "IPAddressPool", version) for version in (older, "v2")]
    assert record.kinds(record.build("x", pools)) == {pools[1]}
