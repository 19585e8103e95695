"""The API servers of a cluster with several control planes: another is asked while the kubeconfig's does not answer.

A kubeconfig has one server. The others are known from the model; the first that is ready is taken, for as long as this
process lives, and ``k8s_cluster.usable`` writes it into the kubeconfig. Nothing is asked while the first one answers.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

PORT = 6443
ASK_S = 5  # a server that is ready answers at once
KEPT_S = 600  # a process that lives longer tries the kubeconfig's own server again

_lock = threading.Lock()
_chosen: dict[str, tuple[str, float]] = {}  # by kubeconfig: the server that is asked instead, and until when


def of(model: Mapping[str, Any]) -> list[str]:
    """Return the URLs of all API servers; a node's address is in the certificate of each."""
    nodes = [node for node in model["nodes"].values() if "controlplane" in node["roles"]]
    return [f"https://{node['ip'] or node['name']}:{PORT}" for node in nodes]


def chosen(kubeconfig: str) -> str | None:
    """Return the server that is asked instead of the kubeconfig's own, None for its own."""
    server, until = _chosen.get(kubeconfig, (None, 0.0))
    return server if time.monotonic() < until else None


def choose(
    kubeconfig: str, own: str, failed: str | None, servers: Sequence[str], ready: Callable[[str], bool]
) -> str | None:
    """Return the first server that is ready, after one did not answer, and remember it; None when none is.

    own: the kubeconfig's; failed: the one that did not answer, None for its own; ready: asks one. A server that is
    ready after all is kept: then its answer was only late, and None is returned.
    """
    with _lock:  # of several calls at once that fail, one asks
        now = chosen(kubeconfig)
        if now != failed:
            return now or own
        asked = [failed or own, *(server for server in (own, *servers) if server != (failed or own))]
        with ThreadPoolExecutor(len(asked)) as pool:
            answers = list(pool.map(ready, asked))
        if answers[0] or not any(answers):
            return None
        server = asked[answers.index(True)]
        _chosen[kubeconfig] = (server, time.monotonic() + KEPT_S)
        return server


def forget(kubeconfig: str) -> None:
    """Ask the kubeconfig's own server again."""
    _chosen.pop(kubeconfig, None)
