"""What a run that fails half-way says of its objects."""

from __future__ import annotations

from saltk8s.base import errors
from saltk8s.kubectl.manifests import identity
from saltk8s.kubectl.sets.actions import REPLACE, Action, Plan
from saltk8s.kubectl.sets.options import Options
from saltk8s.kubectl.sets.reader import Live
from saltk8s.kubectl.sets.run import Run
from saltk8s.kubectl.sets.trial import Trial
from saltk8s.kubectl.sets.writing import Writer
from tests.support import kubectl as objects

KEY = identity.Key("", "ConfigMap", "default", "settings")


class Kubectl:
    """Deletes, and then no longer reaches the API server."""

    def __init__(self):
        self.deleted = []

    def delete(self, stubs, timeout_s):
        self.deleted += [identity.key_of(stub) for stub in stubs]

    def apply(self, *_args, **_kwargs):
        raise errors.Unreachable("the API server does not answer")

    def existing(self, stubs):
        raise errors.Unreachable("the API server does not answer")


def test_an_interrupted_replacement_is_noted():
    kubectl, declared = Kubectl(), {KEY: objects.config_map()}
    plan, live = Plan({KEY: Action(REPLACE, KEY)}), Live(members={KEY: objects.config_map()})
    trial = Trial(kubectl, "set", declared, Options(), live, plan)
    done, failure = Run(trial, Writer(kubectl, "set", declared, Options()), 1).carry_out()
    assert kubectl.deleted == [KEY] and done == [] and isinstance(failure, errors.Unreachable)
    assert plan.notes == [
        "ConfigMap default/settings: replacement interrupted: deleted, not yet re-created; the next run creates it"
    ]
