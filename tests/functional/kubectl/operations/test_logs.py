"""Logs, on a real API server with a stand-in for the kubelet."""

from __future__ import annotations

import pytest
from salt.exceptions import CommandExecutionError
from tests.support import kubectl as objects


def talking_pod(name, app, *containers):
    meta = {"name": name, "namespace": "default", "labels": {"app": app}}
    boxes = [{"name": box, "image": "web:1"} for box in containers]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {"nodeName": "kubelet", "containers": boxes}}


def test_logs_of_a_container_a_pod_and_a_workload(apiserver, call, kubelet):
    apiserver.apply(
        objects.deployment("talk"), talking_pod("talk-1", "talk", "web"), talking_pod("talk-2", "talk", "web", "mute")
    )
    assert call("logs", "talk-1") == ["talk-1 web tailLines=100"]
    assert call("logs", "talk-1", tail=None) == ["talk-1 all"]
    chosen = call("logs", "talk-2", container="web", tail=5, since_s=60, previous=True)
    assert chosen == ["talk-2 web previous=true", "talk-2 web sinceSeconds=60", "talk-2 web tailLines=5"]
    lines = call("logs", "talk", kind="Deployment.apps", tail=3)
    assert lines[:2] == ["[talk-1 web] talk-1 web tailLines=3", "[talk-2 web] talk-2 web tailLines=3"]
    assert lines[2].startswith("[talk-2 mute] no log: ") and len(lines) == 3
    with pytest.raises(CommandExecutionError, match="Pod default/talk-1 has no pods with a container 'none'"):
        call("logs", "talk-1", container="none")
    with pytest.raises(CommandExecutionError, match="logs of Pod default/talk-2"):
        call("logs", "talk-2", container="mute")
