"""The system workloads that ``rke`` deploys, and without which the cluster is not healthy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltk8s.engine.base import Workloads

METRICS = "v1beta1.metrics.k8s.io"


def of(model: Mapping[str, Any]) -> Workloads:
    """Return them for a model."""
    deployments = {"coredns", "coredns-autoscaler"}
    services: set[str] = set()
    if model["cluster"].get("metrics_server", True):
        deployments, services = deployments | {"metrics-server"}, {METRICS}
    # those of ACI are in a namespace of their own: without them no node is Ready
    network = {"canal"} if model["cluster"]["network"]["plugin"] == "canal" else set()
    required = {"DaemonSet": network, "Deployment": deployments, "APIService": services}
    return Workloads(required, {"Deployment": {"calico-kube-controllers"}})
