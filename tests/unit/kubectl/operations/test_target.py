"""Names and numbers that kubectl would misunderstand."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
from saltk8s.base import errors
from saltk8s.kubectl.manifests.identity import MANAGER, OBJECT_ANNOTATION, SET_LABEL
from saltk8s.kubectl.operations import target
from tests.support import kubectl as objects


@pytest.mark.parametrize("word", ["", "-l", "--all", "a,b", "a/b", "a b", "a\nb"])
def test_what_kubectl_could_take_for_something_else(word):
    with pytest.raises(errors.Invalid, match="name: got .*; expected one name"):
        target.checked_name("name", word)


@pytest.mark.parametrize("value", [-1, "x", True, 1.5, "", None])
def test_what_is_no_whole_number(value):
    with pytest.raises(errors.Invalid, match="n: got .*; expected a whole number"):
        target.checked_count("n", value)


@pytest.mark.parametrize(("title", "refused"), [("Deployment default/web", True), ("Deployment other/web", False)])
def test_a_copy_belongs_to_no_set_that_would_revert_a_change(title, refused):
    obj = objects.deployment()
    obj["metadata"] |= {"labels": {SET_LABEL: "web"}, "annotations": {OBJECT_ANNOTATION: title}}
    fields = {"f:spec": {"f:replicas": {}}}
    obj["metadata"]["managedFields"] = [{"manager": MANAGER, "operation": "Apply", "fieldsV1": fields}]
    with pytest.raises(errors.Refused, match="the set 'web' declares") if refused else nullcontext():
        target.refuse_declared(obj, "spec", "replicas", force=False)
