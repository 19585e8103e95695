"""Objects and cases for the tests of the object engine."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import yaml
from saltk8s.kubectl.manifests import manifest
from saltk8s.kubectl.manifests.identity import Key, Kind

DROPPED = ("uid", "resourceVersion", "creationTimestamp")  # what no backup restores
CASES = Path(__file__).resolve().parents[1] / "cases" / "kubectl"


def cases(name: str) -> list[dict[str, Any]]:
    """The cases of ``tests/cases/kubectl/<name>.yaml``."""
    return yaml.safe_load((CASES / f"{name}.yaml").read_text())


def declare(*found: Any, name: str = "set", namespace: str = "default", outside: Iterable[Kind] = ()) -> dict[Key, Any]:
    """Objects as a set declares them; outside: the custom kinds that are cluster-scoped."""
    return manifest.declare(manifest.from_objects(found), name, namespace, lambda kinds: outside)


def config_map(name: str = "settings", namespace: str = "default", **data: str) -> dict[str, Any]:
    """A ConfigMap."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, "data": data}


def namespace(name: str) -> dict[str, Any]:
    """A Namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def secret(name: str = "login", namespace: str = "default", **text: str) -> dict[str, Any]:
    """A Secret, its values given as text."""
    meta = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": text}


def deployment(name: str = "web", namespace: str = "default", **spec: Any) -> dict[str, Any]:
    """A Deployment of one container, with values that the API server writes in another way."""
    labels = {"app": name}
    container = {
        "name": "web",
        "image": "web:1",
        "ports": [{"containerPort": 80}],
        "env": [{"name": "MODE", "value": "plain"}, {"name": "EMPTY", "value": ""}],
        "resources": {"requests": {"cpu": "0.25", "memory": "1024Mi"}, "limits": {"memory": "1Gi"}},
        "volumeMounts": [{"name": "scratch", "mountPath": "/tmp"}],
        "readinessProbe": {"httpGet": {"path": "/", "port": 80}},
        "securityContext": {},
    }
    pod = {"containers": [container], "volumes": [{"name": "scratch", "emptyDir": {}}], "tolerations": []}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
            **spec,
        },
    }


def definition(kind: str, group: str, scope: str = "Namespaced") -> dict[str, Any]:
    """A CustomResourceDefinition whose ``spec.size`` is a number."""
    plural = f"{kind.lower()}s"
    size = {"type": "object", "properties": {"size": {"type": "integer", "minimum": 1}}}
    schema = {"type": "object", "properties": {"spec": size}}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": scope,
            "names": {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"},
            "versions": [version],
        },
    }


def custom(kind: str, group: str, name: str, namespace: str | None = "default", size: int = 1) -> dict[str, Any]:
    """An object of such a definition."""
    meta = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": f"{group}/v1", "kind": kind, "metadata": meta, "spec": {"size": size}}


def changed(obj: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy of an object with one field set; ``path`` as ``spec.replicas``, numbers for items of lists."""
    result = copy.deepcopy(obj)
    *above, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    place = result
    for step in above:
        place = place[step]
    place[last] = value
    return result


def documents(*found: dict[str, Any]) -> str:
    """Objects as text for kubectl."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(found)})


def check_thrice(apiserver: Any, run: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """Run a state as test, for real and again: test mode writes nothing and tells the truth, again changes nothing."""
    mark = apiserver.mark()
    foretold = run(test=True)
    assert [request for request in apiserver.requests(mark) if request.write] == []
    real = run()
    assert real["result"] is True, real["comment"]
    assert foretold["result"] is None
    assert foretold["changes"] == real["changes"]
    check_unchanged(apiserver, run)
    return real


def check_unchanged(apiserver: Any, run: Callable[..., dict[str, Any]]) -> None:
    """Run a state as test and for real: nothing is to be done, and nothing is written."""
    mark = apiserver.mark()
    for test in (True, False):
        answer = run(test=test)
        assert answer["result"] is True and answer["changes"] == {}, answer
    assert [request for request in apiserver.requests(mark) if request.write] == []


def restored(apiserver: Any, kind: str, name: str, namespace: str = "", to: str = "", named: str = "") -> None:
    """Copy an object as Velero restores it elsewhere: labels, annotations and managed fields come along.

    to: the namespace; named: another name.
    """
    live = apiserver.get(kind, name, *(["-n", namespace] if namespace else []), "--show-managed-fields")
    live["metadata"] = {key: value for key, value in live["metadata"].items() if key not in DROPPED}
    live["metadata"] |= ({"name": named} if named else {}) | ({"namespace": to} if to else {})
    live.pop("status", None)
    fields = live["metadata"].pop("managedFields")
    apiserver.kubectl("create", "-f", "-", stdin=json.dumps(live))
    patch = json.dumps({"metadata": {"managedFields": fields}})  # as Velero does since 1.10.2
    where = ["-n", to] if to else []
    apiserver.kubectl("patch", kind, live["metadata"]["name"], *where, "--type=merge", "-p", patch)
