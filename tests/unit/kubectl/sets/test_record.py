"""The set's record."""

from __future__ import annotations

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
