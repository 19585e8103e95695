"""Small objects for the tests: a web server that returns its node and pod, and a client with curl and dig."""

from __future__ import annotations

import json

from conftest import CLIENT, WEB


def web(name: str, replicas: int = 1, node: str | None = None) -> dict:
    """A Deployment of web servers on port 8080, spread over the nodes or on the named one."""
    spec = {
        "containers": [
            {
                "name": "web",
                "image": WEB,
                "ports": [{"containerPort": 8080}],
                "readinessProbe": {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1},
                "env": [{"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}],
            }
        ],
        "terminationGracePeriodSeconds": 0,
    }
    if node:
        spec["nodeName"] = node
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": spec},
        },
    }


def service(name: str, port: int = 80, kind: str = "ClusterIP") -> dict:
    """A Service in front of ``web(name)``."""
    spec = {"type": kind, "selector": {"app": name}, "ports": [{"port": port, "targetPort": 8080}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def client(name: str, node: str, labels: dict | None = None) -> dict:
    """A pod on one node in which commands are run."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels or {}},
        "spec": {
            "nodeName": node,
            "terminationGracePeriodSeconds": 0,
            "containers": [{"name": "client", "image": CLIENT, "command": ["sleep", "infinity"]}],
        },
    }


def only_from(name: str, label: str) -> dict:
    """A NetworkPolicy: pods of ``web(name)`` are reached only from pods which carry ``label: yes``."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name},
        "spec": {
            "podSelector": {"matchLabels": {"app": name}},
            "policyTypes": ["Ingress"],
            "ingress": [{"from": [{"podSelector": {"matchLabels": {label: "yes"}}}]}],
        },
    }


def local_volume(name: str, node: str, folder: str, storage_class: str, size: str) -> dict:
    """A volume that is a folder of one node, below /var/lib/rancher, which rke mounts into the kubelet."""
    place = {
        "required": {
            "nodeSelectorTerms": [
                {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}]}
            ]
        }
    }
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "capacity": {"storage": size},
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": storage_class,
            "persistentVolumeReclaimPolicy": "Retain",
            "local": {"path": folder},
            "nodeAffinity": place,
        },
    }


def listing(*objects: dict) -> str:
    """The objects as one List for ``kubectl apply -f -``."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
