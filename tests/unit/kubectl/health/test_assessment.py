"""Whether an object is healthy, and the reason when it is not."""

from __future__ import annotations

import pytest
from saltk8s.kubectl.health import assessment
from tests.support.kubectl import cases


@pytest.mark.parametrize("case", cases("health"), ids=lambda case: f"{case['kind']} {case.get('reason', 'healthy')}")
def test_health(case):
    version, kind = case["kind"].split()
    meta = {"name": "x"} | ({"generation": case["generation"]} if "generation" in case else {})
    meta |= {"deletionTimestamp": "2026-01-01T00:00:00Z"} if case.get("deleting") else {}
    meta |= {"finalizers": case["finalizers"]} if "finalizers" in case else {}
    obj = {"apiVersion": version, "kind": kind, "metadata": meta}
    obj |= {part: case[part] for part in ("spec", "status") if part in case}
    found = assessment.assess(obj, wait_for_consumer={"late"})
    assert found.ready is ("reason" not in case), found
    assert case.get("reason", "") in found.reason
    assert found.final is case.get("final", False)
