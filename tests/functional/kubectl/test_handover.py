"""Moving an object from one set to another, without deleting it: ``release`` and ``take_over``."""

from __future__ import annotations

import itertools

import pytest
from tests.support import kubectl as objects
from tests.support.kubectl import check_thrice, check_unchanged

LABEL, ANNOTATION = "saltk8s.io/set", "saltk8s.io/object"
_numbers = itertools.count()


def config_map(number: int) -> dict:
    return objects.config_map(f"moved-{number}", a="1")


def claim(number: int) -> dict:
    made = {"apiVersion": "v1", "kind": "PersistentVolumeClaim"}
    made["metadata"] = {"name": f"moved-{number}", "namespace": "default"}
    made["spec"] = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    made["spec"] |= {"storageClassName": "none", "volumeName": f"volume-{number}"}
    return made


def definition(number: int) -> dict:
    return objects.definition("Moved", f"moved-{number}.example.org")


class Move:
    """An object that moves from one set to another; each set keeps an object of its own."""

    def __init__(self, apiserver, applied, make):
        self.number = next(_numbers)
        self.obj = make(self.number)
        self.old, self.new = f"old-{self.number}", f"new-{self.number}"
        self._apiserver, self._applied = apiserver, applied
        self.kept = objects.config_map(f"kept-{self.number}", a="1")
        self.other = objects.config_map(f"other-{self.number}", a="1")
        self.custom = []
        if make is definition:
            self.custom = [objects.custom("Moved", f"moved-{self.number}.example.org", "one")]
        meta = self.obj["metadata"]
        place = f"{meta['namespace']}/" if "namespace" in meta else ""
        self.title = f"{self.obj['kind']} {place}{meta['name']}"
        applied(self.old, self.kept, self.obj, *self.custom)
        applied(self.new, self.other)
        if make is claim:
            apiserver.set_status("persistentvolumeclaim", meta["name"], {"phase": "Bound"})
        self.uid = self.live()["uid"]

    def live(self) -> dict:
        meta = self.obj["metadata"]
        where = ["-n", meta["namespace"]] if "namespace" in meta else []
        return self._apiserver.get(self.obj["kind"].lower(), meta["name"], *where)["metadata"]

    def run_old(self, **kwargs):
        return self._applied(self.old, self.kept, *self.custom, **kwargs)

    def run_new(self, **kwargs):
        return self._applied(self.new, self.other, self.obj, **kwargs)

    def check_moved(self) -> None:
        """The object is the same one, in the new set; the definition's objects stay where they were."""
        meta = self.live()
        assert meta["uid"] == self.uid and "deletionTimestamp" not in meta
        assert meta["labels"][LABEL] == self.new and meta["annotations"][ANNOTATION] == self.title
        for obj in self.custom:
            found = self._apiserver.get(f"{obj['kind']}.v1.moved-{self.number}.example.org", "one")
            assert found["metadata"]["labels"][LABEL] == self.old
        check_unchanged(self._apiserver, self.run_old)
        check_unchanged(self._apiserver, self.run_new)


@pytest.fixture
def move(apiserver, applied):
    return lambda make=config_map: Move(apiserver, applied, make)


KINDS = pytest.mark.parametrize("make", [config_map, claim, definition])


@KINDS
def test_in_one_commit_the_old_set_first(apiserver, move, make):
    moving = move(make)
    left = check_thrice(apiserver, lambda **kw: moving.run_old(release=[moving.title], **kw))
    assert left["changes"][moving.title] == {"old": "present", "new": "released"}
    assert f"released {moving.title} (it is kept, without the set's label)" in left["comment"]
    meta = moving.live()
    assert LABEL not in meta.get("labels", {}) and ANNOTATION not in meta.get("annotations", {})
    got = check_thrice(apiserver, lambda **kw: moving.run_new(take_over=[moving.title], **kw))
    assert got["changes"][moving.title] == {f'metadata.labels["{LABEL}"]': {"old": None, "new": moving.new}}
    moving.check_moved()
    check_unchanged(apiserver, lambda **kw: moving.run_old(release=[moving.title], **kw))


@KINDS
def test_in_one_commit_the_new_set_first(apiserver, move, make):
    moving = move(make)
    got = check_thrice(apiserver, lambda **kw: moving.run_new(take_over=[moving.title], **kw))
    assert got["changes"][moving.title] == {f'metadata.labels["{LABEL}"]': {"old": moving.old, "new": moving.new}}
    assert f"(it existed already, with the label of the set '{moving.old}')" in got["comment"]
    left = moving.run_old(release=[moving.title])
    assert left["result"] is True and moving.title not in left["changes"]
    moving.check_moved()


@KINDS
def test_in_two_commits_released_first(move, make):
    moving = move(make)
    assert moving.run_old(release=[moving.title])["result"] is True
    assert moving.run_new()["result"] is True
    moving.check_moved()


@KINDS
def test_in_two_commits_taken_over_first(apiserver, applied, move, make):
    moving = move(make)
    assert moving.run_new(take_over=[moving.title])["result"] is True
    # the old set still declares it, until the second commit
    for test in (True, False):
        still = applied(moving.old, moving.kept, moving.obj, *moving.custom, test=test)
        assert still["result"] is False
        assert f"{moving.title} belongs to the set '{moving.new}'" in still["comment"]
        assert "name it in take_over here" in still["comment"]
    left = moving.run_old()
    assert left["result"] is True and moving.title not in left["changes"]
    moving.check_moved()


def test_without_release_the_old_set_prunes_except_protected_kinds(apiserver, move):
    plain, data = move(), move(claim)
    assert plain.run_old()["changes"][plain.title] == {"old": "present", "new": None}
    kept = data.run_old()
    assert data.title not in kept["changes"] and data.title in kept["comment"]
    assert data.live()["uid"] == data.uid


def test_without_prune_an_object_is_released_as_well(apiserver, move):
    moving = move()
    left = check_thrice(apiserver, lambda **kw: moving.run_old(release=[moving.title], prune=False, **kw))
    assert moving.title in left["changes"]


def test_fields_that_change_on_the_way_are_shown(apiserver, applied, move):
    moving = move()
    changed = objects.changed(moving.obj, "data", {"b": "2"})

    def run(**kwargs):
        return applied(moving.new, moving.other, changed, take_over=[moving.title], **kwargs)

    assert check_thrice(apiserver, run)["changes"][moving.title] == {
        "data.a": {"old": "1", "new": None},
        "data.b": {"old": None, "new": "2"},
        f'metadata.labels["{LABEL}"]': {"old": moving.old, "new": moving.new},
    }


def check_refused(apiserver, run, text: str) -> None:
    mark = apiserver.mark()
    for test in (True, False):
        answer = run(test=test)
        assert answer["result"] is False and answer["changes"] == {} and text in answer["comment"], answer
    assert [request for request in apiserver.requests(mark) if request.write] == []


def test_what_is_still_declared_is_not_released(apiserver, applied, move):
    moving = move()

    def run(**kwargs):
        return applied(moving.old, moving.kept, moving.obj, release=[moving.title], **kwargs)

    check_refused(apiserver, run, f"release: {moving.title} is still declared by the set")


def test_what_is_not_declared_is_not_taken_over(apiserver, applied, move):
    moving = move()

    def run(**kwargs):
        return applied(moving.new, moving.other, take_over=["ConfigMap default/mistyped"], **kwargs)

    check_refused(apiserver, run, "take_over: ConfigMap default/mistyped is not declared by the set")


def test_take_over_is_for_the_named_objects_alone(apiserver, applied, move):
    first, second = move(), move()

    def run(**kwargs):
        return applied("taker", first.obj, second.obj, take_over=[first.title], **kwargs)

    check_refused(apiserver, run, f"{second.title} belongs to the set '{second.old}'")


def test_what_is_released_does_not_go_with_its_namespace_or_definition(apiserver, applied):
    kept = objects.config_map("doomed-kept", a="1")
    group = "doomed.example.org"
    applied("doomed", kept, objects.namespace("doomed"), objects.config_map("inside", "doomed", a="1"))
    applied(
        "doomed-kind", kept | {"metadata": kept["metadata"] | {"name": "doomed-kind"}}, objects.definition("X", group)
    )
    applied(
        "doomed-kind",
        objects.config_map("doomed-kind", a="1"),
        objects.definition("X", group),
        objects.custom("X", group, "x"),
    )

    def run_namespace(**kwargs):
        return applied("doomed", kept, release=["ConfigMap doomed/inside"], unprotect=["Namespace doomed"], **kwargs)

    def run_definition(**kwargs):
        named = {"release": [f"X.{group} default/x"], "unprotect": [f"CustomResourceDefinition xs.{group}"]}
        return applied("doomed-kind", objects.config_map("doomed-kind", a="1"), **named, **kwargs)

    text = "would be deleted with its namespace or its CustomResourceDefinition"
    check_refused(apiserver, run_namespace, f"release: ConfigMap doomed/inside {text}")
    check_refused(apiserver, run_definition, f"release: X.{group} default/x {text}")


@pytest.mark.parametrize("parameter", ["release", "take_over", "replace", "unprotect"])
def test_a_name_that_cannot_be_one_is_refused(apiserver, applied, parameter):
    def run(**kwargs):
        return applied("names", objects.config_map("names", a="1"), **{parameter: ["default/names"]}, **kwargs)

    check_refused(apiserver, run, f"{parameter}: got 'default/names'; expected Kind name or Kind namespace/name")
