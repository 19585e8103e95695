"""The comparison never lies: our verdict is what a server-side apply does, for every kind, on a real API server.

Hypothesis draws objects, what others do to them and other declarations (``tests/support/generate.py``); each case is
judged by the API server (``tests/support/property.py``). The seed is printed at the end of the run; the same cases
come again with ``--hypothesis-seed=N``. A failing case is kept as a file: put into ``tests/cases/kubectl/property``,
it is replayed here ever after.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import Phase
from tests.support import generate, property

CASES = sorted(property.REPLAYED.glob("*.yaml"))
FAILED = Path(__file__).resolve().parents[3] / "build" / "property"
AT_LEAST = 2000
SPARE = 6  # one example more for so many cases: where the API server refuses a redeclaration there is one less


@pytest.fixture(scope="module")
def cluster(apiserver):
    return property.Cluster(apiserver)


numbers = itertools.count(1)


def test_every_kind_has_its_share():
    assert sum(kind.share for kind in generate.KINDS.values()) >= AT_LEAST
    assert len(generate.KINDS) == 28 and all(kind.share >= 30 for kind in generate.KINDS.values())


@pytest.mark.parametrize("name", generate.KINDS)
def test_our_verdict_is_what_an_apply_does(name, cluster, property_seed):
    kind = generate.KINDS[name]
    cluster.prepare(kind)

    def report(case, wrong):
        FAILED.mkdir(parents=True, exist_ok=True)
        file = FAILED / f"{name.lower()}.yaml"
        file.write_text(case.dump(wrong))  # the last one is the smallest
        pytest.fail(f"{wrong}\nseed {property_seed}, kept in {file}\n{file.read_text()}")

    examples_wanted = -(-kind.share // property.ROUNDS) + kind.share // SPARE

    @property.drawing(property_seed, examples_wanted, Phase.generate, Phase.shrink)
    def examples(data):
        property.example(data.draw, cluster, kind, next(numbers), report)

    examples()
    cluster.clear(kind)
    counted = property.COUNTED
    cases = sum(counted[name, verdict] for verdict in ("changed", "unchanged", "conflict"))
    assert cases >= kind.share
    assert counted[name, "noop"] >= kind.share


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_case_that_failed_once(path, cluster):
    case = property.Case.load(path.read_text())
    cluster.prepare(generate.KINDS[case.kind])
    assert property.replay(cluster, case, next(numbers)) == ""
