"""Whole sets never lie: what test mode says is what the real run does, and nothing of others goes unsaid.

Hypothesis draws lives of sets (``tests/support/lives.py``); the real API server and the real kubectl judge them. The
seed is printed at the end of the run; the same lives come again with ``--hypothesis-seed=N``.
"""

from __future__ import annotations

import itertools

import pytest
from hypothesis import Phase
from tests.support import lives, property

numbers = itertools.count(100_000)  # other property tests count from 1


@pytest.fixture(scope="module")
def cluster(apiserver):
    return property.Cluster(apiserver)


@pytest.fixture
def lived(apiserver, applied, property_seed):
    """Draw lives: ``lived(count, life)``; ``life(draw, judge, number)`` returns whether there was one."""

    def run(count, life):
        happened = []

        # a life takes seconds: the first that fails is reported, with all of it, and not made smaller
        @property.drawing(property_seed, count, Phase.generate)
        def examples(data):
            number = next(numbers)
            judge = lives.Judge(apiserver, applied, f"lives-{number}")
            try:
                happened.append(life(data.draw, judge, number))
            except lives.Broken as err:
                pytest.fail(f"seed {property_seed}: {err}")

        examples()
        assert sum(happened) >= count // 2

    return run


def test_what_others_made_is_adopted_and_loses_nothing_unsaid(apiserver, cluster, lived):
    lived(8, lambda draw, judge, number: lives.adoption(draw, judge, cluster, apiserver, number))


def test_kinds_move_between_their_versions(lived):
    lived(4, lives.versions)


def test_commits_enable_themselves(lived):
    lived(4, lives.enabled)
