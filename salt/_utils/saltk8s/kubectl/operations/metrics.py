"""Resource usage of nodes and pods, from the metrics API: exact numbers, not the rounded ones of kubectl top."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from saltk8s.base import errors, quantity
from saltk8s.kubectl.client import api_errors
from saltk8s.kubectl.client.program import Kubectl, parsed
from saltk8s.kubectl.operations import target

API = "/apis/metrics.k8s.io/v1beta1"


def of_nodes(kubectl: Kubectl) -> dict[str, dict[str, Any]]:
    """Return by node ``cpu_cores``, ``memory_bytes``, and ``..._allocatable`` of both; None for what is not known."""
    usage = {item["metadata"]["name"]: _usage(item.get("usage")) for item in _read(kubectl, "nodes")}
    for node in kubectl.objects("get", target.NODE):
        if node["metadata"]["name"] in usage:
            allocatable = _usage((node.get("status") or {}).get("allocatable"))
            usage[node["metadata"]["name"]] |= {f"{name}_allocatable": value for name, value in allocatable.items()}
    return usage


def of_pods(kubectl: Kubectl, namespace: str | None) -> list[dict[str, Any]]:
    """Return ``namespace``, ``name``, ``cpu_cores``, ``memory_bytes`` and ``containers`` (the same of each), sorted.

    A number that is not known is None, and so is the pod's own then.
    """
    path = f"namespaces/{target.checked_name('namespace', namespace)}/pods" if namespace else "pods"
    rows = []
    for item in _read(kubectl, path):
        containers = {one["name"]: _usage(one.get("usage")) for one in item.get("containers") or []}
        total = {name: _sum(one[name] for one in containers.values()) for name in ("cpu_cores", "memory_bytes")}
        meta = item["metadata"]
        rows.append({"namespace": meta["namespace"], "name": meta["name"]} | total | {"containers": containers})
    return sorted(rows, key=lambda item: (item["namespace"], item["name"]))


def _read(kubectl: Kubectl, path: str) -> list[dict[str, Any]]:
    try:
        found = parsed(kubectl.run("get", "--raw", f"{API}/{path}", what="metrics"))
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
    if not isinstance(found, dict):
        raise api_errors.Unreadable("metrics: the response of the metrics API is no list")
    return found.get("items") or []


def _usage(amounts: Any) -> dict[str, Any]:
    """Return the two numbers; None for one that is missing, or no quantity."""
    amounts = amounts if isinstance(amounts, Mapping) else {}
    cpu, memory = quantity.parse(amounts.get("cpu")), quantity.parse(amounts.get("memory"))
    return {
        "cpu_cores": None if cpu is None else float(cpu),
        "memory_bytes": None if memory is None else int(memory),
    }


def _sum(numbers: Iterable[Any]) -> Any:
    found = list(numbers)
    return None if None in found else round(sum(found), 9)
