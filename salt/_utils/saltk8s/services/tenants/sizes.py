"""How much a tenant may have: the keys of its quota, of defaults and of maxima, and what has to hold between them."""

from __future__ import annotations

from typing import Any

from saltk8s.base import redact
from saltk8s.pillar.vocabulary import values
from saltk8s.pillar.vocabulary.types import Int, Key, Map, Report, Section

_StorageClasses = Map(values.DnsName, Int(0, 10**6, "GiB"))
_Objects = Map(values.DnsName, Int(0, 10**6))

QUOTA = Section(
    {
        "cpu": Key(Int(1, 10**5, "cores"), "CPU that the pods may request together."),
        "memory_gib": Key(Int(1, 10**6, "GiB"), "Memory that the pods may request, and be limited to, together."),
        "storage_gib": Key(Int(0, 10**7, "GiB"), "Storage that the volume claims may request together."),
        "ephemeral_gib": Key(
            Int(1, 10**6, "GiB"),
            "Disk of the nodes (logs, containers, emptyDir) that the pods may request, and be limited to, together.",
        ),
        "pods": Key(Int(1, 10**5), "Pods that are not finished; with the finished ones four times as many."),
        "objects": Key(
            _Objects,
            "Objects of each kind that a tenant may create, by resource and group as `kubectl api-resources` has them. "
            "A key here is added to the defaults, or replaces one.",
            example={"configmaps": 200, "jobs.batch": 500},
        ),
        "storage_classes": Key(
            _StorageClasses, "Of that storage, how much at most of a storage class.", example={"san": 100}
        ),
        "load_balancers": Key(Int(0, 1000), "Services of type LoadBalancer."),
        "node_ports": Key(
            Int(0, 1000),
            "Node ports, one for each port of a NodePort service; a LoadBalancer service uses them too unless it has "
            "`allocateLoadBalancerNodePorts: false`.",
        ),
    }
)

POD_DEFAULTS = Section(
    {
        "cpu_milli": Key(Int(1, 10**6, "thousandths of a core"), "CPU request."),
        "memory_mib": Key(Int(1, 10**6, "MiB"), "Memory request."),
        "ephemeral_mib": Key(Int(0, 10**6, "MiB"), "Request of the node's disk."),
        "cpu_limit_milli": Key(Int(1, 10**6, "thousandths of a core"), "CPU limit."),
        "memory_limit_mib": Key(Int(1, 10**6, "MiB"), "Memory limit."),
        "ephemeral_limit_mib": Key(
            Int(1, 10**6, "MiB"), "Limit of the node's disk; a pod that writes more is evicted."
        ),
    }
)

MAXIMUM = Section(
    {
        "cpu": Key(Int(1, 10**5, "cores"), "CPU limit of a pod."),
        "memory_gib": Key(Int(1, 10**6, "GiB"), "Memory limit of a pod."),
        "ephemeral_gib": Key(Int(1, 10**6, "GiB"), "Limit of the node's disk of a pod."),
        "claim_gib": Key(Int(1, 10**7, "GiB"), "Storage that one claim may request."),
    }
)


def check(path: tuple[Any, ...], tenant: dict[str, Any], report: Report) -> None:
    """A default request is within the default limit, and that within a pod's maximum."""
    given, most = tenant["pod_defaults"], tenant["maximum"]
    for key, limit_key, most_key, factor in (
        ("cpu_milli", "cpu_limit_milli", "cpu", 1000),
        ("memory_mib", "memory_limit_mib", "memory_gib", 1024),
        ("ephemeral_mib", "ephemeral_limit_mib", "ephemeral_gib", 1024),
    ):
        request, limit, highest = given[key], given[limit_key], most[most_key]
        if request and limit and request > limit:
            report.add((*path, "pod_defaults", key), f"at most {limit_key}, {limit}", redact.show(request))
        if limit and highest and limit > highest * factor:
            expected = f"at most maximum:{most_key}, {highest * factor}"
            report.add((*path, "pod_defaults", limit_key), expected, redact.show(limit))
