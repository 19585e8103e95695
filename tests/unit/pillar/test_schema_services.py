"""Every service has all of its parts."""

from __future__ import annotations

import yaml
from saltk8s.pillar.schema_services import SERVICES
from tests.support import pillars


def test_every_service_has_all_its_parts():
    """One folder, one entry in defaults.yaml, one in the schema, and cases."""
    names = set(SERVICES.keys)
    assert names == set(pillars.defaults()["services"])
    cases = [yaml.safe_load(path.read_text()) for path in (pillars.ROOT / "tests/cases/pillar").glob("*/*.yaml")]
    for name in names:
        assert "enabled" in SERVICES.keys[name].type.keys
        assert (pillars.ROOT / "salt" / "k8s" / name / "init.sls").is_file(), f"salt/k8s/{name}"
        assert any(name in ((case.get("patch") or {}).get("services") or {}) for case in cases), name
