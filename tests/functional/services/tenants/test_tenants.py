"""Tenants on a real API server: what they may do, what they read when they may not, what happens to who leaves."""

from __future__ import annotations

import base64
import json
import stat
import subprocess
from pathlib import Path

import pytest
import yaml
from tests.support import kubectl as objects
from tests.support import pillars
from tests.support.salt import ROOT
from tests.support.tenants import apply, ask, run, until_true, wanted

CASES = yaml.safe_load((ROOT / "tests" / "cases" / "tenants.yaml").read_text())["cases"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: json.dumps(case)[:60])
def test_what_a_tenant_may_do(cluster, case):
    group, space = case.get("as", "grp-resif-dev"), case.get("of", "resif")
    if "delete" in case:
        done = run(cluster, group, "delete", "-n", space, case["delete"])
    else:
        done = ask(cluster, group, space, wanted(case))
    if case.get("refused"):
        assert done.returncode == 1 and case["refused"] in done.stderr, done.stdout + done.stderr
    else:
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("group", "verb", "what", "space", "answer"),
    [
        ("grp-resif-dev", "create", "deployments.apps", "resif", "yes"),
        ("grp-resif-dev", "create", "rolebindings.rbac.authorization.k8s.io", "resif", "yes"),
        ("grp-resif-dev", "create", "ingressroutes.traefik.io", "resif", "yes"),
        ("grp-resif-dev", "create", "tlsstores.traefik.io", "resif", "no"),
        ("grp-resif-dev", "update", "resourcequotas", "resif", "no"),
        ("grp-resif-dev", "update", "namespaces", "resif", "no"),
        ("grp-resif-dev", "get", "pods", "ist-web", "no"),
        ("grp-resif-dev", "create", "serviceaccounts/token", "saltk8s-tenants", "no"),
        ("grp-resif-dev", "list", "storageclasses.storage.k8s.io", "resif", "yes"),
        ("grp-resif-dev", "list", "nodes", "resif", "no"),
        ("grp-resif-ops", "delete", "pods", "resif", "yes"),
        ("grp-resif-ops", "create", "rolebindings.rbac.authorization.k8s.io", "resif", "no"),
        ("grp-resif", "get", "pods", "resif", "yes"),
        ("grp-resif", "get", "secrets", "resif", "no"),
        ("grp-resif", "delete", "pods", "resif", "no"),
    ],
)
def test_who_may_what(cluster, group, verb, what, space, answer):
    assert run(cluster, group, "auth", "can-i", verb, what, "-n", space).stdout.strip() == answer


def test_a_pod_that_says_nothing_gets_requests_and_is_admitted(cluster):
    case = json.dumps(wanted({"pod": "registry.osug.example/resif/web:1"}))
    words = ["create", "-n", "resif", "--dry-run=server", "-o", "json", "-f", "-"]
    done = run(cluster, "grp-resif-ops", *words, stdin=case)
    (box,) = json.loads(done.stdout)["spec"]["containers"]
    assert box["resources"] == {
        "limits": {"cpu": "2", "memory": "512Mi", "ephemeral-storage": "2Gi"},
        "requests": {"cpu": "100m", "memory": "128Mi", "ephemeral-storage": "64Mi"},
    }


def test_an_object_with_an_image_that_is_not_allowed_any_more_can_still_be_changed(cluster, make):
    old = wanted({"deployment": "elsewhere.example/web:1"})
    cluster.kubectl("delete", "validatingadmissionpolicybinding/saltk8s-tenant-workloads")
    until_true(
        lambda: run(cluster, "grp-resif-dev", "create", "-n", "resif", "-f", "-", stdin=json.dumps(old)).returncode == 0
    )
    assert list(apply(make())["changes"]) == ["ValidatingAdmissionPolicyBinding saltk8s-tenant-workloads"]
    refused = wanted({"pod": "elsewhere.example/web:1"})
    until_true(lambda: ask(cluster, "grp-resif-dev", "resif", refused).returncode == 1)
    scaled = run(cluster, "grp-resif-dev", "scale", "-n", "resif", "deployment/case", "--replicas=0")
    assert scaled.returncode == 0, scaled.stderr
    image = run(cluster, "grp-resif-dev", "set", "image", "-n", "resif", "deployment/case", "main=other.example/web:2")
    assert "the image other.example/web:2 does not come from" in image.stderr
    cluster.kubectl("delete", "-n", "resif", "deployment/case")


def test_the_report_has_quota_against_use(cluster, make):
    hard = cluster.get("resourcequota", "tenant", "-n", "gnss")["spec"]["hard"]
    used = dict.fromkeys(hard, "0") | {"requests.cpu": "8500m", "limits.memory": "12Gi", "pods": "7"}
    cluster.set_status("resourcequota", "tenant", {"hard": hard, "used": used}, "gnss")
    minion = make()
    found = minion.call("k8s_config.tenant_report")
    assert set(found) == set(pillars.load("tenants")["tenants"])
    assert found["gnss"]["namespaces"]["gnss"]["requests.cpu"] == {"used": "8500m", "hard": "32", "percent": 27}
    assert found["gnss"]["fullest"] == 27
    assert list(found["ist"]["namespaces"]) == ["isterre", "isterre-test"]
    (line,) = [line for line in minion.call("k8s_config.tenant_report", text=True).splitlines() if "gnss" in line]
    assert line.split() == ["gnss", "gnss", "8500m/32", "27%", "12Gi/128Gi", "10%", "0/2000Gi", "0%", "7/50", "14%"]


def test_the_kubeconfig_is_written_kept_and_renewed(cluster, make, tmp_path):
    path = tmp_path / "deep" / "resif.kubeconfig"
    minion = make({"tenants": {"resif": {"kubeconfig": {"path": str(path), "valid": "2h", "renew_before": "1h"}}}})

    def state(test: bool = False) -> dict:
        return minion.state("k8s_tenants.kubeconfig_present", "resif", test=test)

    assert state(test=True)["result"] is None and not path.exists()
    made = state()
    assert made["result"] is True and made["changes"][str(path)]["old"] is None, made
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    token = yaml.safe_load(path.read_text())["users"][0]["user"]["token"]
    assert token not in json.dumps(made)
    assert state()["changes"] == {} and state(test=True)["result"] is True
    argv = [cluster.kubectl_path, "--kubeconfig", str(path), "auth", "can-i", "create", "pods"]
    assert subprocess.run(argv, capture_output=True, text=True, check=False).stdout.strip() == "yes"
    assert subprocess.run([*argv, "-n", "ige"], capture_output=True, text=True, check=False).stdout.strip() == "no"
    assert minion.call("k8s_tenants.kubeconfigs")["resif"]["days_left"] == 0

    path.chmod(0o644)
    assert "its mode is 0644" in state()["comment"] and stat.S_IMODE(path.stat().st_mode) == 0o600
    expire(path)
    assert "it expires soon" in state(test=True)["comment"]
    assert "it expires soon" in state()["comment"] and state()["changes"] == {}
    path.write_text("nonsense")
    assert "its token is not of this tenant's account" in state()["comment"]
    cluster.kubectl("delete", "serviceaccount", "resif", "-n", "saltk8s-tenants")
    assert state()["result"] is False and state(test=True)["result"] is None
    assert apply(minion)["result"] is True
    assert "its ServiceAccount was re-created" in state()["comment"] and state()["changes"] == {}


def expire(path: Path) -> None:
    """Make the file's token one that says it has ten minutes of its two hours left."""
    token = yaml.safe_load(path.read_text())["users"][0]["user"]["token"]
    head, body, sign = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    claims |= {"iat": claims["iat"] - 6600, "exp": claims["iat"] + 600}
    older = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    path.write_text(path.read_text().replace(token, f"{head}.{older}.{sign}"))


def test_a_tenant_that_leaves_the_pillar_is_not_lost(cluster, make):
    gone = make(remove=("tenants:karst",))
    mark = cluster.mark()
    for test in (True, False):
        kept = gone.state("k8s_tenants.namespaces_kept", "tenants", test=test)
        assert kept["result"] is False and kept["changes"] == {}
        assert "the namespace karst of the tenant karst is in the cluster" in kept["comment"]
        assert "allow_removal: [karst]" in kept["comment"]
    assert [request for request in cluster.requests(mark) if request.write] == []
    agreed = make({"services": {"tenants": {"allow_removal": ["karst"]}}}, remove=("tenants:karst",))
    assert agreed.state("k8s_tenants.namespaces_kept", "tenants")["result"] is True
    foretold = apply(agreed, test=True)
    assert foretold["result"] is None, foretold["comment"]
    assert "Namespace karst" in foretold["changes"] and "NetworkPolicy karst/default-deny" in foretold["changes"]
    others = {name: change for name, change in foretold["changes"].items() if "karst" not in name}
    assert list(others) == ["ClusterRoleBinding saltk8s:tenants"], others


def test_a_copy_of_a_tenants_namespace_is_no_former_tenants(cluster, make):
    """A restore under another name, before and after its marks are taken off: it stays in bounds, and stops nothing."""
    minion = make()
    objects.restored(cluster, "namespace", "karst", named="karst-of-yesterday")
    try:
        for marks in ((), ("saltk8s.io/set",), ("saltk8s.io/object",)):
            for mark in marks:
                what = "label" if mark.endswith("set") else "annotate"
                cluster.kubectl(what, "namespace", "karst-of-yesterday", f"{mark}-")
            assert minion.call("k8s_tenants.orphaned_namespaces") == {}
        labels = cluster.get("namespace", "karst-of-yesterday")["metadata"]["labels"]
        assert labels["saltk8s.io/tenant"] == "karst", "the admission policies judge what is in it"
    finally:
        cluster.kubectl("delete", "namespace", "karst-of-yesterday", "--wait=false")


def test_the_formula_stops_before_anything_is_pruned(make):
    low = make().low("k8s.tenants")
    order = [chunk["fun"] for chunk in low if chunk["__id__"].startswith("k8s-tenants")]
    assert order == ["namespaces_kept", "applied", "kubeconfig_present", "machines_closed"]
    (applied,) = [chunk for chunk in low if chunk["__id__"] == "k8s-tenants-applied"]
    assert applied["require"] == [{"k8s_tenants": "k8s-tenants-kept"}]


def test_extra_objects_come_last_and_go_again(cluster, make, tmp_path):
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "a.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: site, namespace: default}\n")
    with_extra, without = make({"extra": [str(folder)]}), make()
    low = with_extra.low("k8s.services")
    assert [chunk for chunk in low if chunk["state"] == "kubectl"][-1]["__id__"] == "k8s-extra-applied"
    (chunk,) = [chunk for chunk in low if chunk["__id__"] == "k8s-extra-applied"]
    given = {key: chunk[key] for key in ("source", "source_hash")}
    assert given["source"] == [str(folder)]
    assert with_extra.state("kubectl.applied", "extra", **given)["result"] is True
    assert with_extra.state("kubectl.applied", "extra", **given)["changes"] == {}
    (chunk,) = [chunk for chunk in without.low("k8s.extra") if chunk["state"] == "kubectl"]
    assert (chunk["fun"], chunk["name"]) == ("absent", "extra")
    gone = without.apply("k8s.extra")["k8s-extra-absent"]
    assert "ConfigMap default/site" in gone["changes"] and cluster.get("configmap", "site") is None
    assert without.apply("k8s.extra")["k8s-extra-absent"]["changes"] == {}


def test_extra_objects_of_the_web_have_a_hash(make):
    web = {"source": "https://site.example/a.yaml", "sha256": pillars.SHA256}
    low = make({"extra": [web, "salt://site"]}).low("k8s.extra")
    (chunk,) = [chunk for chunk in low if chunk["__id__"] == "k8s-extra-applied"]
    assert chunk["source"] == ["https://site.example/a.yaml", "salt://site"]
    assert chunk["source_hash"] == {"https://site.example/a.yaml": f"sha256={pillars.SHA256}"}
