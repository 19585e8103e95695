"""What others write may have any form: it is judged, explained and shown without a traceback."""

from __future__ import annotations

import json
import random

import pytest
from saltk8s.base import errors
from saltk8s.kubectl.health import assessment, ending, events, explain, poll, summary
from saltk8s.kubectl.manifests.identity import key_of, kind_of

RULES = [(group, kind) for group, kind in assessment._CHECKS]
KINDS = [*RULES, ("", "ConfigMap"), ("", "Node"), ("", "Event"), ("example.org", "Thing"), ("batch", "CronJob")]
ROUNDS = 120

SCALARS = [
    None,
    True,
    False,
    0,
    1,
    -3,
    2**70,
    1.5,
    float("inf"),
    "",
    "True",
    "False",
    "Unknown",
    "2",
    "٣",
    "Ready",
    "ö\n",
]
# the words that the code looks for, so that the random values get as far as possible
KNOWN = """
conditions type status reason message observedGeneration replicas updatedReplicas availableReplicas
readyReplicas desiredNumberScheduled updatedNumberScheduled numberAvailable currentRevision updateRevision
succeeded phase loadBalancer ingress containerStatuses initContainerStatuses state lastState waiting
terminated running exitCode name restartCount ready addresses address nodeInfo kubeletVersion completions
partition rollingUpdate updateStrategy suspend storageClassName ttlSecondsAfterFinished restartPolicy
finalizers taints key value effect unschedulable nodeName involvedObject apiVersion kind namespace series
count lastObservedTime lastTimestamp eventTime
"""
WORDS = KNOWN.split()
PHASES = ("Active", "Bound", "Pending", "Running", "Succeeded", "Failed", "LoadBalancer", "Lost", "Never")
TYPES = ("Ready", "Available", "Progressing", "Complete", "Failed", "FailureTarget", "Established", "NamesAccepted")


class Answers:
    """A kubectl whose cluster has these objects and no logs."""

    cluster_exists = True

    def __init__(self, *objects):
        self._objects = list(objects)

    def objects(self, *words, **options):
        kind = words[1].partition(".")[0]
        return [obj for obj in self._objects if obj["kind"] == kind]

    def run(self, *words, **options):
        raise errors.Unreachable("no logs")


class Chance:
    """Random JSON; the same seed makes the same."""

    def __init__(self, seed):
        self._random = random.Random(seed)

    def value(self, depth=4):
        """Any value."""
        form = self._random.random()
        if depth == 0 or form < 0.4:
            return self._random.choice([*SCALARS, *TYPES])
        if form < 0.6:
            return [self.value(depth - 1) for _ in range(self._random.randrange(3))]
        return self.map(depth)

    def map(self, depth=4):
        """A map with words that the code knows, and often with conditions that nearly are some."""
        found = {name: self.value(depth - 1) for name in self._random.sample(WORDS, self._random.randrange(1, 8))}
        if self._random.random() < 0.3:
            found["phase"] = self._random.choice(PHASES)
        if self._random.random() < 0.5:
            found["conditions"] = [self.condition(depth) for _ in range(self._random.randrange(1, 4))]
        return found

    def condition(self, depth):
        """Mostly a condition."""
        if self._random.random() < 0.2:
            return self.value(depth - 1)
        found = {"type": self._random.choice(TYPES), "status": self._random.choice(["True", "False", "Unknown"])}
        return found | {name: self.value(1) for name in self._random.sample(WORDS, 2)}

    def object(self, group, kind):
        """An object as an API server may return one: only its identity and its generation are what they should be."""
        version = f"{group}/v1" if group else "v1"
        meta = {"name": "x", "namespace": "default", "uid": "u", "generation": self._random.randrange(4)}
        if self._random.random() < 0.2:
            meta |= {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": self.value(2)}
        parts = {name: self.value() for name in WORDS if self._random.random() < 0.1}
        spec = self.value()
        if isinstance(spec, dict):
            spec.pop("selector", None)
        return parts | {"apiVersion": version, "kind": kind, "metadata": meta, "spec": spec, "status": self.value()}


def made(group, kind, rounds=ROUNDS):
    """Objects of a kind, with whatever for spec, status and the rest."""
    for seed in range(rounds):
        yield Chance(f"{group} {kind} {seed}").object(group, kind)


@pytest.mark.parametrize(("group", "kind"), KINDS, ids=lambda part: part)
def test_any_status_is_judged_and_shown(group, kind):
    for obj in made(group, kind):
        health = assessment.assess(obj, {"Ready"})
        assert isinstance(health.ready, bool) and isinstance(health.reason, str), json.dumps(obj)
        assert health.ready or health.reason, json.dumps(obj)
        assert all(isinstance(line, str) for line in assessment.conditions(obj))
        assert [row["ready"] for row in summary.of_objects([obj])] == [assessment.assess(obj).ready]
        assert json.dumps(summary.of_node(obj))
        poll.unhealthy(Answers(), [obj])
        if health.ready and obj["metadata"].get("deletionTimestamp"):
            assert assessment.is_done(obj)


@pytest.mark.parametrize(("group", "kind"), KINDS, ids=lambda part: part)
def test_any_status_is_explained(group, kind):
    for number, obj in enumerate(made(group, kind, 25)):
        chance = Chance(number)
        pod, event = chance.object("", "Pod"), chance.object("", "Event")
        if isinstance(obj["spec"], dict):
            obj["spec"]["selector"] = {"matchLabels": {"app": "x"}}
        explained = explain.explain(Answers(pod, event), obj)
        assert all(isinstance(line, str) for line in explain.lines(explained)), json.dumps(obj)
        assert all(isinstance(one["time"], str) for one in events.list_events(Answers(event, event)))


def test_any_status_of_a_job_that_is_gone():
    for obj in made("batch", "Job"):
        key = key_of(obj)
        gone = ending.Ending(Answers(Chance(0).object("", "Event")), [key])
        gone.see({key: obj})
        assert isinstance(gone.health(key).ready, bool)
        assert all(isinstance(line, str) for line in gone.notes())


def test_the_random_objects_reach_the_rules():
    """Each rule finds several things in them; otherwise they would test nothing."""
    for group, kind in RULES:
        assert len({assessment.assess(obj) for obj in made(group, kind, 40)}) > 1, (group, kind)
        assert assessment.has_rule(kind_of(next(made(group, kind))))
