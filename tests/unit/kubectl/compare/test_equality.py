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


@pytest.mark.parametrize(("version", "equal"), [("v1", True), ("v1beta1", False)])
def test_fields_that_we_applied_in_another_version(version, equal):
    base = {"apiVersion": "example.org/v1", "kind": "Thing"}
    fields = {"f:spec": {"f:size": {}}}
    entry = {"manager": "saltk8s", "operation": "Apply", "apiVersion": f"example.org/{version}", "fieldsV1": fields}
    live = base | {"metadata": {"name": "x", "managedFields": [entry]}, "spec": {"size": 1}}
    assert equality.looks_equal(base | {"metadata": {"name": "x"}, "spec": {"size": 1}}, live) is equal


@pytest.mark.parametrize(("live", "equal"), [({"value": None}, True), ({}, False)])
def test_a_null_at_the_top_of_a_custom_resource(live, equal):
    base = {"apiVersion": "example.org/v1", "kind": "Thing", "metadata": {"name": "x"}}
    assert equality.looks_equal(base | {"value": None}, base | live) is equal
