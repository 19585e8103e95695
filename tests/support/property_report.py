"""The seed of the property tests, and what they counted, at the end of the run."""

from __future__ import annotations

import random

import pytest
from tests.support import property

VERDICTS = ("changed", "unchanged", "conflict")
_SEEDS = pytest.StashKey[int]()


@pytest.fixture(scope="session")
def property_seed(request) -> int:
    """``--hypothesis-seed``, or another number in each run."""
    given = request.config.getoption("--hypothesis-seed")
    seed = int(given) if given is not None else random.SystemRandom().randrange(2**32)
    request.config.stash[_SEEDS] = seed
    return seed


def pytest_terminal_summary(terminalreporter, config):
    """Say with which seed the cases come again, and how often an unchanged object cost a request."""
    seed, counted = config.stash.get(_SEEDS, None), property.COUNTED
    if seed is None:
        return
    cases = {verdict: sum(number for (_, what), number in counted.items() if what == verdict) for verdict in VERDICTS}
    terminalreporter.section("comparison against the API server")
    terminalreporter.line(
        f"{sum(cases.values())} cases ({', '.join(f'{n} {what}' for what, n in cases.items())}); "
        f"again: --hypothesis-seed={seed}"
    )
    for kind in sorted({kind for kind, _ in counted}):
        asked, unchanged = counted[kind, "asked"], counted[kind, "unchanged"]
        total = sum(counted[kind, verdict] for verdict in VERDICTS)
        equal = counted[kind, "noop"] - counted[kind, "unstable"] - counted[kind, "guessed"]
        terminalreporter.line(
            f"{kind:32} {total:5} cases, of {unchanged:4} unchanged {asked:3} asked about, "
            f"{equal:4} just applied and equal, {counted[kind, 'unstable']} not stable, "
            f"{counted[kind, 'guessed']} not known"
        )
