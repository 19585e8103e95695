"""The jobs of the minion's schedule."""

from __future__ import annotations

import pytest
from saltk8s.pillar.gitops import jobs

MODEL = {"enabled": True, "every_s": 30, "drift": {"every": "1h", "heal": False}}


def test_nothing_is_scheduled_unless_asked_for():
    assert jobs.wanted(MODEL | {"enabled": False}) == {}


def test_the_two_jobs():
    found = jobs.wanted(MODEL)
    assert tuple(found) == jobs.NAMES
    assert {name: (job["seconds"], job["splay"]) for name, job in found.items()} == {
        "saltk8s-apply": (30, 10),
        "saltk8s-drift": (3600, 300),
    }
    assert {job["maxrunning"] for job in found.values()} == {1}


@pytest.mark.parametrize(
    ("over", "differs"),
    [({}, False), ({"enabled": True, "name": "x"}, False), ({"enabled": False}, True), ({"seconds": 31}, True)],
)
def test_what_differs(over, differs):
    job = jobs.wanted(MODEL)["saltk8s-apply"]
    assert jobs.differs(job, job | over) is differs
    assert jobs.differs(job, None)
