"""``pillar.example``: refused until it is filled in, its secrets in one file."""

from __future__ import annotations

import pytest
import yaml
from saltk8s.base import errors
from saltk8s.pillar import model
from tests.support import pillars

DEFAULTS = pillars.defaults()


def problems(tree):
    with pytest.raises(errors.ConfigError) as caught:
        model.build(DEFAULTS, tree)
    return [(problem.path, problem.value) for problem in caught.value.problems]


def test_the_example_is_refused_until_it_is_filled_in():
    tree = {}
    for name in (*pillars.PUBLIC_FILES, "secrets"):
        tree = pillars.merge(tree, pillars.load(name))
    found = problems(tree)
    assert {value for _, value in found} == {"CHANGE-ME"}
    assert {path for path, _ in model.secrets_in(tree)} <= {path for path, _ in found}


def test_the_example_has_its_secrets_in_one_file():
    for name in pillars.PUBLIC_FILES:
        assert model.secrets_in(pillars.load(name)) == [], name
    top = yaml.safe_load((pillars.EXAMPLE / "top.sls").read_text(encoding="utf-8"))["base"]
    assert [target for target, files in top.items() if "k8s.secrets" in files] == ["k8s-admin.osug.example"]
    names = {path.stem for path in (pillars.EXAMPLE / "k8s").iterdir()}
    assert names == {*pillars.PUBLIC_FILES, "secrets"}
