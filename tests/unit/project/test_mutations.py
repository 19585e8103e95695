"""The mutations of ``make mutation`` still apply: each text stands once in its file."""

from __future__ import annotations

import shutil

import pytest
from tests.mutation import run
from tests.support import tree

MUTATIONS = run.mutations()


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_mutation_applies(mutation, tmp_path):
    place = run.LIBRARY / mutation.file
    (tmp_path / place).parent.mkdir(parents=True)
    shutil.copy(tree.ROOT / place, tmp_path / place)
    mutation.apply(tmp_path)
    changed = (tmp_path / place).read_text()
    assert changed != (tree.ROOT / place).read_text()
    compile(changed, str(place), "exec")
    with pytest.raises(ValueError, match=r"\d times"):
        run.Mutation(mutation.name, mutation.file, "no such text", "").apply(tmp_path)
