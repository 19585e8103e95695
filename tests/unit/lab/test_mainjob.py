"""Reading the answers of ``state.apply``."""

from __future__ import annotations

from labkit import mainjob


def test_problems_of_a_state_run():
    good = {"a": {"result": True, "__id__": "a", "__run_num__": 0}}
    bad = {
        "b": {"result": False, "__id__": "second", "comment": "no", "__run_num__": 1},
        "a": {"result": False, "__id__": "first", "comment": "why", "__run_num__": 0},
        "c": {"result": None, "__id__": "c", "comment": "would", "__run_num__": 2},
    }
    answers = {"m1": good, "m2": bad, "m3": ["No matching sls found"], "m4": False}
    assert mainjob.problems(answers) == [
        "m2: first: why",
        "m2: second: no",
        "m3: ['No matching sls found']",
        "m4: False",
    ]
    assert mainjob.problems({"m1": good}) == []


def test_stages_are_the_slowest_minions():
    answers = {
        "m1": {"a": {"__sls__": "k8s.docker", "duration": 1500.0}, "b": {"__sls__": "k8s.docker", "duration": 500}},
        "m2": {"a": {"__sls__": "k8s.docker", "duration": "1000 ms"}, "b": {"__sls__": "k8s.os", "duration": 250}},
        "m3": "no answer",
    }
    assert mainjob.stages(answers) == {"k8s.docker": 2.0, "k8s.os": 0.2}
