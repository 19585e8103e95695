"""The current revision of a workload."""

from __future__ import annotations

from saltk8s.kubectl.operations import rollout


def test_a_revision_is_current_by_annotation_or_by_number():
    known = {3: {}, 4: {}}
    deployment = {"kind": "Deployment", "metadata": {"annotations": {"deployment.kubernetes.io/revision": "3"}}}
    assert rollout.current_revision(deployment, known) == 3
    assert rollout.current_revision({"kind": "Deployment", "metadata": {}}, known) is None
    assert rollout.current_revision({"kind": "DaemonSet", "metadata": {}}, known) == 4
