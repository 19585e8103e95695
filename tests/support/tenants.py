"""What tests of the tenants share: their set, the parts of a cluster that are played, requests of a tenant's people."""

from __future__ import annotations

import json
import subprocess

from tests.support import services
from tests.support.salt import Minion


def apply(minion: Minion, test: bool = False) -> dict:
    """The set of the tenants, as the formula declares it."""
    return minion.state("kubectl.applied", "tenants", test=test, **services.declared(minion, "tenants"), wait=False)


def play_aggregation(api) -> None:
    """What the controller of aggregated roles does: view is part of edit, edit of admin."""
    roles = api.get("clusterroles")["items"]
    for name in ("view", "edit", "admin"):
        wanted = next(r for r in roles if r["metadata"]["name"] == name)["aggregationRule"]["clusterRoleSelectors"]
        keys = [key for selector in wanted for key in selector["matchLabels"]]
        rules = [
            rule
            for role in api.get("clusterroles")["items"]
            for rule in role.get("rules") or ()
            if any(key in (role["metadata"].get("labels") or {}) for key in keys)
        ]
        api.kubectl("patch", "clusterrole", name, "--type=merge", "-p", json.dumps({"rules": rules}))


def run(api, group: str, *words: str, stdin: str | None = None) -> subprocess.CompletedProcess:
    """Run kubectl as somebody of a group."""
    argv = [api.kubectl_path, "--kubeconfig", str(api.kubeconfig), "--as=somebody", f"--as-group={group}", *words]
    return subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=60, check=False)


def ask(api, group: str, space: str, obj: dict, verb: str = "create") -> subprocess.CompletedProcess:
    """A dry run of a request: it goes through admission like any other, and leaves no quota used."""
    return run(api, group, verb, "-n", space, "--dry-run=server", "-f", "-", stdin=json.dumps(obj))


def pod_spec(case: dict, image: str) -> dict:
    box = {"name": "main", "image": image}
    box |= {"resources": {"limits": {"cpu": case["cpu"]}}} if "cpu" in case else {}
    return {"containers": [box], "restartPolicy": "Never"} | case.get("with", {})


def wanted(case: dict) -> dict:
    """The object that a case applies."""

    def of(version: str, kind: str, spec: dict, **meta) -> dict:
        return {"apiVersion": version, "kind": kind, "metadata": {"name": "case", **meta}, "spec": spec}

    if "pod" in case:
        return of("v1", "Pod", pod_spec(case, case["pod"]))
    if "deployment" in case:
        spec = pod_spec(case, case["deployment"]) | {"restartPolicy": "Always"}
        template = {"metadata": {"labels": {"app": "case"}}, "spec": spec}
        return of("apps/v1", "Deployment", {"selector": {"matchLabels": {"app": "case"}}, "template": template})
    if "cronjob" in case:
        job = {"spec": {"template": {"spec": pod_spec(case, case["cronjob"])}}}
        return of("batch/v1", "CronJob", {"schedule": "0 1 * * *", "jobTemplate": job})
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    if "backend" in case:
        return of("networking.k8s.io/v1", "Ingress", {"defaultBackend": backend})
    if "ingress" in case:
        path = {"path": case.get("path", "/"), "pathType": "ImplementationSpecific", "backend": backend}
        spec = {"rules": [{"http": {"paths": [path]}} | ({"host": case["ingress"]} if case["ingress"] else {})]}
        spec |= {"tls": [{"hosts": case["tls"]}]} if "tls" in case else {}
        matcher = {"traefik.ingress.kubernetes.io/router.pathmatcher": case["matcher"]} if "matcher" in case else {}
        return of("networking.k8s.io/v1", "Ingress", spec, annotations=matcher)
    if "match" in case:
        rule = {"match": case["match"]} if case["match"] else {}
        return of("traefik.io/v1alpha1", case.get("kind", "IngressRoute"), {"routes": [rule]})
    if "service" in case:
        return of("v1", "Service", {"ports": [{"port": 80}]} | case["service"])
    if "claim" in case:
        spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": case.get("size", "1Gi")}}}
        return of("v1", "PersistentVolumeClaim", spec | ({"storageClassName": case["claim"]} if case["claim"] else {}))
    return of("networking.k8s.io/v1", "NetworkPolicy", {"podSelector": {}} | case["policy"])


def until_true(condition, tries: int = 100) -> None:
    """The API server notices a policy's binding within a second or so."""
    assert any(condition() for _ in range(tries)), f"not within {tries} tries"
