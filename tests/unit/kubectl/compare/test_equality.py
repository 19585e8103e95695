"""Does the live object equal the declared one? Decided locally."""

from __future__ import annotations

import pytest
from saltk8s.kubectl.compare import equality
from tests.support.kubectl import cases


@pytest.mark.parametrize("case", cases("compare"), ids=lambda case: case["name"])
def test_compare(case):
    version, kind = case.get("kind", "apps/v1 Deployment").split()
    entries = [
        {"manager": "saltk8s", "operation": "Apply", "apiVersion": version, "fieldsV1": case.get("owned", {})},
        {"manager": "kubectl-edit", "operation": "Update", "apiVersion": version, "fieldsV1": case.get("others", {})},
    ]
    base = {"apiVersion": version, "kind": kind}
    declared = base | {"metadata": {"name": "x"}, "spec": case["declared"]}
    live = base | {"metadata": {"name": "x", "uid": "1", "managedFields": entries}, "spec": case["live"], "status": {}}
    assert equality.looks_equal(declared, live) is case["equal"]
