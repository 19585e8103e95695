"""All services together: the status table, one that fails beside others, and the site's own objects."""

from __future__ import annotations

import json

from conftest import ADMIN, NODES, changed, failed, states_of, until
from manifests import listing

SERVICES = ("canal", "vsphere", "metallb", "nfs", "prometheus", "tenants", "traefik", "backup")  # in their order
REFUSAL = "no budgets today"


def test_the_status_table_shows_everything(lab):
    found = lab.salt(ADMIN, "k8s_config.status")[ADMIN]
    rows = {
        part: [row["name"] for row in found["rows"] if row["part"] == part]
        for part in ("cluster", "nodes", "services", "tenants", "certificates", "backups")
    }
    assert found["healthy"] is True, found["lines"]
    assert rows["cluster"] == ["lab"] and set(rows["nodes"]) == set(NODES)
    assert tuple(rows["services"]) == SERVICES
    assert set(rows["tenants"]) == {"resif", "ist-web"}
    assert set(rows["certificates"]) >= {"API server", "admin kubeconfig"} and rows["backups"] == ["platform"]


def refusing() -> list[dict]:
    """The API server rejects new PodDisruptionBudgets in Traefik's namespace."""
    rule = {
        "apiGroups": ["policy"],
        "apiVersions": ["v1"],
        "operations": ["CREATE"],
        "resources": ["poddisruptionbudgets"],
    }
    there = {"matchLabels": {"kubernetes.io/metadata.name": "traefik"}}
    policy = {
        "failurePolicy": "Fail",
        "matchConstraints": {"namespaceSelector": there, "resourceRules": [rule]},
        "validations": [{"expression": "false", "message": REFUSAL}],
    }
    binding = {"policyName": "e2e-no-budgets", "validationActions": ["Deny"]}
    return [
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": kind,
            "metadata": {"name": "e2e-no-budgets"},
            "spec": spec,
        }
        for kind, spec in (("ValidatingAdmissionPolicy", policy), ("ValidatingAdmissionPolicyBinding", binding))
    ]


def test_a_service_that_fails_stops_no_other(lab):
    """Traefik has an object rejected; the backup, after it in the order, is reconciled."""
    lab.kubectl("apply", "-f", "-", stdin=listing(*refusing()))
    try:
        argv = (
            "kubectl",
            "-n",
            "traefik",
            "create",
            "pdb",
            "x",
            "--selector=a=b",
            "--min-available=1",
            "--dry-run=server",
        )
        until(lambda: REFUSAL in lab.run(*argv, check=False).stderr, "the API server refuses")
        lab.kubectl("-n", "traefik", "delete", "pdb", "traefik")
        lab.kubectl("-n", "velero", "delete", "configmap", "volumes")
        answer = lab.salt(ADMIN, "state.apply", "k8s", check=False)[ADMIN]
        (wrong,) = failed(answer)
        assert wrong.startswith("k8s-traefik") and REFUSAL in wrong
        assert lab.kubectl("-n", "velero", "get", "configmap", "volumes", "-o", "name").strip()
        summary = states_of(answer)[-1]
        told = [line.split()[:2] for line in summary["comment"].splitlines()]
        assert ["traefik", "bad"] in told and ["backup", "ok"] in told, summary["comment"]
    finally:
        lab.kubectl("delete", "-f", "-", "--ignore-not-found", stdin=listing(*refusing()))
        until(lambda: not failed(lab.salt(ADMIN, "state.apply", "k8s.traefik", check=False)[ADMIN]), "it is put right")
    assert lab.kubectl("-n", "traefik", "get", "pdb", "traefik", "-o", "name").strip()


def test_the_sites_own_objects_are_created_and_deleted(lab, namespace):
    path = "/root/e2e-extra.yaml.jinja"
    text = json.dumps(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "site", "namespace": namespace},
            "data": {"cluster": "{{ k8s.cluster.name }}"},
        }
    )
    chosen = f"pillar={json.dumps({'k8s': {'extra': [path]}})}"
    lab.salt(ADMIN, "file.write", path, f"args={json.dumps([text])}")
    try:
        foretold = lab.salt(ADMIN, "state.apply", "k8s.extra", "test=True", chosen)[ADMIN]
        assert "ConfigMap" in changed(foretold)[0] and not lab.kubectl(
            "-n", namespace, "get", "cm", "site", "--ignore-not-found"
        )
        assert not failed(lab.salt(ADMIN, "state.apply", "k8s.extra", chosen)[ADMIN])
        assert lab.objects("-n", namespace, "configmap", "site")["data"] == {"cluster": "lab"}
        assert not changed(lab.salt(ADMIN, "state.apply", "k8s.extra", chosen)[ADMIN])
    finally:
        lab.salt(ADMIN, "file.remove", path)
        assert not failed(lab.salt(ADMIN, "state.apply", "k8s.extra")[ADMIN])
    assert not lab.kubectl("-n", namespace, "get", "configmap", "site", "--ignore-not-found")
