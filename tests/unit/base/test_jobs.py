"""Which pillar a function reads: as the master has it now for a job, that in memory for all others."""

from __future__ import annotations

import pytest
from saltk8s.base import arguments, edges

JOB = {"__pub_jid": "20260101000000000000", "__pub_fun": "k8s_cluster.plan"}
OPTS = {"file_client": "remote"}
__context__: dict = {}


class Failed(Exception):
    """Salt's."""


def asked(opts=None, fail=False, within=False):
    """Ask twice for the pillar; within: by another function, as modules call each other."""
    if fail:
        raise ValueError("a fault of ours")
    if within:
        return guarded()(opts)
    given = opts or OPTS
    return [edges.pillar_of_job(__context__, given, lambda: {"compiled": len(COMPILED) or COMPILED.append(1)})] * 2


COMPILED: list[int] = []


def guarded(as_job=True):
    module = {"__name__": __name__, "asked": asked}
    arguments.guard(module, Failed, Failed, as_job=as_job)
    COMPILED.clear()
    return module["asked"]


def test_a_job_compiles_it_once_and_leaves_nothing_behind():
    assert guarded()(**JOB) == [{"compiled": None}] * 2
    assert guarded()(within=True, **JOB) == [{"compiled": None}] * 2
    assert len(COMPILED) == 1 and __context__ == {}
    with pytest.raises(ValueError, match="a fault of ours"):
        guarded()(fail=True, **JOB)
    assert __context__ == {}


@pytest.mark.parametrize(
    ("opts", "words", "as_job"),
    [
        (None, {}, True),
        (None, JOB | {"__pub_schedule": "saltk8s-metrics"}, True),
        (OPTS | {"__cli": "salt-call"}, JOB, True),
        ({"file_client": "local"}, JOB, True),
        (None, JOB, False),
    ],
    ids=["a template or a state", "the schedule", "salt-call", "no master", "a module that says so"],
)
def test_others_take_the_one_in_memory(opts, words, as_job):
    assert guarded(as_job)(opts, **words) == [None, None]
    assert COMPILED == []
