"""The API servers of the pillar's cluster: whether one of them answers."""

from __future__ import annotations

from typing import Any

from saltk8s.kubectl.client.program import Kubectl

ASK_S = 15


def check(kubectl: Kubectl, test: bool, known: bool) -> dict[str, Any]:
    """Raise Unreachable unless the API server answers; return what ``k8s_cluster.usable`` does.

    test: before the cluster exists that is no error; known: it answered a moment ago, and is not asked again.
    """
    if test and not kubectl.cluster_exists:
        return {"changes": {}, "lines": ["there is no cluster yet"], "waits": True}
    if not known:
        kubectl.run("get", "--raw", "/readyz", what="the cluster", request_timeout_s=ASK_S)
    return {"changes": {}, "lines": [], "waits": False}
