"""The patch of managedFields before a write; what it comes to is tested on an API server."""

import json

import pytest
from saltk8s.base import errors
from saltk8s.kubectl.compare import ownership
from saltk8s.kubectl.manifests.identity import key_of
from tests.support import kubectl as objects

LAST = ownership.ANNOTATION
ANNOTATED = {"f:metadata": {"f:annotations": {".": {}, f"f:{LAST}": {}}}, "f:data": {"f:a": {}}}
ESCAPED = "f:kubectl.kubernetes.io~1last-applied-configuration"


class Patches:
    """A kubectl that keeps the patches it is given, and fails the first times."""

    def __init__(self, failures=0, then=None):
        self.given, self.asked = [], 0
        self._failures, self._then = failures, then

    def patch(self, patch, stubs):
        self.given.append((json.loads(patch), [obj["metadata"]["name"] for obj in stubs]))
        if len(self.given) <= self._failures:
            raise errors.CommandError("the server rejected our request")
        return []

    def existing(self, stubs):
        self.asked += 1
        return [self._then]


def entry(tree, manager="kubectl-client-side-apply", operation="Update"):
    return {"manager": manager, "operation": operation, "apiVersion": "v1", "fieldsV1": tree}


def live(obj, *entries, **meta):
    return obj | {"metadata": obj["metadata"] | {"managedFields": list(entries), "resourceVersion": "7"} | meta}


def patched(obj, found, *removed, kubectl=None):
    kubectl = kubectl or Patches()
    key = key_of(obj)
    ownership.prepare(kubectl, [obj], {key: found}, {key: removed})
    return kubectl.given


def test_most_objects_need_nothing():
    obj = objects.config_map(a="1")
    assert patched(obj, live(obj, entry({"f:data": {"f:a": {}}}))) == []
    assert patched(obj, live(obj)) == []
    assert patched(obj, live(obj, entry(ANNOTATED, operation="Apply"))) == []


def test_objects_with_the_same_patch_share_it():
    found = [objects.config_map(name, a="1") for name in ("one", "two")]
    kubectl = Patches()
    ownership.prepare(kubectl, found, {key_of(obj): live(obj, entry(ANNOTATED)) for obj in found}, {})
    path = f"/metadata/managedFields/0/fieldsV1/f:metadata/f:annotations/{ESCAPED}"
    assert kubectl.given == [([{"op": "remove", "path": path}], ["one", "two"])]


def test_what_has_nothing_else_left_goes_with_it():
    obj = objects.config_map(a="1")
    tree = {"f:metadata": {"f:annotations": {f"f:{LAST}": {}}}, "f:data": {"f:a": {}}}
    ((steps, _),) = patched(obj, live(obj, entry(tree)))
    assert steps == [{"op": "remove", "path": "/metadata/managedFields/0/fieldsV1/f:metadata"}]


def test_without_managers_nobody_gets_the_annotation():
    obj = objects.config_map(a="1")
    ((steps, _),) = patched(obj, live(obj, annotations={LAST: "{}"}))
    assert [step["op"] for step in steps] == ["test", "add"]
    assert LAST not in json.dumps(steps) and steps[0]["value"] == "7"


def test_what_is_removed_becomes_ours_alone():
    obj = objects.deployment()
    path = ("f:spec", "f:strategy", "f:rollingUpdate")
    theirs = entry({"f:spec": {"f:replicas": {}, "f:strategy": {"f:rollingUpdate": {"f:maxSurge": {}}}}})
    ours = entry({"f:spec": {"f:replicas": {}}}, "saltk8s", "Apply")
    ((steps, _),) = patched(obj, live(obj, theirs, ours), path)
    assert steps == [
        {"op": "remove", "path": "/metadata/managedFields/0/fieldsV1/f:spec/f:strategy"},
        {"op": "add", "path": "/metadata/managedFields/1/fieldsV1/f:spec/f:strategy", "value": {"f:rollingUpdate": {}}},
    ]
    ((steps, _),) = patched(obj, live(obj, theirs), path)
    assert steps[1]["path"] == "/metadata/managedFields/-" and steps[1]["value"]["manager"] == "saltk8s"


def test_others_may_write_meanwhile():
    obj = objects.config_map(a="1")
    moved = live(obj, entry({"f:data": {}}, "other"), entry(ANNOTATED))
    kubectl = Patches(failures=1, then=moved)
    given = patched(obj, live(obj, entry(ANNOTATED)), kubectl=kubectl)
    assert ["/0/" in given[0][0][0]["path"], "/1/" in given[1][0][0]["path"]] == [True, True] and kubectl.asked == 1
    with pytest.raises(errors.CommandError):
        patched(obj, live(obj, entry(ANNOTATED)), kubectl=Patches(failures=9, then=moved))
