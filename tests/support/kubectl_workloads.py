"""Pods and events for the tests of workloads, as a kubelet and controllers would write them."""

from __future__ import annotations


def sick_pod(name, app, reason="CrashLoopBackOff"):
    """A pod of a workload, which is not ready, and what its kubelet says about it."""
    meta = {"name": name, "namespace": "default", "labels": {"app": app}}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": meta,
        "spec": {"nodeName": "kubelet", "containers": [{"name": "web", "image": "web:1"}]},
    }
    box = {
        "name": "web",
        "ready": False,
        "restartCount": 3,
        "image": "web:1",
        "imageID": "",
        "state": {"waiting": {"reason": reason, "message": "back-off 10s"}},
        "lastState": {"terminated": {"exitCode": 7, "reason": "Error"}},
    }
    return pod, {
        "phase": "Running",
        "containerStatuses": [box],
        "conditions": [{"type": "Ready", "status": "False", "reason": "ContainersNotReady"}],
    }


def event(name, about, message, time, sort="Warning"):
    """An event about an object: its kind and name."""
    where = {"kind": about[0], "name": about[1], "namespace": "default"}
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": "default"},
        "count": 2,
        "involvedObject": where,
        "type": sort,
        "reason": "Because",
        "message": message,
        "lastTimestamp": time,
    }
