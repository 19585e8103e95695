"""Usage of nodes and pods, on a real API server with custom resources in place of metrics-server."""

from __future__ import annotations

import pytest
from salt.exceptions import CommandExecutionError


@pytest.fixture
def metrics_api(apiserver):
    """The metrics API as custom resources: the same address and the same fields as metrics-server's."""
    definitions = []
    for plural, kind, scope in (("nodes", "NodeMetrics", "Cluster"), ("pods", "PodMetrics", "Namespaced")):
        schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        approved = {"api-approved.kubernetes.io": "unapproved, a stand-in"}
        definitions.append(
            {
                "apiVersion": "apiextensions.k8s.io/v1",
                "kind": "CustomResourceDefinition",
                "metadata": {"name": f"{plural}.metrics.k8s.io", "annotations": approved},
                "spec": {
                    "group": "metrics.k8s.io",
                    "scope": scope,
                    "names": {"kind": kind, "plural": plural},
                    "versions": [
                        {"name": "v1beta1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
                    ],
                },
            }
        )
    names = [f"crd/{one['metadata']['name']}" for one in definitions]
    apiserver.apply(*definitions)
    apiserver.kubectl("wait", "--for=condition=Established", *names, "--timeout=30s")
    yield "metrics.k8s.io/v1beta1"
    apiserver.kubectl("delete", *names)


def test_usage_in_cores_and_bytes(apiserver, call, metrics_api):
    room = {"cpu": "3920m", "memory": "7Gi"}
    apiserver.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "busy"}})
    apiserver.set_status("node", "busy", {"allocatable": room, "capacity": room})
    boxes = [
        {"name": "a", "usage": {"cpu": "1500000n", "memory": "1024Ki"}},
        {"name": "b", "usage": {"cpu": "250m", "memory": "1Mi"}},
    ]
    apiserver.apply(
        {
            "apiVersion": metrics_api,
            "kind": "NodeMetrics",
            "metadata": {"name": "busy"},
            "usage": {"cpu": "156340126n", "memory": "1432944Ki"},
        },
        {
            "apiVersion": metrics_api,
            "kind": "PodMetrics",
            "metadata": {"name": "b", "namespace": "default"},
            "containers": boxes,
        },
        {
            "apiVersion": metrics_api,
            "kind": "PodMetrics",
            "metadata": {"name": "a", "namespace": "kube-system"},
            "containers": [],
        },
    )
    assert call("top")["busy"] == {
        "cpu_cores": 0.156340126,
        "memory_bytes": 1432944 * 1024,
        "cpu_cores_allocatable": 3.92,
        "memory_bytes_allocatable": 7 * 1024**3,
    }
    assert call("top", "pods", namespace="default") == [
        {
            "namespace": "default",
            "name": "b",
            "cpu_cores": 0.2515,
            "memory_bytes": 2 * 1024**2,
            "containers": {
                "a": {"cpu_cores": 0.0015, "memory_bytes": 1024**2},
                "b": {"cpu_cores": 0.25, "memory_bytes": 1024**2},
            },
        }
    ]
    assert [one["name"] for one in call("top", "pods")] == ["b", "a"]
    apiserver.kubectl("delete", "node", "busy")


def test_without_a_metrics_api_it_is_said(apiserver, call):
    with pytest.raises(CommandExecutionError, match="the cluster has no metrics API") as raised:
        call("top")
    assert raised.value.details == {"error": "not ready"}
    with pytest.raises(CommandExecutionError, match="what: got 'podz'; expected nodes or pods"):
        call("top", "podz")
    service = {"name": "nobody", "namespace": "kube-system", "port": 443}
    spec = {
        "group": "metrics.k8s.io",
        "version": "v1beta1",
        "groupPriorityMinimum": 100,
        "versionPriority": 100,
        "service": service,
        "insecureSkipTLSVerify": True,
    }
    apiserver.apply(
        {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": "v1beta1.metrics.k8s.io"},
            "spec": spec,
        }
    )
    try:
        apiserver.kubectl("wait", "--for=condition=Available=false", "apiservice/v1beta1.metrics.k8s.io")
        with pytest.raises(CommandExecutionError, match="the metrics API does not answer: metrics-server is not ready"):
            call("top", "pods", namespace="default")
    finally:
        apiserver.kubectl("delete", "apiservice", "v1beta1.metrics.k8s.io")


def test_numbers_that_are_not_known_are_none(apiserver, call, metrics_api):
    odd = [
        {"name": "none"},
        {"name": "empty", "usage": {}},
        {"name": "null", "usage": None},
        {"name": "text", "usage": {"cpu": "a lot", "memory": ""}},
        {"name": "half", "usage": {"cpu": "1e-3", "memory": "NaN"}},
        {"name": "great", "usage": {"cpu": "9" * 40, "memory": "8E"}},
    ]
    apiserver.apply(
        {"apiVersion": metrics_api, "kind": "NodeMetrics", "metadata": {"name": "odd"}},
        {"apiVersion": metrics_api, "kind": "PodMetrics", "metadata": {"name": "odd"}, "containers": odd},
        {"apiVersion": metrics_api, "kind": "PodMetrics", "metadata": {"name": "bare"}},
    )
    assert call("top")["odd"] == {"cpu_cores": None, "memory_bytes": None}
    found = {one["name"]: one for one in call("top", "pods", namespace="default")}
    assert found["bare"] == {
        "namespace": "default",
        "name": "bare",
        "cpu_cores": 0,
        "memory_bytes": 0,
        "containers": {},
    }
    unknown = {"cpu_cores": None, "memory_bytes": None}
    boxes = found["odd"]["containers"]
    assert [boxes[name] for name in ("none", "empty", "null", "text")] == [unknown] * 4
    assert boxes["half"] == {"cpu_cores": 0.001, "memory_bytes": None} and boxes["great"]["memory_bytes"] == 8 * 1000**6
    assert found["odd"]["cpu_cores"] is None and found["odd"]["memory_bytes"] is None
