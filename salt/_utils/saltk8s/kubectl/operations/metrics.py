"""What nodes and pods use now, by the metrics API: exact numbers in base units, not kubectl's rounded table."""

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
    usage = {item["metadata"]["name"]: _usage(item["usage"]) for item in _ask(kubectl, "nodes")}
    for node in kubectl.objects("get", target.NODE):
        if node["metadata"]["name"] in usage:
            room = _usage((node.get("status") or {}).get("allocatable") or {})
            usage[node["metadata"]["name"]] |= {f"{name}_allocatable": value for name, value in room.items()}
    return usage


def of_pods(kubectl: Kubectl, namespace: str | None) -> list[dict[str, Any]]:
    """Return ``namespace``, ``name``, ``cpu_cores``, ``memory_bytes`` and ``containers`` (the same of each), sorted."""
    path = f"namespaces/{target.plain('namespace', namespace)}/pods" if namespace else "pods"
    told = []
    for item in _ask(kubectl, path):
        boxes = {box["name"]: _usage(box["usage"]) for box in item.get("containers") or []}
        whole = {name: round(sum(box[name] for box in boxes.values()), 9) for name in ("cpu_cores", "memory_bytes")}
        meta = item["metadata"]
        told.append({"namespace": meta["namespace"], "name": meta["name"]} | whole | {"containers": boxes})
    return sorted(told, key=lambda item: (item["namespace"], item["name"]))


def _ask(kubectl: Kubectl, path: str) -> list[dict[str, Any]]:
    try:
        return json.loads(kubectl.run("get", "--raw", f"{API}/{path}", what="metrics"))["items"]
    except api_errors.NotFound as err:
        raise errors.NotReady(
            "the cluster has no metrics API: metrics-server is not installed (k8s:cluster:metrics_server)"
        ) from err
    except errors.SaltK8sError as err:
        # the API server answers, the one behind it does not
        if "currently unable to handle the request" not in str(err):
            raise
        raise errors.NotReady(
            "the metrics API does not answer: metrics-server is not ready, "
            "see kubectl.explain_failure Deployment.apps metrics-server kube-system"
        ) from err


def _usage(amounts: Mapping[str, Any]) -> dict[str, Any]:
    cpu, memory = quantity.parse(amounts.get("cpu", 0)), quantity.parse(amounts.get("memory", 0))
    return {"cpu_cores": float(cpu or 0), "memory_bytes": int(memory or 0)}
