"""Wait until sets and objects are healthy, and explain what is not, on a real API server."""

from __future__ import annotations

from tests.support import kubectl as objects

WELL = {"observedGeneration": 9, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2, "readyReplicas": 2}


def sick_pod(name: str) -> dict:
    """A pod of the Deployment ``name``, whose container crashes."""
    meta = {"name": f"{name}-1", "namespace": "default", "labels": {"app": name}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": meta,
        "spec": {"nodeName": "k8s-w1", "containers": [{"name": "web", "image": "web:1"}]},
    }


def event(kind: str, name: str, message: str) -> dict:
    """A warning about an object."""
    about = {"kind": kind, "namespace": "default", "name": name}
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{kind.lower()}.{name}", "namespace": "default"},
        "involvedObject": about,
        "type": "Warning",
        "reason": "Trouble",
        "message": message,
    }


def test_a_timeout_says_what_an_operator_would_look_up(apiserver, run):
    crash = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}
    told = [event("Deployment", "sick", "no quota left"), event("Pod", "sick-1", "it crashed")]
    apiserver.apply(sick_pod("sick"), *told)
    box = {"name": "web", "ready": False, "restartCount": 3, "state": crash, "image": "web:1", "imageID": ""}
    apiserver.set_status("pod", "sick-1", {"phase": "Running", "containerStatuses": [box]})
    answer = run("applied", "sick", objects=[objects.deployment("sick")], timeout_s=0)
    assert answer["result"] is False
    assert answer["changes"]["Deployment default/sick"] == {"old": None, "new": "created"}
    for text in (
        "Deployment default/sick its controller has not observed the change yet",
        "event Warning Trouble: no quota left",
        "Pod default/sick-1 on k8s-w1: Running",
        "event Warning Trouble: it crashed",
        "container web: CrashLoopBackOff: back-off 10s, 3 restarts",
    ):
        assert text in answer["comment"], answer["comment"]
    conditions = [{"type": "Available", "status": "False", "reason": "MinimumReplicasUnavailable", "message": "none"}]
    apiserver.set_status("deployment", "sick", WELL | {"availableReplicas": 1, "conditions": conditions})
    again = run("applied", "sick", objects=[objects.deployment("sick")], timeout_s=0)
    assert again["result"] is False and again["changes"] == {}
    assert "Deployment default/sick 1 of 2 replicas are available" in again["comment"]
    assert "condition Available=False (MinimumReplicasUnavailable): none" in again["comment"]
    foretold = run("applied", "sick", objects=[objects.deployment("sick")], test=True)
    assert foretold["result"] is None and "not healthy now: Deployment default/sick 1 of 2" in foretold["comment"]


def test_a_healthy_set_needs_no_further_request(apiserver, run):
    declared = [objects.deployment("well")]
    run("applied", "well", objects=declared, wait=False)
    apiserver.set_status("deployment", "well", WELL)
    mark = apiserver.mark()
    answer = run("applied", "well", objects=declared)
    assert answer["result"] is True and answer["changes"] == {}
    asked = [request for request in apiserver.requests(mark) if "labelSelector" in request.uri]
    assert len(asked) == 2  # one for each kind: the Deployment's, and the record's


def test_ready_waits_and_says(apiserver, run, call):
    run("applied", "ready", objects=[objects.deployment("ready")], wait=False)
    assert run("ready", "ready", test=True)["result"] is None
    sick = run("ready", "ready", timeout_s=0)
    assert sick["result"] is False and "Deployment default/ready its controller" in sick["comment"]
    apiserver.set_status("deployment", "ready", WELL)
    well = run("ready", "ready")
    assert well["result"] is True and well["changes"] == {}
    assert call("wait_ready", objects=[objects.deployment("ready")]) is True
    assert "does not exist" in run("ready", "a sentence", objects=[objects.deployment("none")], timeout_s=0)["comment"]
    assert "the set 'nobody' does not exist" in run("ready", "nobody", timeout_s=0)["comment"]


def test_ready_fails_in_both_modes_where_waiting_is_no_help(apiserver, run, tmp_path):
    away = tmp_path / "away"
    away.write_text(apiserver.kubeconfig.read_text().replace(apiserver.url, "https://127.0.0.1:1"))
    for test in (True, False):
        for given in ([{"apiVersion": "v1", "kind": "ConfigMap"}], [None], [None, objects.config_map("a")]):
            assert run("ready", "wrong", objects=given, test=test)["result"] is False
        assert run("ready", "away", kubeconfig=str(away), timeout_s=1, test=test)["result"] is False
        none = run("ready", "early", kubeconfig=str(tmp_path / "none"), test=test)
        assert none["result"] is (None if test else False) and "the cluster does not exist yet" in none["comment"]


def test_a_failed_job_is_not_waited_for(apiserver, run):
    pod = {"restartPolicy": "Never", "containers": [{"name": "a", "image": "a:1"}]}
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "doomed", "namespace": "default"},
        "spec": {"template": {"spec": pod}},
    }
    run("applied", "failing", objects=[job], wait=False)
    time = "2026-01-01T00:00:00Z"
    why = {"status": "True", "reason": "BackoffLimitExceeded"}
    failed = [{"type": name} | why for name in ("FailureTarget", "Failed")]
    apiserver.set_status("job", "doomed", {"startTime": time, "failed": 1, "conditions": failed})
    answer = run("applied", "failing", objects=[job], timeout_s=3600)
    assert answer["result"] is False and "Job default/doomed has failed: BackoffLimitExceeded" in answer["comment"]


def test_a_claim_that_waits_for_its_pod_is_healthy(run):
    def claim(name, storage):
        spec = {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": storage,
            "resources": {"requests": {"storage": "0.5Gi"}},
        }
        meta = {"name": name, "namespace": "default"}
        return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta, "spec": spec}

    def storage_class(name, mode):
        return {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": name},
            "provisioner": "example.org/none",
            "volumeBindingMode": mode,
        }

    classes = [storage_class("late", "WaitForFirstConsumer"), storage_class("now", "Immediate")]
    late = run("applied", "claims", objects=[*classes, claim("late", "late")], timeout_s=0)
    assert late["result"] is True, late["comment"]
    both = [*classes, claim("late", "late"), claim("now", "now")]
    answer = run("applied", "claims", objects=both, timeout_s=0)
    assert answer["result"] is False
    assert "PersistentVolumeClaim default/now is Pending" in answer["comment"]
    assert "default/late" not in answer["comment"].split("created")[0]
