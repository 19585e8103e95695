"""What a real API server counts of requests for APIs that are going away, and who wrote objects that way."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from labkit import versions
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.manifests.identity import MANAGER
from saltk8s.kubectl.upgrade import usage
from tests.support.apiserver import ApiServer

API = "admissionregistration.k8s.io/v1beta1"  # deprecated, and gone with 1.34; a server serves it where it is told to
OLD, NEXT, GONE = versions.CLUSTER, "v1.33.2-rancher1-1", "v1.34.1-rancher1-1"


@pytest.fixture(scope="module")
def server(binaries):
    """An API server that still serves the API."""
    folder = Path(tempfile.mkdtemp(prefix="saltk8s-api-", dir="/tmp"))
    found = ApiServer(folder, binaries)
    found.arguments = [f"--runtime-config={API}=true"]
    try:
        found.start()
        yield found
    finally:
        found.stop()
        shutil.rmtree(folder, ignore_errors=True)


def test_what_is_counted_and_who_wrote_it(server, binaries):
    kubectl = Kubectl(str(server.kubeconfig), binary=str(binaries["kubectl"]))
    server.get("componentstatuses")  # deprecated for years, and removed at no known release
    assert usage.ask(kubectl, [], OLD, GONE) == []
    assert usage.writers(kubectl, OLD, GONE) == []
    assert usage.ask(kubectl, [], OLD, GONE) == [], "looking for it did not request it"

    meta = {"name": "no-latest"}
    pods = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    spec = {"matchConstraints": {"resourceRules": [pods]}, "validations": [{"expression": "true"}]}
    policy = {"apiVersion": API, "kind": "ValidatingAdmissionPolicy", "metadata": meta, "spec": spec}
    server.apply(policy, manager=MANAGER)
    requested = usage.ask(kubectl, [server.url], OLD, GONE)
    assert [str(one) for one in requested] == [f"validatingadmissionpolicies of {API}"]
    assert usage.ask(kubectl, [], OLD, NEXT) == [], "1.33 still serves it"
    with server.second() as url:
        assert usage.ask(kubectl, [url], OLD, GONE) == requested, "the kubeconfig's own is asked when there is one"
        both = usage.ask(kubectl, [url, server.url], OLD, GONE)
        assert both == requested, "each counts for itself"
    title = "ValidatingAdmissionPolicy no-latest"
    assert usage.writers(kubectl, OLD, GONE) == [(title, MANAGER, API)]

    server.apply(policy | {"apiVersion": "admissionregistration.k8s.io/v1"}, manager=MANAGER)
    assert usage.writers(kubectl, OLD, GONE) == [], "applied as told, it is gone"
