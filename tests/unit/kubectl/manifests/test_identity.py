"""Which object a name means."""

from __future__ import annotations

import pytest
from saltk8s.kubectl.manifests import identity
from tests.support import kubectl as objects


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


def test_versions_have_kubernetes_own_order():
    # the example of its documentation
    wanted = ["v10", "v2", "v1", "v11beta2", "v10beta3", "v3beta1", "v12alpha1", "v11alpha2", "foo1", "foo10"]
    assert sorted(sorted(wanted), key=identity.version_order) == wanted


@pytest.mark.parametrize(
    ("named", "itself", "owner"),
    [
        ("ConfigMap default/settings", True, "web"),
        ("ConfigMap other/settings", False, None),
        ("Secret default/settings", False, None),
        (None, False, "web"),
    ],
)
def test_an_object_of_a_set_names_itself(named, itself, owner):
    obj = objects.config_map()
    obj["metadata"] |= {"labels": {identity.SET_LABEL: "web"}, "annotations": {identity.OBJECT_ANNOTATION: named}}
    if named is None:
        del obj["metadata"]["annotations"]
    assert identity.names_itself(obj) is itself and identity.set_of(obj) == owner
    assert identity.is_copy(obj) is (owner is None)
    del obj["metadata"]["labels"]  # as `release` leaves a copy, which has no annotation then either
    assert identity.is_copy(obj) is not itself
