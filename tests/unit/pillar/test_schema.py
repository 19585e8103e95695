"""The schema and the pack's defaults belong together."""

from __future__ import annotations

from saltk8s.pillar import model
from saltk8s.pillar.schema import SCHEMA
from saltk8s.pillar.vocabulary.types import EVERY_ITEM, Map, Report, Section
from tests.support import pillars

DEFAULTS = pillars.defaults()


def test_every_default_belongs_to_a_key_and_is_valid():
    """A default that the schema does not know would never be used."""

    def walk(kind, default, path):
        if isinstance(kind, Section):
            for name, value in default.items():
                assert name in kind.keys, f"defaults.yaml: {':'.join((*path, name))} is no key"
                walk(kind.keys[name].type, value, (*path, name))
        elif isinstance(kind, Map) and EVERY_ITEM in default:
            assert isinstance(kind.item, Section)
            walk(kind.item, default[EVERY_ITEM], (*path, EVERY_ITEM))
        else:
            report = Report()
            kind.check(default, default, path, report)
            assert not report.problems

    walk(SCHEMA, DEFAULTS, ())


def test_no_secret_has_a_default():
    assert model.secrets_in(DEFAULTS) == []
