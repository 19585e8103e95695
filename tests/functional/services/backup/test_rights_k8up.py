"""K8up starts Jobs in the namespaces that it backs up; in the platform's, with their accounts, it may not."""

from __future__ import annotations

import time
from typing import Any

import pytest
from tests.support import backup, rights, services

CASE = services.case_file("backup")["cases"]["k8up"]["patch"]
K8UP = "k8up-system/k8up"


@pytest.fixture(scope="module")
def api(own_apiserver, tmp_path_factory):
    with backup.admin(tmp_path_factory.mktemp("k8up"), own_apiserver, CASE):
        for space in ("web", "monitoring"):
            own_apiserver.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space}})
        yield own_apiserver


def job(space: str) -> dict[str, Any]:
    box = {"name": "x", "image": "k8up"}
    spec = {"template": {"spec": {"serviceAccountName": "pod-executor", "restartPolicy": "Never", "containers": [box]}}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "x", "namespace": space}, "spec": spec}


def account(space: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "x", "namespace": space}}


@pytest.mark.parametrize("made", [job, account])
def test_it_starts_nothing_among_the_platform_s_accounts(api, made):
    for space in ("kube-system", "monitoring"):
        end = time.monotonic() + 20  # a new policy takes a moment
        while not (said := rights.tried(api, K8UP, made(space))) and time.monotonic() < end:
            time.sleep(0.5)
        assert "K8up starts nothing in the namespaces of the platform" in said, (space, said)
    assert rights.tried(api, K8UP, made("web")) == "" and rights.tried(api, K8UP, made("default")) == ""
