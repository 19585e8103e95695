"""The highstate's result as metrics of Prometheus. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltk8s.base import errors
from saltk8s.services.prometheus.schema import NAMESPACE

RESULTS = ("ok", "change", "failure")
FOLDER = "/var/lib/saltk8s/metrics"  # on a node; its node exporter reads it
NAME = "highstate"  # of the ConfigMap with the admin's metrics, and of the pod that exposes it
SET = "prometheus-highstate"


def counts(answer: Any) -> dict[str, int]:
    """Return how many states are ``ok``, have (or would have) a ``change``, or are a ``failure``.

    answer: what ``state.apply`` returned. Raises Invalid when it has no results of states (another run is in
    progress, or an SLS failed to render).
    """
    if not isinstance(answer, dict) or not all(isinstance(one, dict) and "result" in one for one in answer.values()):
        lines = answer if isinstance(answer, list) else ["no results of states were returned"]
        raise errors.Invalid("the highstate did not run: " + "; ".join(map(str, lines)))
    found = dict.fromkeys(RESULTS, 0)
    for state in answer.values():
        if state["result"] is False:
            found["failure"] += 1
        elif state["result"] is None or state.get("changes"):
            found["change"] += 1
        else:
            found["ok"] += 1
    return found


def waiting(pending: Mapping[str, Any]) -> dict[str, int]:
    """Return how many changes wait for a node's turn, by what they are. pending: what k8s_nodes.pending returned."""
    texts = [*pending["lines"], *pending["later"]]
    reboots = sum(text.startswith("reboot: ") for text in texts)
    return {"docker": len(texts) - reboots, "reboot": reboots}


def metrics(
    minion: str, found: Mapping[str, int], at_s: float, took_s: float, pending: Mapping[str, int] | None = None
) -> str:
    """Return the metrics in Prometheus' text format.

    found: what counts() returned; at_s: Unix time of the end; took_s: duration; pending: what waiting() returned, None
    where it is not known.
    """
    lines = [
        "# HELP saltk8s_highstate_states States of the last highstate in test mode, by result.",
        "# TYPE saltk8s_highstate_states gauge",
        *(f'saltk8s_highstate_states{{minion="{minion}",result="{name}"}} {found[name]}' for name in RESULTS),
        "# HELP saltk8s_highstate_timestamp_seconds Unix time when it ended.",
        "# TYPE saltk8s_highstate_timestamp_seconds gauge",
        f'saltk8s_highstate_timestamp_seconds{{minion="{minion}"}} {at_s:.0f}',
        "# HELP saltk8s_highstate_duration_seconds Its duration.",
        "# TYPE saltk8s_highstate_duration_seconds gauge",
        f'saltk8s_highstate_duration_seconds{{minion="{minion}"}} {took_s:.1f}',
    ]
    if pending is not None:
        lines += [
            "# HELP saltk8s_node_pending_changes Changes that wait for the node's turn, by what they change.",
            "# TYPE saltk8s_node_pending_changes gauge",
            *(f'saltk8s_node_pending_changes{{minion="{minion}",change="{name}"}} {n}' for name, n in pending.items()),
        ]
    return "\n".join(lines) + "\n"


def config_map(minion: str, content: str) -> dict[str, Any]:
    """Return the ConfigMap with the admin's metrics."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": NAME, "namespace": NAMESPACE},
        "data": {f"{minion}.prom": content},
    }
