"""``k8s:cluster:engine_config``: content of ``cluster.yml`` that no key of the pillar has, laid over the rest. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltk8s.base import redact
from saltk8s.pillar.vocabulary.types import Report, suggestion

PATH = ("k8s", "cluster", "engine_config")
# the top of cluster.yml, without what follows from another key of the pillar alone
KEYS = frozenset(
    (
        *("addon_job_timeout", "addons", "addons_include", "authentication", "authorization", "bastion_host"),
        *("cloud_provider", "cluster_name", "cri_dockerd_stream_server_address", "cri_dockerd_stream_server_port"),
        *("dns", "enable_cri_dockerd", "ingress", "monitoring", "network", "nodes", "prefix_path"),
        *("private_registries", "services", "system_images", "upgrade_strategy", "win_prefix_path"),
    )
)
_NODE = frozenset({"address", "docker_socket", "internal_address", "labels", "port", "role", "taints", "user"})


def laid_over(config: dict[str, Any], extra: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return ``cluster.yml`` with more content: maps are merged, null takes a key out, ``nodes`` are by their names."""
    if not extra:
        return config
    nodes = extra.get("nodes") or {}
    found = _merged(config, {key: value for key, value in extra.items() if key != "nodes"})
    found["nodes"] = [_merged(node, nodes.get(node["hostname_override"]) or {}) for node in config["nodes"]]
    return found


def rule(model: dict[str, Any], report: Report) -> None:
    """Report what ``cluster.yml`` does not have, and nodes that are not there: rke drops unknown keys silently."""
    extra = model["cluster"].get("engine_config")
    if extra is None or report.has_problem_at(*PATH):
        return
    if not isinstance(extra, Mapping):
        report.add(PATH, "a map with keys of cluster.yml", redact.show(extra))
        return
    for key in extra:
        if key not in KEYS:
            expected = f"one of the keys {', '.join(sorted(KEYS))}{suggestion(key, KEYS)}"
            report.add((*PATH, key), expected, "another key")
    nodes = extra.get("nodes")
    if nodes is not None and not isinstance(nodes, Mapping):
        report.add((*PATH, "nodes"), "a map: names of k8s:nodes, each with a map of further keys", redact.show(nodes))
        return
    for name, more in (nodes or {}).items():
        path = (*PATH, "nodes", name)
        if name not in (model["nodes"] or {}):
            report.add(path, f"a node of k8s:nodes{suggestion(name, model['nodes'] or ())}", "another name")
        elif not isinstance(more, Mapping) or more.keys() - _NODE:
            report.add(path, f"a map with any of the keys {', '.join(sorted(_NODE))}", redact.show(more))


def _merged(under: Any, over: Any) -> Any:
    if not isinstance(over, Mapping):
        return over
    found = dict(under) if isinstance(under, Mapping) else {}
    for key, value in over.items():
        if value is None:
            found.pop(key, None)
        else:
            found[key] = _merged(found.get(key), value)
    return found
