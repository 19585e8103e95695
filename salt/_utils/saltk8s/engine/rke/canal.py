"""Canal's pods follow the network's options: rke changes the ConfigMap that they read at their start, and no pod."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from saltk8s.base import errors
from saltk8s.engine import health
from saltk8s.engine.base import Workloads
from saltk8s.engine.plan import Plan
from saltk8s.kubectl.client.program import Kubectl

NAME = "canal"
RUNS_WITH = "saltk8s.io/network-options"  # the DaemonSet's annotation: options that all its pods were started with
_HERE = ("--namespace", health.NAMESPACE)
# flannel leaves its device when the backend changes; routes to single nodes on flannel.1 win over WireGuard's
_DEVICES = {"vxlan": "flannel.1", "wireguard": "flannel-wg"}
_REMOVE = 'for link in {links}; do [ ! -e "/sys/class/net/$link" ] || ip link delete "$link" || exit 1; done'


def options(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what Canal's pods read at their start, of a ``cluster.yml``."""
    network = config["network"]
    return {**network["options"], "mtu": network.get("mtu")}


def settle(
    kubectl: Kubectl,
    config: Mapping[str, Any],
    plan: Plan,
    timeout_s: float,
    report: Callable[[str, dict[str, Any]], None],
) -> None:
    """Restart Canal's pods, node by node, when they were started with other options; remove other backends' devices.

    config: ``cluster.yml`` as data, which ``rke up`` just applied; plan: why it was run; timeout_s: seconds for the
    rollout; report: called with progress. Interrupted, it begins again at the next run.
    Raises NotReady, and what kubectl raises.
    """
    if config["network"]["plugin"] != NAME:
        return
    daemon_set = _find(health.objects_of(kubectl, "daemonsets.apps"))
    wanted = options(config)
    text = json.dumps(wanted, sort_keys=True)
    found = (daemon_set["metadata"].get("annotations") or {}).get(RUNS_WITH)
    if found == text:
        return
    if not plan.create and (found is not None or any(path.startswith("network.") for path in plan.options)):
        report("network", {"restarting": f"the pods of {NAME}"})
        kubectl.run("rollout", "restart", f"daemonset/{NAME}", *_HERE, what=f"restart of {NAME}")
        _wait(kubectl, timeout_s, report)
        _remove_devices(kubectl, stale(wanted["canal_flannel_backend_type"]))
    kubectl.run("annotate", f"daemonset/{NAME}", f"{RUNS_WITH}={text}", "--overwrite", *_HERE, what=NAME)


def stale(backend: str) -> list[str]:
    """Return the network devices of flannel's other backends."""
    return [device for name, device in _DEVICES.items() if name != backend]


def _find(objects: Iterable[dict[str, Any]]) -> dict[str, Any]:
    for item in objects:
        if item["kind"] == "DaemonSet" and item["metadata"]["name"] == NAME:
            return item
    raise errors.NotReady(f"daemonset {health.NAMESPACE}/{NAME} not found after rke up")


def _wait(kubectl: Kubectl, timeout_s: float, report: Callable[[str, dict[str, Any]], None]) -> None:
    reasons = health.wait(kubectl, [], Workloads({"DaemonSet": {NAME}}, {}), timeout_s, report)
    if reasons:
        raise errors.NotReady(
            f"the network's options changed, but not all pods of {NAME} are ready again after {timeout_s:g} s:\n"
            + health.described(kubectl, reasons)
        )


def _remove_devices(kubectl: Kubectl, links: list[str]) -> None:
    """On every node, from the network plugin's own pod: it is privileged and on the host's network."""
    script = _REMOVE.format(links=" ".join(links))
    for pod in health.objects_of(kubectl, "pods"):
        if any(owner["name"] == NAME for owner in pod["metadata"].get("ownerReferences") or []):
            name = pod["metadata"]["name"]
            words = ("exec", name, "--container", "kube-flannel", *_HERE, "--", "sh", "-c", script)
            kubectl.run(*words, what=f"removal of {' and '.join(links)} on {pod['spec']['nodeName']}")
