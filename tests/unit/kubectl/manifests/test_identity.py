"""Which object a name means."""

from __future__ import annotations

import pytest
from saltk8s.kubectl.manifests import identity


@pytest.mark.parametrize(
    ("wanted", "means"),
    [
        ("Namespace web", True),
        ("namespace web", True),
        ("Namespace x/web", False),
        ("Namespace we", False),
        ("web", False),
        ("Pod web", False),
    ],
)
def test_names_of_protected_objects(wanted, means):
    assert identity.matches(wanted, identity.Key("", "Namespace", "", "web")) is means


def test_names_with_group_and_namespace():
    key = identity.Key("metallb.io", "IPAddressPool", "metallb-system", "public")
    assert identity.matches("IPAddressPool.metallb.io metallb-system/public", key)
    assert not identity.matches("IPAddressPool.other.io metallb-system/public", key)
