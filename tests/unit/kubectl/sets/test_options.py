"""What the options of a set allow."""

from __future__ import annotations

import pytest
from saltk8s.kubectl.manifests import identity
from saltk8s.kubectl.sets.options import Options
from tests.support import kubectl as objects

SETTINGS = identity.Key("", "ConfigMap", "default", "settings")


def test_protected_objects_are_deleted_only_when_they_are_named():
    web = identity.Key("", "Namespace", "", "web")
    assert Options().may_delete(SETTINGS) and not Options().may_delete(web)
    assert Options(unprotect=["Namespace web"]).may_delete(web)
    assert not Options(unprotect=["Namespace other"]).may_delete(web)


@pytest.mark.parametrize(
    ("named", "annotation", "allowed"),
    [([], None, False), ([], "false", False), ([], "true", True), (["ConfigMap default/settings"], None, True)],
)
def test_an_object_is_replaced_only_when_it_or_the_state_allows_it(named, annotation, allowed):
    obj = objects.config_map()
    if annotation:
        obj["metadata"]["annotations"] = {identity.REPLACE_ANNOTATION: annotation}
    assert Options(replace=named).may_replace(SETTINGS, obj) is allowed
