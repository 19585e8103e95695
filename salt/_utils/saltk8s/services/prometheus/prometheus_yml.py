"""Prometheus' configuration, from the model and the pack's list of jobs (``salt/k8s/prometheus/scrape.yaml``). Pure."""

from __future__ import annotations

import copy
import hashlib
import re
from typing import Any

from saltk8s.base import yaml_text
from saltk8s.services.prometheus.schema import NAMESPACE

SYSTEM_NAMESPACES = "kube-.*"
_PORT = re.compile(r":(\d{1,5})/?(?:,|$)")
_SERVICES = {"velero": "backup", "k8up": "backup"}  # `of` of a job -> service, where the names differ
_MODULES = {"http": "http", "https": "http", "tcp": "tcp", "tls": "tls"}
_SAMPLE_KB = 2  # text of one sample, at most, on average
ROUNDS = 100_000


def text(data: Any) -> str:
    """Return data as YAML, keys in their order."""
    return yaml_text.dump(data)


def configuration(model: dict[str, Any], jobs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return ``prometheus.yml`` as data.

    model: the platform's; jobs: scrape jobs in Prometheus' form, some with ``of``: what must be enabled in the model.
    """
    service = model["services"]["prometheus"]
    every = f"{service['scrape_interval_s']}s"
    return {
        "global": {
            "scrape_interval": every,
            "scrape_timeout": f"{min(10, service['scrape_interval_s'])}s",
            "evaluation_interval": every,
            "external_labels": {"cluster": model["cluster"]["name"]},
        },
        "rule_files": ["/etc/prometheus/rules/*.yaml"],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"alertmanager.{NAMESPACE}.svc:9093"]}]}]},
        "scrape_configs": [_filled(job, model) for job in jobs if _wanted(job.get("of"), model)],
    }


def _wanted(what: str | None, model: dict[str, Any]) -> bool:
    service, services = model["services"]["prometheus"], model["services"]
    if what is None:
        return True
    if what == "etcd":
        return etcd_port(model) is not None
    if _SERVICES.get(what) == "backup":
        backup = services.get("backup") or {}
        return bool(backup.get("enabled")) and backup.get("engine", "velero") == what
    if what == "felix":
        return felix_port(model) is not None
    if what == "probes":
        return bool(service["probes"])
    if what == "pods":
        return bool(service["pods"]["enabled"])
    return bool((services.get(what) or {}).get("enabled"))


def _filled(job: dict[str, Any], model: dict[str, Any]) -> dict[str, Any]:
    """Return a job without the key ``of``, with its values from the model."""
    # nothing that is scraped may send Prometheus on to another address
    filled = {key: copy.deepcopy(value) for key, value in job.items() if key != "of"} | {"follow_redirects": False}
    service = model["services"]["prometheus"]
    if job.get("of") == "etcd":
        members = [node for node in model["nodes"].values() if "etcd" in node["roles"]]
        filled["static_configs"] = [
            {"targets": [f"{_address(node)}:{etcd_port(model)}"], "labels": {"node": node["name"]}} for node in members
        ]
    if job.get("of") == "felix":
        port = {"source_labels": ["__meta_kubernetes_pod_ip"], "target_label": "__address__"}
        filled["relabel_configs"].append(port | {"replacement": f"$1:{felix_port(model)}"})
    if job.get("of") == "probes":
        filled["static_configs"] = [_probe(name, url) for name, url in service["probes"].items()]
    if job.get("of") == "pods":
        filled["sample_limit"] = service["pods"]["sample_limit"]
        filled["body_size_limit"] = f"{_SAMPLE_KB * service['pods']['sample_limit']}KB"
        filled["relabel_configs"] = [_not_of_the_platform(model["services"]), *filled.get("relabel_configs", ())]
    what = job.get("of", "")
    observed = model["services"].get(_SERVICES.get(what, what))
    if observed:
        for discovery in filled.get("kubernetes_sd_configs", ()):
            discovery.setdefault("namespaces", {"names": observed["own_namespaces"]})
    return filled


def _not_of_the_platform(services: dict[str, Any]) -> dict[str, Any]:
    """Return the relabel rule that drops pods of the platform's own namespaces."""
    own = sorted({name for service in services.values() for name in service["own_namespaces"]})
    regex = "|".join([SYSTEM_NAMESPACES, *own])
    return {"source_labels": ["__meta_kubernetes_namespace"], "regex": regex, "action": "drop"}


def _address(node: dict[str, Any]) -> str:
    return node["internal_address"] or node["ip"] or node["name"]


def _probe(name: str, url: str) -> dict[str, Any]:
    scheme, _, rest = url.partition("://")
    target = url if scheme in ("http", "https") else rest
    return {"targets": [target], "labels": {"probe": name, "__param_module": _MODULES[scheme]}}


def etcd_port(model: dict[str, Any]) -> int | None:
    """Return the port of etcd's metrics without TLS, None when the pillar opens none."""
    flags = (model["cluster"].get("extra_args") or {}).get("etcd") or {}
    found = _PORT.search(flags.get("listen-metrics-urls", ""))
    return int(found[1]) if found else None


def felix_port(model: dict[str, Any]) -> int | None:
    """Return the port of Felix' metrics, None when they are not enabled."""
    canal = (model["services"] or {}).get("canal") or {}
    felix = canal.get("felix") or {}
    return felix["metrics_port"] if canal.get("enabled") and felix.get("metrics") else None


def fingerprint(content: str, cluster: str) -> str:
    """Return 16 hex digits that change with a text. Slow on purpose: they are public, and the text holds passwords."""
    return hashlib.pbkdf2_hmac("sha256", content.encode(), cluster.encode(), ROUNDS).hex()[:16]
