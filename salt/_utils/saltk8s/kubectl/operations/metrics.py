"""Resource usage of nodes and pods, from the metrics API: exact numbers, not the rounded ones of kubectl top."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from saltk8s.base import errors, quantity
from saltk8s.kubectl.client import api_errors
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.operations import target

API = "/apis/metrics.k8s.io/v1beta1"


def of_nodes(kubectl: Kubectl) -> dict[str, dict[str, Any]]:
    """Return by node ``cpu_cores``, ``memory_bytes``, and ``..._allocatable`` of both."""
    usage = {item["metadata"]["name"]: _usage(item["usage"]) for item in _read(kubectl, "nodes")}
    for node in kubectl.objects("get", target.NODE):
        if node["metadata"]["name"] in usage:
            allocatable = _usage((node.get("status") or {}).get("allocatable") or {})
            usage[node["metadata"]["name"]] |= {f"{name}_allocatable": value for name, value in allocatable.items()}
    return usage


def of_pods(kubectl: Kubectl, namespace: str | None) -> list[dict[str, Any]]:
    """Return ``namespace``, ``name``, ``cpu_cores``, ``memory_bytes`` and ``containers`` (the same of each), sorted."""
    path = f"namespaces/{target.checked_name('namespace', namespace)}/pods" if namespace else "pods"
    rows = []
    for item in _read(kubectl, path):
        containers = {container["name"]: _usage(container["usage"]) for container in item.get("containers") or []}
        total = {
            name: round(sum(container[name] for container in containers.values()), 9)
            for name in ("cpu_cores", "memory_bytes")
        }
        meta = item["metadata"]
        rows.append({"namespace": meta["namespace"], "name": meta["name"]} | total | {"containers": containers})
    return sorted(rows, key=lambda item: (item["namespace"], item["name"]))


def _read(kubectl: Kubectl, path: str) -> list[dict[str, Any]]:
    try:
        return json.loads(kubectl.run("get", "--raw", f"{API}/{path}", what="metrics"))["items"]
    except api_errors.NotFound as err:
        raise errors.NotReady(
            "the cluster has no metrics API: metrics-server is not installed (k8s:cluster:metrics_server)"
        ) from err
    except errors.SaltK8sError as err:
        # the API server answers, metrics-server does not
        if "currently unable to handle the request" not in str(err):
            raise
        raise errors.NotReady(
            "the metrics API does not answer: metrics-server is not ready, "
            "see kubectl.explain_failure Deployment.apps metrics-server kube-system"
        ) from err


def _usage(amounts: Mapping[str, Any]) -> dict[str, Any]:
    cpu, memory = quantity.parse(amounts.get("cpu", 0)), quantity.parse(amounts.get("memory", 0))
    return {"cpu_cores": float(cpu or 0), "memory_bytes": int(memory or 0)}
