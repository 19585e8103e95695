"""The objects that are measured: generated, or a file of the user's; and the same file with one object changed."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
CHANGE = "saltk8s.io/bench"  # the annotation that is the one change
APPS = 5  # of a namespace, eight objects each: with the namespace 41
LIMIT = "-" * 3

Object = dict[str, Any]


class Key(NamedTuple):
    """What names an object in a cluster."""

    api: str
    kind: str
    namespace: str
    name: str


def generate(count: int) -> list[Object]:
    """``count`` objects of nine kinds, the same ones each time: namespaces of five applications each."""
    return [obj for obj, _ in zip(_endless(), range(count), strict=False)]


def _endless() -> Iterator[Object]:
    number = 0
    while True:
        space = f"bench-{number:03}"
        labels = {"team": f"team-{number % 7}", "pod-security.kubernetes.io/enforce": "baseline"}
        yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space, "labels": labels}}
        for app in range(APPS):
            yield from _application(space, f"service-{app}", number * APPS + app)
        number += 1


def _application(space: str, name: str, number: int) -> Iterator[Object]:
    """One application, each object after those that it refers to."""
    yield _object("v1", "ServiceAccount", space, name, automountServiceAccountToken=False)
    yield _object("v1", "ConfigMap", space, f"{name}-config", data=_settings(name, number))
    yield _secret(space, name, number)
    rules = [
        {"apiGroups": [""], "resources": ["configmaps", "endpoints"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "create", "update"]},
    ]
    yield _object("rbac.authorization.k8s.io/v1", "Role", space, name, rules=rules)
    yield _object(
        "rbac.authorization.k8s.io/v1",
        "RoleBinding",
        space,
        name,
        roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
        subjects=[{"kind": "ServiceAccount", "name": name, "namespace": space}],
    )
    ports = [{"name": "http", "port": 80, "targetPort": "http"}, {"name": "metrics", "port": 9090}]
    yield _object("v1", "Service", space, name, spec={"selector": {"app": name}, "ports": ports})
    yield _deployment(space, name, number)
    yield _network_policy(space, name)


def _object(api: str, kind: str, space: str, name: str, **body: Any) -> Object:
    labels = {"app": name.removesuffix("-config"), "app.kubernetes.io/managed-by": "bench"}
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": space, "labels": labels}, **body}


def _settings(name: str, number: int) -> dict[str, str]:
    lines = [f"option.{line:02}: {_digest(name, number, line)}" for line in range(24)]
    return {"application.yaml": "\n".join(lines) + "\n", "LOG_LEVEL": "info", "WORKERS": str(2 + number % 6)}


def _secret(space: str, name: str, number: int) -> Object:
    values = {"password": _digest("password", space, name), "token": _digest("token", space, name) * 4}
    if number % APPS == 0:
        return _object("v1", "Secret", space, name, type="Opaque", stringData=values)
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    return _object("v1", "Secret", space, name, type="Opaque", data=data)


def _digest(*parts: Any) -> str:
    """A value that looks random and is the same each time."""
    return hashlib.sha256("/".join(map(str, parts)).encode()).hexdigest()[:32]


def _deployment(space: str, name: str, number: int) -> Object:
    pod = {
        "serviceAccountName": name,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 10001, "fsGroup": 10001},
        "tolerations": [{"key": "dedicated", "operator": "Equal", "value": "services", "effect": "NoSchedule"}],
        "containers": [_container(name, number), *([_sidecar()] if number % 3 == 0 else [])],
        "volumes": [
            {"name": "config", "configMap": {"name": f"{name}-config"}},
            {"name": "login", "secret": {"secretName": name, "defaultMode": 288}},
            {"name": "scratch", "emptyDir": {"sizeLimit": "0.5Gi"}},
        ],
    }
    spec = {
        "replicas": 1 + number % 3,
        "revisionHistoryLimit": 3,
        "selector": {"matchLabels": {"app": name}},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0}},
        "template": {"metadata": {"labels": {"app": name}, "annotations": {"team": "services"}}, "spec": pod},
    }
    return _object("apps/v1", "Deployment", space, name, spec=spec)


def _container(name: str, number: int) -> Object:
    """A container with values that the API server writes in another way: 0.25, 1024Mi."""
    env = [{"name": f"OPTION_{index}", "value": _digest(name, index)[:12]} for index in range(6)]
    env.append({"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}})
    env.append({"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": name, "key": "password"}}})
    return {
        "name": "main",
        "image": f"registry.example.org/services/{name}:1.{number % 20}.0",
        "args": ["--config=/etc/service/application.yaml", f"--shard={number % 4}"],
        "env": env,
        "ports": [{"name": "http", "containerPort": 8080}, {"name": "metrics", "containerPort": 9090}],
        "resources": {"requests": {"cpu": "0.25", "memory": "256Mi"}, "limits": {"cpu": 1, "memory": "1024Mi"}},
        "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 5},
        "livenessProbe": {"httpGet": {"path": "/alive", "port": "http"}, "initialDelaySeconds": 20},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [
            {"name": "config", "mountPath": "/etc/service"},
            {"name": "login", "mountPath": "/etc/login", "readOnly": True},
            {"name": "scratch", "mountPath": "/tmp"},
        ],
    }


def _sidecar() -> Object:
    return {
        "name": "logs",
        "image": "registry.example.org/tools/logs:3.1",
        "resources": {"requests": {"cpu": "0.05", "memory": "32Mi"}, "limits": {"memory": "64Mi"}},
        "volumeMounts": [{"name": "scratch", "mountPath": "/tmp"}],
    }


def _network_policy(space: str, name: str) -> Object:
    spec = {
        "podSelector": {"matchLabels": {"app": name}},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": [{"podSelector": {}}], "ports": [{"port": 8080, "protocol": "TCP"}]}],
        "egress": [
            {"to": [{"namespaceSelector": {}}], "ports": [{"port": 53, "protocol": "UDP"}]},
            {"to": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.96.0.0/16"]}}]},
        ],
    }
    return _object("networking.k8s.io/v1", "NetworkPolicy", space, name, spec=spec)


def text_of(objects: list[Object]) -> str:
    """The objects as a YAML file of many documents."""
    return yaml.dump_all(objects, Dumper=DUMPER, sort_keys=False, explicit_start=True)


class Manifest:
    """A file of objects, its text taken as it is."""

    def __init__(self, text: str):
        self._texts = re.split(rf"^(?={LIMIT}(?:\s|$))", text, flags=re.M)
        self.documents = [yaml.load(part, LOADER) for part in self._texts]
        self.objects = [obj for document in self.documents for obj in _expanded(document)]
        if not self.objects:
            raise ValueError("no objects found")

    @classmethod
    def read(cls, path: Path) -> Manifest:
        """Read a file; ValueError says what is wrong with it."""
        try:
            return cls(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, yaml.YAMLError) as err:
            raise ValueError(f"{path}: {err}") from err

    @property
    def text(self) -> str:
        """The file."""
        return "".join(self._texts)

    @property
    def namespaces(self) -> set[str]:
        """Namespaces that objects are in."""
        return {(obj["metadata"].get("namespace") or "") for obj in self.objects} - {""}

    @property
    def undeclared_namespaces(self) -> set[str]:
        """Those that the file does not bring."""
        return self.namespaces - {obj["metadata"]["name"] for obj in self.objects if obj["kind"] == "Namespace"}

    def changed_object(self) -> Object:
        """The object that gets the one change: a ConfigMap if there is one, else anything that others do not need."""
        needed = ("Namespace", "CustomResourceDefinition")
        wanted = [lambda o: o["kind"] == "ConfigMap", lambda o: o["kind"] not in needed, lambda o: True]
        return next(obj for fits in wanted for obj in self.objects if fits(obj))

    def changed_text(self, value: str) -> str:
        """The file with one annotation more, on one object; all other documents as they are, to the letter."""
        chosen, texts = self.changed_object(), list(self._texts)
        at = next(i for i, doc in enumerate(self.documents) if any(obj is chosen for obj in _expanded(doc)))
        document = yaml.load(texts[at], LOADER)
        position = next(i for i, obj in enumerate(_expanded(self.documents[at])) if obj is chosen)
        metadata = _expanded(document)[position]["metadata"]
        metadata["annotations"] = {**(metadata.get("annotations") or {}), CHANGE: value}
        texts[at] = text_of([document])
        return "".join(texts)


def _expanded(document: Any) -> list[Object]:
    """The objects of a document: none, one, or those of a List."""
    if document is None:
        return []
    if not isinstance(document, dict) or "kind" not in document or "apiVersion" not in document:
        raise ValueError("not a Kubernetes object: no kind or no apiVersion")
    if document["kind"].endswith("List") and isinstance(document.get("items"), list):
        return [obj for item in document["items"] for obj in _expanded(item)]
    if not (document.get("metadata") or {}).get("name"):
        raise ValueError(f"a {document['kind']} without a name")
    return [document]
