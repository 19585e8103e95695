"""Adoption by generation: whatever made objects, and whoever changed them, a set takes away only what both modes say.

Objects of several kinds are made and changed in ways that are drawn, all at once; then one set adopts and changes them.
``--hypothesis-seed=N`` draws the same again.
"""

from __future__ import annotations

import itertools
import json
import random
from collections import defaultdict

from saltk8s.kubectl.compare import diff
from saltk8s.kubectl.manifests.identity import key_of
from tests.support import generate
from tests.support.kubectl import check_thrice

KINDS = [
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "CronJob",
    "ConfigMap",
    "Secret",
    "Ingress",
    "NetworkPolicy",
    "ServiceAccount",
    "Role",
    "HorizontalPodAutoscaler",
]
EACH = 3
RESET = '{"metadata":{"managedFields":[{}]}}'
NOTE = '{"metadata":{"annotations":{"patched":"1"},"labels":{"patched":"1"}}}'
MADE = {
    "create": ["create"],
    "create, configuration saved": ["create", "--save-config"],
    "client-side apply": ["apply"],
    "client-side apply by another": ["apply", "--field-manager=deployer"],
    "server-side apply": ["apply", "--server-side"],
    "server-side apply by another": ["apply", "--server-side", "--field-manager=kustomize-controller"],
    "applied by us before": ["apply", "--server-side", "--field-manager=saltk8s"],
}
CHANGED = {
    "nothing": None,
    "client-side apply": ["apply"],
    "client-side apply by another": ["apply", "--field-manager=hot-fix"],
    "server-side apply by another": ["apply", "--server-side", "--force-conflicts", "--field-manager=controller"],
    "replace": ["replace", "--field-manager=kubectl-replace"],
    "patch": ["patch", "--type=merge", "-p", NOTE],
    "reset": ["patch", "--type=merge", "-p", RESET],
}


class Drawn:
    """An object in several states: as it was made, as others changed it, as the set declares it, and again.

    Each has some of the same options: what goes together in one is mostly valid in the others.
    """

    def __init__(self, rng, kind, number):
        picked = rng.sample(kind.options, min(len(kind.options), rng.randint(1, 6)))
        options = {path: rng.choice(values) for path, values in picked}

        def some(most):
            paths = rng.sample(list(options), rng.randint(0, most))
            return generate.build(kind, number, {path: options[path] for path in paths})

        self.made = generate.build(kind, number, options)
        self.changed, self.declared, self.again = some(len(options)), some(len(options) // 2), some(len(options))
        self.key = key_of(self.declared)


def do(apiserver, rng, ways, objects):
    """Do something drawn with each object, one kubectl a way; what the API server does not take is left out."""
    groups = defaultdict(list)
    for obj in objects:
        groups[rng.choice(list(ways))].append(obj)
    for way, found in groups.items():
        if ways[way]:
            text = json.dumps({"apiVersion": "v1", "kind": "List", "items": found})
            apiserver.kubectl(*ways[way], "-f", "-", stdin=text, check=False)


def live_of(apiserver, drawn):
    """The objects that exist."""
    found = {}
    for name in KINDS:
        kind = generate.KINDS[name]
        listed = apiserver.get(kind.plural, "-n", generate.namespace(kind))["items"]
        found |= {key_of(obj): obj for obj in listed}
    return {one.key: found[one.key] for one in drawn if one.key in found}


def accepted(run, wanted, instead):
    """Return the declarations, without those that are rejected: in their place ``instead``, or nothing."""
    for _ in range(20):
        answer = run(*wanted.values(), test=True)
        if answer["result"] is not False:
            return wanted
        bad = {key for key in wanted if f"{key.title}: " in answer["comment"]}
        assert bad, answer["comment"]
        wanted = {key: instead.get(key) if key in bad else obj for key, obj in wanted.items()}
        wanted = {key: obj for key, obj in wanted.items() if obj}
    raise AssertionError("too many declarations are rejected")


def check_said(apiserver, run, drawn, wanted):
    """Run thrice; what is another than before in all objects is what both modes said."""
    before = live_of(apiserver, drawn)
    changes = check_thrice(apiserver, lambda **kw: run(*wanted.values(), **kw))["changes"]
    after = live_of(apiserver, drawn)
    differ = {}
    for key in wanted:
        seen = diff.show(key, diff.fields(before[key], after[key]))
        seen.pop('metadata.annotations["saltk8s.io/object"]', None)  # no change of what was declared
        said = {path: change for path, change in changes.get(key.title, {}).items() if path != "metadata.managedFields"}
        if seen != said:
            differ[key.title] = (said, seen)
    assert differ == {}
    return changes


def test_a_set_takes_away_only_what_both_modes_say(apiserver, applied, property_seed):
    rng = random.Random(property_seed)
    for kind in KINDS:
        apiserver.kubectl("create", "namespace", generate.namespace(generate.KINDS[kind]), check=False)
    numbers = itertools.count(70_000)
    drawn = [Drawn(rng, generate.KINDS[kind], next(numbers)) for kind in KINDS for _ in range(EACH)]
    do(apiserver, rng, MADE, [one.made for one in drawn])
    do(apiserver, rng, CHANGED, [one.changed for one in drawn])
    live = live_of(apiserver, drawn)
    drawn = [one for one in drawn if one.key in live]
    assert len(drawn) > len(KINDS) * EACH * 0.6

    def run(*declared, **kw):
        return applied("drawn", *declared, force_conflicts=True, **kw)

    first = accepted(run, {one.key: one.declared for one in drawn}, {})
    assert len(check_said(apiserver, run, drawn, first)) > len(first) * 0.9
    do(apiserver, rng, CHANGED, [one.changed for one in drawn if one.key in first])
    then = accepted(run, {one.key: one.again for one in drawn if one.key in first}, first)
    check_said(apiserver, run, drawn, then)
