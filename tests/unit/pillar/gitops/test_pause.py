"""A pause: who, why, until when; it ends by itself."""

from __future__ import annotations

import pytest
from saltk8s.base import errors
from saltk8s.pillar.gitops import pause

NOW = 1_800_000_000


def test_it_ends_by_itself():
    found = pause.begin("alice", "new disks\nin w1", 2, NOW)
    kept = pause.text(found)
    assert pause.parse(kept, NOW + 7199) == found
    assert pause.parse(kept, NOW + 7200) is None
    assert pause.parse(None, NOW) is None
    assert pause.described(found) == "paused by alice until 2027-01-15 10:00 UTC: new disks in w1"


@pytest.mark.parametrize("hours", [0, -1, 14 * 24 + 1, True, "2", None, float("nan"), float("inf")])
def test_a_length_that_is_none_is_refused(hours):
    with pytest.raises(errors.Invalid, match="hours: got"):
        pause.begin("alice", "because", hours, NOW)


def test_a_reason_is_needed():
    with pytest.raises(errors.Invalid, match="expected the reason"):
        pause.begin("alice", " \n", 1, NOW)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"who": "a", "why": "b", "since": 1, "until": null}'])
def test_a_damaged_file_is_an_error_and_no_end(text):
    with pytest.raises(errors.Invalid, match="is damaged: `k8s_gitops.resume` removes it"):
        pause.parse(text, NOW)
