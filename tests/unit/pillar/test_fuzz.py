"""Whatever stands in the pillar, the answer is a model or a list of problems: never a traceback, never a secret."""

from __future__ import annotations

import copy
import datetime
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from saltk8s.base import errors
from saltk8s.pillar import model
from tests.support import pillars

DEFAULTS = pillars.defaults()
FULL = pillars.full()
TELLING = ["", " ", "a\nb", "latest", "CHANGE-ME", "**********", "dhcp", "worker", "10.0.0.1/24", "0.0.0.0/0", "::1"]
TELLING += ["-", "/", "1-", "10.0.0.9-10.0.0.1", "@", ":", "{version}", "v", "-----BEGIN PGP MESSAGE-----", "\ud800"]
TELLING += ["x" * 5000]
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.binary(max_size=4)
    | st.just(datetime.date(2026, 11, 23))
    | st.sampled_from(TELLING)
)
NAMES = st.sampled_from(["name", "*", "address", "k8s-w1"])
KEYS = st.text(max_size=8) | st.integers() | st.booleans() | st.none() | NAMES
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)


def places(tree, path=()):
    """Return the paths of everything in a tree, its root too."""
    found = [path]
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in children:
        found += places(value, (*path, key))
    return found


def put(tree, path, value):
    """Return a copy of the tree with a value put at a path; nothing happens where the path has gone."""
    if not path:
        return value
    tree = copy.copy(tree)
    first = path[0]
    if isinstance(tree, dict) or (isinstance(tree, list) and isinstance(first, int) and first < len(tree)):
        there = tree.get(first) if isinstance(tree, dict) else tree[first]
        tree[first] = put(there, path[1:], value)
    return tree


PLACES = places(FULL) + [(*path, "new") for path in places(FULL)]
CHANGES = st.lists(st.tuples(st.sampled_from(PLACES), VALUES), min_size=1, max_size=4)


def checked_build(tree, **options):
    """Build a model; whatever it answers has to be a sound one."""
    try:
        built = model.build(DEFAULTS, tree, **options)
    except errors.ConfigError as err:
        assert err.problems
        text = str(err)
        assert len(text.splitlines()) == len(err.problems) + 1, "a problem is one line"
        assert not [secret for secret in pillars.canaries() if secret in text]
    else:
        json.dumps(built, allow_nan=False)
        assert model.roles_of(built, built["cluster"]["admin"]) >= {"admin"}
        assert not [secret for secret in pillars.canaries() if secret in json.dumps(model.redacted(built))]


@settings(max_examples=400, suppress_health_check=list(HealthCheck))
@given(CHANGES)
def test_anything_anywhere(changes):
    tree = FULL
    for path, value in changes:
        tree = put(tree, path, value)
    checked_build(tree)
    checked_build(tree, secrets_required=False)
    model.roles_of(tree, "k8s-w1")
    model.secrets_in(tree)


@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(VALUES)
def test_anything_as_the_whole_pillar(tree):
    checked_build(tree)
    model.roles_of(tree, "k8s-w1")
    model.secrets_in(tree)
    model.redacted(tree)


@pytest.mark.parametrize("defaults", [None, {}, [], "", 1])
def test_a_defaults_file_that_is_empty(defaults):
    with pytest.raises(errors.ConfigError, match="the pack's own defaults"):
        model.build(defaults, FULL)


@settings(max_examples=100, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(PLACES))
def test_a_number_that_python_does_not_print(path):
    checked_build(put(FULL, path, 10**5000))
    checked_build(put(FULL, path, {10**5000: 10**5000}))


def test_a_value_that_contains_itself():
    options: dict = {}
    options["more"] = options
    tree = pillars.merge(FULL, {"docker": {}})
    tree["docker"]["options"] = {"a": options}
    try:
        model.build(DEFAULTS, tree)
    except errors.ConfigError as err:
        assert [problem.expected for problem in err.problems] == ["fewer levels"]
    else:
        raise AssertionError("it was accepted")
