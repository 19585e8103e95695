"""Waiting for health, what is said when it does not come, and the functions that only read."""

from __future__ import annotations

import pytest
from labkit import versions
from salt.exceptions import CommandExecutionError
from tests.support import kubectl as objects
from tests.support.salt import Minion

WELL = {"observedGeneration": 9, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2, "readyReplicas": 2}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """A minion with a file root of the tests' own besides the repository's."""
    root = tmp_path_factory.mktemp("minion")
    site = root / "site" / "site" / "web"
    site.mkdir(parents=True)
    (site / "a.yaml.jinja").write_text(
        "{% for name in names %}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ name }}}\n{% endfor %}\n"
    )
    (site / "b.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: last}\n")
    (site.parent / "plain.yaml").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: plain}\ndata: {a: '{{ not.jinja }}'}\n"
    )
    broken = root / "site" / "site" / "broken"
    broken.mkdir()
    (broken / "undefined.yaml").write_text("kind: {{ nowhere.to.be.found }}\n")
    (broken / "syntax.yaml").write_text("kind: {% if %}\n")
    return Minion(root, file_roots=[root / "site"])


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
    assert foretold["result"] is True and "not healthy now: Deployment default/sick 1 of 2" in foretold["comment"]


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
    assert call("ready", objects=[objects.deployment("ready")]) is True
    assert "is not there" in run("ready", "a sentence", objects=[objects.deployment("none")], timeout_s=0)["comment"]
    assert "the set 'nobody' does not exist" in run("ready", "nobody", timeout_s=0)["comment"]


def test_a_failed_job_is_not_waited_for(apiserver, run):
    pod = {"restartPolicy": "Never", "containers": [{"name": "a", "image": "a:1"}]}
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "doomed", "namespace": "default"},
        "spec": {"template": {"spec": pod}},
    }
    run("applied", "doomed", objects=[job], wait=False)
    time = "2026-01-01T00:00:00Z"
    why = {"status": "True", "reason": "BackoffLimitExceeded"}
    failed = [{"type": name} | why for name in ("FailureTarget", "Failed")]
    apiserver.set_status("job", "doomed", {"startTime": time, "failed": 1, "conditions": failed})
    answer = run("applied", "doomed", objects=[job], timeout_s=3600)
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


def test_reading_functions(apiserver, run, call, minion, tmp_path):
    node = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "w1", "labels": {"node-role.kubernetes.io/worker": "true"}},
        "spec": {"taints": [{"key": "gpu", "value": "true", "effect": "NoSchedule"}]},
    }
    apiserver.apply(node)
    apiserver.set_status("node", "w1", {"conditions": [{"type": "Ready", "status": "False", "message": "no network"}]})
    assert call("nodes")["w1"] == {
        "ready": False,
        "reason": "no network",
        "schedulable": True,
        "roles": ["worker"],
        "version": "",
        "address": None,
        "taints": ["gpu=true:NoSchedule", "node.kubernetes.io/not-ready=:NoSchedule"],
    }
    run("applied", "reading", objects=[objects.deployment("reading"), objects.config_map("reading", a="1")], wait=False)
    listed = call("list_set", "reading")
    assert [(item["kind"], item["name"], item["ready"]) for item in listed] == [
        ("ConfigMap", "reading", True),
        ("ConfigMap", "saltk8s-set-reading", True),
        ("Deployment", "reading", False),
    ]
    assert [item["name"] for item in call("list_set", "reading", kinds=["Deployment.v1.apps"])] == ["reading"]
    assert ("reading", False) in [(item["name"], item["ready"]) for item in call("rollouts", "default")]
    assert call("get", "configmap", "reading")["data"] == {"a": "1"}
    assert call("get", "configmap", "no-such-thing") is None
    assert [obj["metadata"]["name"] for obj in call("get", "nodes")] == ["w1"]
    assert call("get", "configmaps", selector="saltk8s.io/set=reading", namespace="kube-system") != []
    assert {"deployments.apps", "replicasets.apps"} <= set(call("api_resources", "apps", namespaced=True))
    found = call("version")
    assert found["client"] == found["server"] == versions.KUBECTL
    early = minion.call("kubectl.version", kubeconfig=str(tmp_path / "none"))
    assert early == {"client": versions.KUBECTL, "server": None}
    assert call("delete", "configmap", "reading") is True
    assert call("delete", "configmap", "reading") is False
    change = call("diff", "reading", objects=[objects.deployment("reading"), objects.config_map("reading", a="1")])
    assert change["changes"] == {"ConfigMap default/reading": {"old": None, "new": "created"}}
    assert apiserver.get("configmap", "reading") is None
    with pytest.raises(CommandExecutionError, match="does not know the kind nosuchkind"):
        call("get", "nosuchkind")


def test_manifests_from_the_file_server(minion, run):
    found = minion.call(
        "kubectl.render_manifests",
        "salt://site/web",
        template_context={"names": ["one", "two"]},
        objects=[objects.config_map("three")],
    )
    assert [obj["metadata"]["name"] for obj in found[:2]] == ["one", "two"]
    assert found[3]["metadata"]["name"] == "three"
    plain = minion.call("kubectl.render_manifests", "salt://site/plain.yaml", template=None)
    assert plain[0]["data"] == {"a": "{{ not.jinja }}"}
    addresses = ["salt://site/web/a.yaml.jinja"]
    answer = run("applied", "files", source=addresses, context={"names": ["from-a-file"]}, test=True)
    assert answer["result"] is None and "ConfigMap default/from-a-file" in answer["changes"]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("salt://site/broken/undefined.yaml", "undefined.yaml: cannot be rendered"),
        ("salt://site/broken/syntax.yaml", "syntax.yaml: cannot be rendered"),
        ("salt://site/nowhere", "salt://site/nowhere: no manifests there"),
        ("salt://site/nowhere.yaml", "salt://site/nowhere.yaml: no such file"),
    ],
)
def test_sources_that_cannot_be_read(run, source, text):
    for test in (True, False):
        answer = run("applied", "broken", source=source, test=test)
        assert answer["result"] is False and text in answer["comment"], answer["comment"]
        assert "Traceback" not in answer["comment"]
