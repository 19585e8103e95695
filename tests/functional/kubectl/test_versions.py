"""Kinds live in versions: a kind is its group and name, and its objects are found at any version that is served."""

from __future__ import annotations

import itertools
import time

import pytest
from tests.support import kubectl as objects
from tests.support.kubectl import check_thrice, check_unchanged

_numbers = itertools.count()


@pytest.fixture
def group() -> str:
    """An API group of the test's own: other tests' definitions do not matter."""
    return f"v{next(_numbers)}.example.org"


def definition(group: str, kind: str = "Pool", **versions: bool) -> dict:
    """A definition whose versions are served or not; the last one is stored."""
    made = objects.definition(kind, group)
    version = made["spec"]["versions"][0]
    made["spec"]["versions"] = [
        version | {"name": name, "served": served, "storage": name == list(versions)[-1]}
        for name, served in versions.items()
    ]
    return made


def pool(group: str, name: str, version: str = "v1alpha1", size: int = 1, kind: str = "Pool") -> dict:
    return objects.custom(kind, group, name, size=size) | {"apiVersion": f"{group}/{version}"}


def define(apiserver, made: dict) -> None:
    """Write a definition as somebody else, and wait until the API server serves what it says, no more and no less."""
    apiserver.apply(made)
    group = made["spec"]["group"]
    wanted = {item["name"] for item in made["spec"]["versions"] if item["served"]}
    end = time.monotonic() + 20
    while served(apiserver, group) != wanted:
        assert time.monotonic() < end, served(apiserver, group)
        time.sleep(0.1)


def served(apiserver, group: str) -> set[str]:
    out = apiserver.kubectl("api-versions").split()
    return {line.split("/")[1] for line in out if line.startswith(f"{group}/")}


def names(apiserver, group: str, version: str = "v1") -> list[str]:
    found = apiserver.get(f"Pool.{version}.{group}", "-A") or {"items": []}
    return sorted(item["metadata"]["name"] for item in found["items"])


def record(apiserver, name: str) -> str | None:
    found = apiserver.get("configmap", f"saltk8s-set-{name}", "-n", "kube-system")
    return found and found["data"]["kinds"]


def test_objects_of_a_version_that_is_gone_are_pruned_and_deleted(apiserver, applied, run, group):
    kept = objects.config_map(f"gone-{group}", a="1")
    define(apiserver, definition(group, v1alpha1=True, v1=True))
    one, two = f"one-{group}", f"two-{group}"
    applied(one, kept, pool(group, "one"), pool(group, "two"))
    applied(two, pool(group, "three"), objects.config_map(f"gone-two-{group}", a="1"))
    define(apiserver, definition(group, v1alpha1=False, v1=True))
    real = check_thrice(apiserver, lambda **kw: applied(one, kept, **kw))
    assert real["changes"] == {
        f"Pool.{group} default/{name}": {"old": "present", "new": None} for name in ("one", "two")
    } | {f"ConfigMap kube-system/saltk8s-set-{one}": real["changes"][f"ConfigMap kube-system/saltk8s-set-{one}"]}
    assert names(apiserver, group) == ["three"]
    assert f"Pool.v1.{group}" in record(apiserver, one)
    real = check_thrice(apiserver, lambda **kw: run("absent", two, **kw))
    assert f"Pool.{group} default/three" in real["changes"] and record(apiserver, two) is None
    assert names(apiserver, group) == []


def test_the_record_keeps_the_newest_version(apiserver, applied, group):
    define(apiserver, definition(group, v1beta1=True, v1=True))
    kept, name = objects.config_map(f"newest-{group}", a="1"), f"newest-{group}"
    applied(name, kept, pool(group, "one", "v1beta1"))
    applied(name, kept, pool(group, "one", "v1"))
    check_unchanged(apiserver, lambda **kw: applied(name, kept, pool(group, "one", "v1"), **kw))
    assert f"Pool.v1.{group}" in record(apiserver, name) and "v1beta1" not in record(apiserver, name)
    define(apiserver, definition(group, v1beta1=False, v1=True))
    real = check_thrice(apiserver, lambda **kw: applied(name, kept, **kw))
    assert real["changes"] == {f"Pool.{group} default/one": {"old": "present", "new": None}}


def test_a_new_version_and_its_object_in_one_commit_are_changes(apiserver, applied, group):
    name = f"commit-{group}"
    first = [definition(group, v1alpha1=True), pool(group, "one"), pool(group, "two")]
    applied(name, *first)
    second = [
        definition(group, v1alpha1=True, v1=True),
        pool(group, "one", "v1", size=5),
        pool(group, "two", "v1"),
        pool(group, "three", "v1"),
    ]
    foretold, real = applied(name, *second, test=True), applied(name, *second)
    assert foretold["result"] is None and real["result"] is True, real["comment"]
    assert foretold["changes"].keys() == real["changes"].keys()
    for answer in (foretold, real):
        assert answer["changes"][f"Pool.{group} default/three"] == {"old": None, "new": "created"}
        assert "created" not in answer["changes"][f"Pool.{group} default/one"].values()
    assert f"would change Pool.{group} default/one" in foretold["comment"]
    assert f"changed Pool.{group} default/one" in real["comment"]
    assert apiserver.get(f"Pool.v1.{group}", "one")["spec"]["size"] == 5
    check_unchanged(apiserver, lambda **kw: applied(name, *second, **kw))


def test_a_commit_that_exchanges_the_version_prunes_at_the_new_one(apiserver, applied, group):
    name = f"exchange-{group}"
    applied(name, definition(group, v1alpha1=True), pool(group, "one"), pool(group, "two"))
    second = [definition(group, v1alpha1=False, v1=True), pool(group, "one", "v1")]
    foretold, real = applied(name, *second, test=True), applied(name, *second)
    assert real["result"] is True, real["comment"]
    assert real["changes"][f"Pool.{group} default/two"] == {"old": "present", "new": None}
    assert foretold["changes"].keys() == real["changes"].keys()
    assert names(apiserver, group) == ["one"]
    check_unchanged(apiserver, lambda **kw: applied(name, *second, **kw))


def test_a_commit_that_takes_the_recorded_version_away_with_its_objects(apiserver, applied, group):
    name = f"taken-{group}"
    applied(name, definition(group, v1beta1=True, v1=True), pool(group, "one", "v1"))
    second = [definition(group, v1beta1=True, v1=False)]
    check_thrice(apiserver, lambda **kw: applied(name, *second, **kw))
    assert f"Pool.v1beta1.{group}" in record(apiserver, name)


def test_a_version_that_nothing_defines_is_refused(apiserver, applied, group):
    define(apiserver, definition(group, v1alpha1=True))
    name = f"nowhere-{group}"
    applied(name, pool(group, "one"))
    mark = apiserver.mark()
    foretold, real = (applied(name, pool(group, "one", "v2"), test=test) for test in (True, False))
    assert real["result"] is False
    text = f"the API server serves the kind Pool.{group} at v1alpha1, not at v2"
    assert text in foretold["comment"] and text in real["comment"]
    assert [request for request in apiserver.requests(mark) if request.write] == []


def test_a_kind_that_is_served_at_no_version_is_said_and_kept_in_the_record(apiserver, applied, run, group):
    name, kept = f"unserved-{group}", objects.config_map(f"unserved-{group}", a="1")
    define(apiserver, definition(group, v1=True))
    applied(name, kept, pool(group, "one", "v1"))
    define(apiserver, definition(group, v1=False))
    check_unchanged(apiserver, lambda **kw: applied(name, kept, **kw))
    assert f"the API server serves the kind Pool.{group} at no version" in applied(name, kept)["comment"]
    assert f"Pool.v1.{group}" in record(apiserver, name)
    for test in (True, False):
        answer = run("absent", name, test=test)
        assert answer["result"] is False and answer["changes"] == {}
        assert "the API server serves these kinds of the set at no version:" in answer["comment"]
        assert f"at no version: Pool.{group}" in answer["comment"] and "nothing was deleted" in answer["comment"]
    define(apiserver, definition(group, v1=True))
    real = check_thrice(apiserver, lambda **kw: applied(name, kept, **kw))
    assert real["changes"] == {f"Pool.{group} default/one": {"old": "present", "new": None}}


def test_a_kind_whose_definition_is_gone_leaves_the_record(apiserver, applied, group):
    name, kept = f"deleted-{group}", objects.config_map(f"deleted-{group}", a="1")
    define(apiserver, definition(group, v1=True))
    applied(name, kept, pool(group, "one", "v1"))
    apiserver.kubectl("delete", "crd", f"pools.{group}")
    real = check_thrice(apiserver, lambda **kw: applied(name, kept, **kw))
    assert list(real["changes"]) == [f"ConfigMap kube-system/saltk8s-set-{name}"]
    assert group not in record(apiserver, name) and "at no version" not in real["comment"]


def test_a_definition_that_the_set_prunes_leaves_the_record_with_its_kind(apiserver, applied, group):
    name, kept = f"pruned-{group}", objects.config_map(f"pruned-{group}", a="1")
    applied(name, kept, definition(group, v1=True), pool(group, "one", "v1"))
    named = {"unprotect": [f"CustomResourceDefinition pools.{group}"]}
    real = check_thrice(apiserver, lambda **kw: applied(name, kept, **named, **kw))
    assert real["changes"].keys() >= {f"Pool.{group} default/one", f"CustomResourceDefinition pools.{group}"}
    assert group not in record(apiserver, name)


def test_a_set_is_listed_at_the_version_that_is_served(apiserver, applied, call, group):
    define(apiserver, definition(group, v1alpha1=True, v1=True))
    name = f"listed-{group}"
    applied(name, pool(group, "one"))
    define(apiserver, definition(group, v1alpha1=False, v1=True))
    assert "one" in [row["name"] for row in call("list_set", name)]
    assert call("wait_ready", name) is True


def test_the_same_name_in_two_groups(apiserver, applied, group):
    other = f"other.{group}"
    define(apiserver, definition(group, v1alpha1=True, v1=True))
    define(apiserver, definition(other, v1alpha1=True, v1=True))
    name, kept = f"groups-{group}", objects.config_map(f"groups-{group}", a="1")
    applied(name, kept, pool(group, "one"), pool(other, "one"))
    define(apiserver, definition(group, v1alpha1=False, v1=True))
    real = check_thrice(apiserver, lambda **kw: applied(name, kept, pool(other, "one"), **kw))
    assert f"Pool.{group} default/one" in real["changes"] and f"Pool.{other} default/one" not in real["changes"]


def test_a_definition_that_is_made_again_with_another_scope(apiserver, applied, group):
    kept, name = objects.config_map(f"scope-{group}", a="1"), f"scope-{group}"
    scoped = objects.custom("Pool", group, "one", None)
    define(apiserver, definition(group, v1=True))
    applied(name, kept, scoped)
    assert apiserver.get(f"Pool.v1.{group}", "one", "-n", "default") is not None
    apiserver.kubectl("delete", "crd", f"pools.{group}")
    made = definition(group, v1=True)
    made["spec"]["scope"] = "Cluster"
    define(apiserver, made)
    real = check_thrice(apiserver, lambda **kw: applied(name, kept, scoped, **kw))
    assert real["changes"] == {f"Pool.{group} one": {"old": None, "new": "created"}}
    real = check_thrice(apiserver, lambda **kw: applied(name, kept, **kw))
    assert real["changes"] == {f"Pool.{group} one": {"old": "present", "new": None}}


def test_built_in_kinds_have_versions_too(apiserver, applied):
    """A record from before an upgrade of the cluster names versions that it does not serve any more."""
    kept, name = objects.config_map("built-in", a="1"), "built-in"
    scaler = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "built-in"}}
    scaler["spec"] = {"maxReplicas": 2, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"}}
    applied(name, kept, scaler)
    old = "ConfigMap.v1.\nHorizontalPodAutoscaler.v2beta2.autoscaling\nPodSecurityPolicy.v1beta1.policy\n"
    written = objects.config_map(f"saltk8s-set-{name}", "kube-system", kinds=old)
    apiserver.apply(written)
    real = check_thrice(apiserver, lambda **kw: applied(name, kept, **kw))
    assert real["changes"]["HorizontalPodAutoscaler default/built-in"] == {"old": "present", "new": None}
    assert record(apiserver, name) == "ConfigMap.v1.\nHorizontalPodAutoscaler.v2.autoscaling\n"
