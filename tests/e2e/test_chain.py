"""From the pillar to the cluster: complete, and a second run changes nothing."""

from __future__ import annotations

import json

import pytest
from conftest import ADMIN, NODES, ROOT, changed, failed, states_of, until

AUDIT = "/var/log/kube-audit/audit-log.json"
WRITES = {"create", "update", "patch", "delete", "deletecollection"}
OURS = ("kubectl", "salt", "python")  # user agents of what the pack runs; controllers write all the time


def writes_since(lab, line: int) -> list[str]:
    """Persisted writes of kubectl in the API server's audit log after that line."""
    found = []
    for raw in lab.ssh("k8s-cp1", f"sudo tail -n +{line + 1} {AUDIT}").splitlines():
        event = json.loads(raw)
        ours = event["verb"] in WRITES and event.get("userAgent", "").startswith(OURS)
        if ours and "dryRun=All" not in event["requestURI"]:
            found.append(f"{event['verb']} {event['requestURI']}")
    return found


def audit_length(lab) -> int:
    """Lines of the audit log so far."""
    return int(lab.ssh("k8s-cp1", f"sudo wc -l < {AUDIT}"))


def cluster_files(lab, *but: str) -> dict[str, int]:
    """The cluster's files on the admin with the times of their last change: rke never runs without a trace there."""
    found = lab.salt(ADMIN, "file.find", "/var/lib/saltk8s", "type=f", "print=path,mtime")[ADMIN]
    return {path: changed for path, changed in found if path.rsplit("/", 1)[1] not in but}


def test_every_minion_answers(lab):
    assert lab.salt("*", "test.ping") == dict.fromkeys([ADMIN, *NODES], True)


def test_dry_run_before_the_cluster_listed_the_changes():
    """`make lab` ran it on the blank machines, and checked that nothing was written."""
    answers = json.loads((ROOT / "build" / "lab-logs" / "preview.json").read_text())
    assert answers.keys() == {ADMIN, *NODES}
    assert not any(failed(answer) for answer in answers.values())
    admin = json.dumps([state for state in states_of(answers[ADMIN]) if state["result"] is None])
    assert "build a cluster of 3 nodes" in admin
    for name in ("speaker", "controller", "IPAddressPool"):
        assert name in admin
    for node in NODES:
        assert "docker" in json.dumps([state for state in states_of(answers[node]) if state["result"] is None])


def test_all_nodes_are_ready(lab):
    nodes = lab.objects("nodes")["items"]
    ready = {
        node["metadata"]["name"]: next(c["status"] for c in node["status"]["conditions"] if c["type"] == "Ready")
        for node in nodes
    }
    assert ready == dict.fromkeys(NODES, "True")
    addresses = {
        node["metadata"]["name"]: next(a["address"] for a in node["status"]["addresses"] if a["type"] == "InternalIP")
        for node in nodes
    }
    assert addresses == NODES


def test_system_workloads_are_complete(lab):
    for item in lab.objects("deployments,daemonsets", "-n", "kube-system")["items"]:
        status, name = item["status"], item["metadata"]["name"]
        if item["kind"] == "Deployment":
            assert status.get("readyReplicas", 0) == item["spec"]["replicas"], name
        else:
            assert status["numberReady"] == status["desiredNumberScheduled"] > 0, name


def test_second_map_run_creates_nothing(lab):
    before = lab.run("salt-cloud", "--out=json", "-Q").stdout
    done = lab.run("salt-cloud", "-m", "/etc/salt/cloud.maps.d/lab.map", "-P", "-y")
    assert "already" in (done.stdout + done.stderr).lower()
    assert json.loads(lab.run("salt-cloud", "--out=json", "-Q").stdout).keys() == json.loads(before).keys()


def test_second_apply_changes_nothing_and_writes_nothing(lab):
    line, runs = audit_length(lab), cluster_files(lab, "lock")
    answers = lab.salt("*", "state.apply", "k8s")
    assert answers.keys() == {ADMIN, *NODES}
    for minion, answer in answers.items():
        assert not failed(answer), minion
        assert not changed(answer), minion
        assert len(states_of(answer)) > 5, minion
    assert writes_since(lab, line) == []
    assert cluster_files(lab, "lock") == runs


def test_dry_run_on_a_running_cluster_writes_nothing(lab):
    line, runs = audit_length(lab), cluster_files(lab)
    for minion, answer in lab.salt("*", "state.apply", "k8s", "test=True").items():
        assert not failed(answer), minion
        assert not changed(answer), minion
    assert writes_since(lab, line) == []
    assert cluster_files(lab) == runs


def test_dry_run_shows_a_pillar_edit_and_writes_nothing(lab):
    line, runs = audit_length(lab), cluster_files(lab)
    edit = {"k8s": {"services": {"metallb": {"pools": {"second": {"addresses": ["172.31.50.230-172.31.50.235"]}}}}}}
    edit["k8s"]["cluster"] = {"audit_log": {"keep_days": 45}}
    answer = lab.salt(ADMIN, "state.apply", "k8s", "test=True", f"pillar={json.dumps(edit)}")[ADMIN]
    assert not failed(answer)
    told = json.dumps([[state["comment"], state["changes"]] for state in states_of(answer) if state["result"] is None])
    assert "second" in told
    assert "audit" in told or "kube-api" in told or "kube_api" in told
    assert writes_since(lab, line) == []
    assert cluster_files(lab) == runs


def test_pillar_edit_is_applied_and_reverted(lab):
    edit = {"k8s": {"services": {"metallb": {"pools": {"second": {"addresses": ["172.31.50.230-172.31.50.235"]}}}}}}
    answer = lab.salt(ADMIN, "state.apply", "k8s", f"pillar={json.dumps(edit)}")[ADMIN]
    assert not failed(answer)
    pools = lab.objects("-n", "metallb-system", "ipaddresspools.metallb.io")["items"]
    assert "second" in {pool["metadata"]["name"] for pool in pools}
    answer = lab.salt(ADMIN, "state.apply", "k8s")[ADMIN]
    assert not failed(answer)
    assert changed(answer)
    pools = lab.objects("-n", "metallb-system", "ipaddresspools.metallb.io")["items"]
    assert "second" not in {pool["metadata"]["name"] for pool in pools}


def test_drift_is_reported_and_reconciled(lab):
    lab.kubectl("-n", "metallb-system", "delete", "deployment", "controller")
    preview = lab.salt(ADMIN, "state.apply", "k8s", "test=True")[ADMIN]
    assert "controller" in json.dumps([s["changes"] for s in states_of(preview) if s["result"] is None])
    answer = lab.salt(ADMIN, "state.apply", "k8s")[ADMIN]
    assert not failed(answer)
    until(
        lambda: lab.objects("-n", "metallb-system", "deployment", "controller")["status"].get("readyReplicas") == 1,
        "the controller is back",
    )
    assert not changed(lab.salt(ADMIN, "state.apply", "k8s")[ADMIN])


@pytest.mark.slow
def test_a_disabled_service_is_deleted_and_deployed_again(lab):
    """With all its own objects, and none of another service's."""
    off = json.dumps({"k8s": {"services": {"traefik": {"enabled": False}}}})

    def others() -> set[str]:
        items = lab.objects("deployments,daemonsets,statefulsets,services,customresourcedefinitions", "-A")["items"]
        return {
            item["metadata"]["uid"]
            for item in items
            if item["metadata"].get("namespace") != "traefik" and "traefik.io" not in item["metadata"]["name"]
        }

    before = others()
    answer = lab.salt(ADMIN, "state.apply", "k8s", f"pillar={off}")[ADMIN]
    assert not failed(answer)
    assert not lab.kubectl("get", "namespace", "traefik", "--ignore-not-found")
    # the definitions stay: with them would go every laboratory's routes
    assert "traefik" not in lab.kubectl("get", "ingressclass", "-o", "name")
    assert others() == before
    assert not changed(lab.salt(ADMIN, "state.apply", "k8s", f"pillar={off}")[ADMIN])
    assert not failed(lab.salt(ADMIN, "state.apply", "k8s")[ADMIN])
    assert lab.objects("-n", "traefik", "deployment", "traefik")["status"]["readyReplicas"] == 2
    assert others() == before
