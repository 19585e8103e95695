"""Is an object healthy?"""

from __future__ import annotations

import pytest
from saltk8s.kubectl.health import judge
from tests.support.kubectl import cases


@pytest.mark.parametrize("case", cases("health"), ids=lambda case: f"{case['kind']} {case.get('reason', 'healthy')}")
def test_health(case):
    version, kind = case["kind"].split()
    meta = {"name": "x"} | ({"generation": case["generation"]} if "generation" in case else {})
    meta |= {"deletionTimestamp": "2026-01-01T00:00:00Z"} if case.get("deleting") else {}
    obj = {"apiVersion": version, "kind": kind, "metadata": meta}
    obj |= {part: case[part] for part in ("spec", "status") if part in case}
    found = judge.of(obj, late_binding={"late"})
    assert found.ready is ("reason" not in case), found
    assert case.get("reason", "") in found.reason
    assert found.hopeless is case.get("hopeless", False)
