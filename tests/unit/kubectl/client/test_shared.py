"""What is taken from one reading of several sets, and when each is read by itself."""

from __future__ import annotations

import pytest
from saltk8s.base import errors
from saltk8s.kubectl.client import shared
from saltk8s.kubectl.client.program import Listed
from saltk8s.kubectl.manifests.identity import SET_LABEL, Kind

MAPS, SECRETS, PODS = (Kind("", kind, "v1") for kind in ("ConfigMap", "Secret", "Pod"))
GROUP = (MAPS, SECRETS)


def obj(kind: str, set_name: str) -> dict:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": "one", "labels": {SET_LABEL: set_name}}}


class Cluster:
    """Stands in for kubectl: says what it was asked for."""

    def __init__(self, failure: Exception | None = None, **found):
        self.asked, self._failure = [], failure
        every = [obj(kind, name) for name in ("a", "b") for kind in ("ConfigMap", "Secret", "Pod")]
        self._found = Listed(**({"objects": every, "not_served": {}, "unknown": set()} | found))

    def objects_of_sets(self, names, kinds):
        self.asked.append((list(names), list(kinds)))
        if self._failure:
            raise self._failure
        return self._found


def reading(cluster: Cluster, **guesses) -> shared.Shared:
    return shared.Shared(cluster, {"a": [GROUP], "b": [(MAPS, PODS)]} | guesses)


def test_each_set_gets_its_objects_of_its_kinds():
    cluster = Cluster()
    found = reading(cluster)
    assert found.answer("a", GROUP) == Listed([obj("ConfigMap", "a"), obj("Secret", "a")], {}, set())
    assert found.answer("b", (MAPS, PODS)).objects == [obj("ConfigMap", "b"), obj("Pod", "b")]
    assert cluster.asked == [(["a", "b"], sorted({MAPS, SECRETS, PODS}))]


def test_other_kinds_and_other_sets_are_not_known():
    found = reading(Cluster())
    assert found.answer("a", (MAPS,)) is None and found.answer("c", GROUP) is None


@pytest.mark.parametrize("large", [[(MAPS,)], [GROUP, (PODS,)], []])
def test_large_sets_and_new_ones_are_read_by_themselves(large):
    cluster = Cluster()
    found = reading(cluster, c=[GROUP], b=large)
    assert found.answer("b", (MAPS, PODS)) is None and found.answer("a", GROUP) is not None
    assert cluster.asked == [(["a", "c"], [MAPS, SECRETS])]


def test_one_set_alone_asks_nothing_before_it_is_asked():
    cluster = Cluster()
    assert reading(cluster, b=[]).answer("a", GROUP) is None and cluster.asked == []


@pytest.mark.parametrize("cluster", [
    Cluster(errors.Unreachable("no answer")),
    Cluster(unknown={PODS}),
    Cluster(not_served={PODS: PODS}),
])  # fmt: skip
def test_what_is_not_clear_is_asked_for_each_set(cluster):
    assert reading(cluster).answer("a", GROUP) is None
