"""What a LimitRange rejects: what is certain, and what is not."""

from __future__ import annotations

import pytest
from saltk8s.base import errors
from saltk8s.kubectl.sets.actions import CHANGE, CREATE, Action, Plan
from saltk8s.kubectl.sets.admission import limits
from tests.support import enabling as made
from tests.support import kubectl as objects


class Cluster:
    """What a cluster has, or the error when it is asked."""

    def __init__(self, *found, error=None):
        self.found, self.error = found, error

    def objects(self, _, what, *words):
        if self.error:
            raise self.error
        return list(self.found) if what == "limitranges" else []


def ranged(name="limits", **item):
    return made.make("LimitRange", name, "default", spec={"limits": [{"type": "Container", **item}]})


def rejected(*found, cluster=None, verb=CREATE):
    declared = objects.declare(*found)
    plan = Plan({key: Action(verb if key.kind == "LimitRange" else CREATE, key) for key in declared})
    answer = limits.rejected(cluster or Cluster(), plan, declared)
    return [str(err) for err in answer.values()], plan


SMALL = ranged(max={"memory": "1Gi"})


def test_values_that_are_declared_count():
    (text,), _ = rejected(SMALL, made.pod("p", memory="1.5Gi"))
    said = "maximum memory usage per Container is 1Gi, but limit is 1536Mi (LimitRange default/limits)"
    assert text == f"Pod default/p: container a: {said}"


@pytest.mark.parametrize(
    ("item", "found"),
    [
        ({"max": {"cpu": "1"}, "default": {"cpu": "500m"}, "maxLimitRequestRatio": {"cpu": "1"}}, 0),
        ({"min": {"cpu": "1"}, "maxLimitRequestRatio": {"cpu": "2"}}, 1),  # a request, and no limit
        ({"default": {"cpu": "4"}, "defaultRequest": {"cpu": "1"}, "maxLimitRequestRatio": {"cpu": "2"}}, 1),
    ],
)
def test_a_limit_range_fills_in_before_it_judges(item, found):
    assert len(rejected(ranged(**item), made.pod("p"))[0]) == found


def test_what_two_fill_in_differently_is_not_known():
    one, other = ranged(max={"cpu": "1"}), ranged("other", default={"cpu": "2"})
    assert rejected(one, other, made.pod("p"))[0] == []
    assert rejected(one, made.pod("p"), cluster=Cluster(other))[0] == []
    (text,), _ = rejected(one, ranged("same", default={"cpu": "2"}, max={"cpu": "2"}), with_cpu("3"))
    assert "is 1, but limit is 3" in text and "is 2, but limit is 3" in text


def with_cpu(limit):
    return objects.changed(made.pod("p"), "spec.containers.0.resources", {"limits": {"cpu": limit}})


def test_without_knowing_the_other_limit_ranges_nothing_is_certain():
    assert rejected(SMALL, made.pod("p", memory="2Gi"), cluster=Cluster(error=errors.Unauthorized("no")))[0] == []


def test_what_is_asked_for_the_whole_pod_depends_on_the_version():
    assert rejected(SMALL, made.pod("p", memory="2Gi", resources={"limits": {"memory": "2Gi"}}))[0] == []


def test_a_limit_range_that_is_changed_is_written_after_a_pod_that_it_would_reject():
    declared = objects.declare(SMALL, made.pod("p", memory="2Gi"))
    plan = Plan()
    for key in declared:
        changes = {("spec", "limits"): (1, 2)} if key.kind == "LimitRange" else {}
        plan.put(Action(CHANGE if changes else CREATE, key, changes))
    assert limits.rejected(Cluster(), plan, declared) == {}


@pytest.mark.parametrize(
    "spec", [None, [], {"containers": None}, {"containers": [{"resources": 1}]}, {"containers": 3}]
)
def test_pods_of_any_form(spec):
    assert rejected(SMALL, made.make("Pod", "p", "default", spec=spec))[0] == []
