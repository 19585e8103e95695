"""Docker on a node, from the model: pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltk8s.base.overlay import overlay
from saltk8s.nodes import proxy


def daemon(model: Mapping[str, Any]) -> dict:
    """Return the content of Docker's daemon.json. model: as ``k8s_config.get`` returns it."""
    docker, registry = model["docker"], model.get("registry") or {}
    insecure = list(docker.get("insecure_registries") or [])
    if registry.get("url") and registry.get("insecure"):
        insecure.append(registry_host(registry["url"]))
    content: dict[str, Any] = {
        "data-root": docker["data_root"],
        "exec-opts": [f"native.cgroupdriver={docker['cgroup_driver']}"],
        "live-restore": docker["live_restore"],
        "log-driver": "json-file",
        "log-opts": {"max-size": docker["log_max"], "max-file": str(docker["log_files"])},
    }
    if docker.get("mirrors"):
        content["registry-mirrors"] = list(docker["mirrors"])
    if proxies := proxy.docker(model):
        content["proxies"] = proxies
    if insecure:
        content["insecure-registries"] = sorted(set(insecure))
    return overlay(content, docker.get("options") or {})


def registry_host(url: str) -> str:
    """Return host[:port] of a registry given as host[:port][/path]: the name of its settings in Docker."""
    return url.partition("/")[0]


def packages(model: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, str | None]:
    """Return Docker's packages, each with the version to install, None for any version.

    model: as ``k8s_config.get`` returns it; data: the family's ``docker``: ``packages``: {package of the pillar:
    {pinned: [...], held: [...]}} and ``version``, the form of a pin, with ``{pin}`` for the pillar's version and
    ``{upstream}`` for the same without epoch. An empty dict when this system does not have the chosen package.
    """
    names = data["packages"].get(model["docker"]["package"])
    if not names:
        return {}
    pin = model["docker"]["version"]
    form = data["version"].format(pin=pin, upstream=pin.partition(":")[2] or pin)
    return dict.fromkeys(names["pinned"], form) | dict.fromkeys(names.get("held", []))
