"""Whether the pillar's cluster takes objects, and which of its API servers the administrator's kubeconfig leads to."""

from __future__ import annotations

from typing import Any

from saltk8s.kubectl.client import kubeconfig, servers
from saltk8s.kubectl.client.program import Kubectl

ASK_S = 15


def check(kubectl: Kubectl, test: bool, known: bool) -> dict[str, Any]:
    """Return what ``k8s_cluster.usable`` does: raise Unreachable unless an API server answers, keep the one that does.

    test: nothing is written, and before the cluster exists that is no error; known: it answered a moment ago.
    """
    if test and not kubectl.cluster_exists:
        return {"changes": {}, "lines": ["there is no cluster yet"], "waits": True}
    if not known:
        kubectl.run("get", "--raw", "/readyz", what="the cluster", request_timeout_s=ASK_S)
    path, server = kubectl.kubeconfig, servers.chosen(kubectl.kubeconfig)
    own = kubeconfig.server(path) if server else None
    if server is None or own is None or server == own:
        return {"changes": {}, "lines": [], "waits": False}
    if kubectl.is_ready(own):  # again, or the engine wrote the kubeconfig in the meantime
        servers.forget(path)
        return {"changes": {}, "lines": [], "waits": False}
    if not test:
        kubeconfig.lead_to(path, server)
    lines = [f"{own} does not answer: the kubeconfig {path} leads to {server}"]
    return {"changes": {path: {"old": own, "new": server}}, "lines": lines, "waits": False}
