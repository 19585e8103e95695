"""The table of removed APIs, and what follows from it for any two versions."""

from __future__ import annotations

import itertools
import re

from saltk8s.kubectl.upgrade import removed_apis
from tests.support.tree import ROOT

MINORS = range(29, 41)


def gone(old, new):
    return removed_apis.between(f"v1.{old}.3-rancher1-1", f"v1.{new}.6-rancher1-1")


def test_what_goes_between_two_versions_is_what_goes_in_each_step():
    for old, new in itertools.combinations_with_replacement(MINORS, 2):
        steps = [one for step in range(old, new) for one in gone(step, step + 1)]
        assert sorted(gone(old, new)) == sorted(steps)
        assert gone(new, old) == [] and all((1, old) < one.release <= (1, new) for one in steps)


def test_a_patch_takes_nothing_away():
    assert removed_apis.between("v1.32.1-rancher1-1", "v1.32.6-rancher1-1") == []


def test_a_replacement_outlives_what_it_replaces():
    for one in removed_apis.TABLE:
        assert one.replacement != one.version
        for kind in one.kinds if one.replacement else ():
            later = removed_apis.release_without(f"{one.group}/{one.replacement}", kind)
            assert later is None or later > one.release


def test_reading_never_asks_for_what_is_removed():
    asked = {(kind.api_version, kind.kind) for one in removed_apis.TABLE for kind in one.readable}
    assert asked and all(removed_apis.release_without(*one) is None for one in asked)


def test_our_manifests_use_nothing_that_any_known_version_removes():
    found = {}
    for path in sorted((ROOT / "salt/k8s").rglob("*.jinja")):
        versions = re.findall(r"^apiVersion: *(\S+)\s*\nkind: *(\S+)", path.read_text(), re.MULTILINE)
        found |= {(path, *one): removed_apis.release_without(*one) for one in versions}
    assert len(found) > 50, "the manifests were read"
    assert {key: release for key, release in found.items() if release} == {}
