"""Waiting, rollouts, replicas, logs, events, usage, permissions and explanations, on a real API server.

Controllers, the kubelet and metrics-server are not there. What controllers write the tests write; two stand-ins speak
their parts of the API: a web server for the kubelet's logs, and custom resources for the metrics API.
"""

from __future__ import annotations

import http.server
import json
import ssl
import threading
from urllib.parse import parse_qs, urlsplit

import pytest
from salt.exceptions import CommandExecutionError
from tests.support import kubectl as objects
from tests.support.apiserver import NOBODY_TOKEN

WELL = {"observedGeneration": 99, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2, "readyReplicas": 2}


def writes(apiserver, mark):
    return [request for request in apiserver.requests(mark) if request.write]


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


# -- wait


def test_wait_for_a_condition_a_field_and_the_end(apiserver, call):
    apiserver.apply(objects.deployment("awaited"))
    condition = {"type": "Available", "status": "True"}
    apiserver.set_status("deployment", "awaited", WELL | {"conditions": [condition]})
    told = call("wait", "Deployment.apps", "awaited", condition="Available", timeout_s=10)
    assert [(one["kind"], one["name"], one["ready"]) for one in told["objects"]] == [("Deployment", "awaited", True)]
    for path in (".status.readyReplicas=2", "{.status.readyReplicas}=2", ".status.conditions"):
        assert call("wait", "Deployment.apps", "awaited", jsonpath=path, timeout_s=10)["objects"]
    with pytest.raises(
        CommandExecutionError,
        match="not within 0 s: condition=Progressing: Deployment default/awaited "
        r"\(Available=True\)",
    ) as raised:
        call("wait", "Deployment.apps", "awaited", condition="Progressing", timeout_s=0)
    assert raised.value.details == {"error": "timeout"}
    with pytest.raises(CommandExecutionError, match="not within 1 s: delete: Deployment default/awaited"):
        call("wait", "Deployment.apps", "awaited", deleted=True, timeout_s=1)
    apiserver.kubectl("delete", "deployment", "awaited")
    for _ in range(2):  # gone is gone, also for who comes late
        assert call("wait", "Deployment.apps", "awaited", deleted=True, timeout_s=10)["objects"] == []


def test_what_is_not_there_yet_is_waited_for(apiserver, call):
    answers, mark = [], apiserver.mark()
    wait = {"selector": "group=late", "jsonpath": ".data.a=1", "timeout_s": 60}
    thread = threading.Thread(target=lambda: answers.append(call("wait", "configmap", **wait)))
    thread.start()
    while not any("configmaps" in request.uri for request in apiserver.requests(mark)):
        assert thread.is_alive()
    late = objects.config_map("late", a="1")
    late["metadata"]["labels"] = {"group": "late"}
    apiserver.apply(late)
    thread.join()
    assert [one["name"] for one in answers[0]["objects"]] == ["late"]
    with pytest.raises(CommandExecutionError, match="not within 1 s: jsonpath={.data.a}=1: nothing of it is there"):
        call("wait", "configmap", "never", jsonpath=".data.a=1", timeout_s=1)


def test_wait_wants_one_thing_of_one_sort(call):
    for wrong in ({}, {"condition": "Ready", "deleted": True}):
        with pytest.raises(CommandExecutionError, match="expected one of condition, jsonpath, deleted"):
            call("wait", "pods", "x", **wrong)
    with pytest.raises(CommandExecutionError, match="expected a name or a selector"):
        call("wait", "pods", condition="Ready")
    with pytest.raises(CommandExecutionError, match="does not know the kind"):
        call("wait", "nosuchkind", "x", condition="Ready", timeout_s=5)


# -- rollouts


def revision(apiserver, deployment, number, image):
    """What the Deployment's controller makes for each version: a ReplicaSet with the version's template."""
    live = apiserver.get("deployment", deployment)
    marks = {"app": deployment, "pod-template-hash": str(number)}
    template = json.loads(json.dumps(live["spec"]["template"]))
    template["metadata"]["labels"] = marks
    template["spec"]["containers"][0]["image"] = image
    owner = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "name": deployment,
        "uid": live["metadata"]["uid"],
        "controller": True,
    }
    noted = {"deployment.kubernetes.io/revision": str(number)}
    apiserver.apply(
        {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                "name": f"{deployment}-{number}",
                "namespace": "default",
                "labels": marks,
                "annotations": noted,
                "ownerReferences": [owner],
            },
            "spec": {"replicas": 0, "selector": {"matchLabels": marks}, "template": template},
        }
    )
    patch = json.dumps({"metadata": {"annotations": noted}})
    apiserver.kubectl("patch", "deployment", deployment, "--type=merge", "-p", patch)


def test_rollout_status_tells_how_far_it_is(apiserver, call):
    apiserver.apply(objects.deployment("rolling"))
    early = call("rollout_status", "Deployment.apps", "rolling")
    assert early == {
        "ready": False,
        "reason": "its controller has not observed the change yet",
        "wanted": 2,
        "updated": 0,
        "available": 0,
        "revision": None,
    }
    with pytest.raises(CommandExecutionError, match="not healthy after 1 s:\nDeployment default/rolling") as raised:
        call("rollout_status", "Deployment.apps", "rolling", timeout_s=1)
    assert raised.value.details == {"error": "not ready"}
    revision(apiserver, "rolling", 1, "web:1")
    apiserver.set_status("deployment", "rolling", WELL)
    done = {"ready": True, "reason": "", "wanted": 2, "updated": 2, "available": 2, "revision": 1}
    assert call("rollout_status", "Deployment.apps", "rolling", timeout_s=10) == done
    with pytest.raises(CommandExecutionError, match="kind: got ConfigMap; expected Deployment, StatefulSet, DaemonSet"):
        apiserver.apply(objects.config_map("rolling", a="1"))
        call("rollout_status", "configmap", "rolling")


def test_a_rollout_is_undone(apiserver, call):
    apiserver.apply(objects.changed(objects.deployment("undone"), "spec.template.spec.containers.0.image", "web:3"))
    for number in (1, 2, 3):
        revision(apiserver, "undone", number, f"web:{number}")
    path = "spec.template.spec.containers[name=web].image"
    mark = apiserver.mark()
    foretold = call("rollout_undo", "Deployment.apps", "undone", test=True)
    assert writes(apiserver, mark) == []
    real = call("rollout_undo", "Deployment.apps", "undone")
    assert foretold == real == {"old": 3, "new": 2, "changes": {path: {"old": "web:3", "new": "web:2"}}}
    live = apiserver.get("deployment", "undone")["spec"]["template"]
    assert live["spec"]["containers"][0]["image"] == "web:2" and live["metadata"]["labels"] == {"app": "undone"}
    mark = apiserver.mark()
    assert call("rollout_undo", "Deployment.apps", "undone", to_revision=2)["changes"] == {}
    with pytest.raises(CommandExecutionError, match="revision 7 is not kept; these are: 1, 2, 3"):
        call("rollout_undo", "Deployment.apps", "undone", to_revision=7)
    assert writes(apiserver, mark) == []


def test_daemon_sets_keep_their_revisions_elsewhere(apiserver, call):
    daemon = objects.deployment("daemon") | {"kind": "DaemonSet"}
    del daemon["spec"]["replicas"]
    apiserver.apply(daemon)
    live = apiserver.get("daemonset", "daemon")
    owner = {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "name": "daemon",
        "uid": live["metadata"]["uid"],
        "controller": True,
    }
    for number in (1, 2):
        template = json.loads(json.dumps(live["spec"]["template"])) | {"$patch": "replace"}
        template["spec"]["containers"][0]["image"] = f"web:{number}"
        apiserver.apply(
            {
                "apiVersion": "apps/v1",
                "kind": "ControllerRevision",
                "revision": number,
                "metadata": {
                    "name": f"daemon-{number}",
                    "namespace": "default",
                    "labels": {"app": "daemon"},
                    "ownerReferences": [owner],
                },
                "data": {"spec": {"template": template}},
            }
        )
    patch = '[{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "web:2"}]'
    apiserver.kubectl("patch", "daemonset", "daemon", "--type=json", "-p", patch)
    done = call("rollout_undo", "DaemonSet.apps", "daemon")
    assert (done["old"], done["new"]) == (2, 1)
    live = apiserver.get("daemonset", "daemon")
    assert live["spec"]["template"]["spec"]["containers"][0]["image"] == "web:1"
    assert call("rollout_status", "DaemonSet.apps", "daemon")["revision"] == 2


def test_what_a_set_declares_is_not_undone_by_hand(apiserver, call, minion):
    declared = objects.changed(objects.deployment("owned"), "spec.template.spec.containers.0.image", "web:2")
    applied = {"objects": [declared], "wait": False, "kubeconfig": str(apiserver.kubeconfig)}
    minion.state("kubectl.applied", "owned", **applied)
    for number in (1, 2):
        revision(apiserver, "owned", number, f"web:{number}")
    mark = apiserver.mark()
    for test in (True, False):
        with pytest.raises(CommandExecutionError, match="default/owned belongs to the set 'owned'") as raised:
            call("rollout_undo", "Deployment.apps", "owned", test=test)
        assert raised.value.details == {"error": "refused"}
        with pytest.raises(CommandExecutionError, match="the set 'owned' declares spec.replicas"):
            call("scale", "Deployment.apps", "owned", 3, test=test)
    assert writes(apiserver, mark) == []
    assert call("rollout_undo", "Deployment.apps", "owned", force=True)["new"] == 1
    assert call("scale", "Deployment.apps", "owned", 3, force=True) == {"old": 2, "new": 3}
    # the next highstate says who changed it, and takes it back only when told to
    refused = minion.state("kubectl.applied", "owned", **applied)
    assert refused["result"] is False and "another field manager 'kubectl" in refused["comment"], refused["comment"]
    back = minion.state("kubectl.applied", "owned", force_conflicts=True, **applied)
    assert back["changes"]["Deployment default/owned"] == {
        "spec.replicas": {"old": 3, "new": 2},
        "spec.template.spec.containers[name=web].image": {"old": "web:1", "new": "web:2"},
    }


def test_scale_tells_old_and_new(apiserver, call):
    apiserver.apply(objects.deployment("scaled"))
    mark = apiserver.mark()
    assert call("scale", "Deployment.apps", "scaled", 5, test=True) == {"old": 2, "new": 5}
    assert call("scale", "Deployment.apps", "scaled", 2) == {"old": 2, "new": 2}
    assert writes(apiserver, mark) == []
    assert call("scale", "Deployment.apps", "scaled", "0") == {"old": 2, "new": 0}
    assert apiserver.get("deployment", "scaled")["spec"]["replicas"] == 0
    apiserver.apply(objects.config_map("scaled", a="1"))
    for args, text in (
        (("configmap", "scaled", 1), "have no number of replicas"),
        (("Deployment.apps", "scaled", -1), "expected a whole number"),
        (("Deployment.apps", "nowhere", 1), "there is no Deployment.apps 'nowhere'"),
    ):
        with pytest.raises(CommandExecutionError, match=text):
            call("scale", *args)


# -- logs


class Kubelet(http.server.BaseHTTPRequestHandler):
    """What a kubelet answers when the API server asks for a log; a container named ``mute`` has not started."""

    def do_GET(self):
        where = urlsplit(self.path)
        _, _, _, pod, container = where.path.split("/")
        asked = {name: values[0] for name, values in parse_qs(where.query).items()}
        body = "".join(f"{pod} {container} {name}={asked[name]}\n" for name in sorted(asked)) or f"{pod} all\n"
        self.send_response(400 if container == "mute" else 200)
        self.end_headers()
        self.wfile.write(b"waiting to start" if container == "mute" else body.encode())

    def log_message(self, *args):
        pass


@pytest.fixture
def kubelet(apiserver):
    """A node of that name whose kubelet is the stand-in, on loopback, with the API server's own certificate."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Kubelet)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(apiserver.folder / "certs" / "apiserver.crt", apiserver.folder / "certs" / "apiserver.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    apiserver.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "kubelet"}})
    port = {"kubeletEndpoint": {"Port": server.server_address[1]}}
    address = [{"type": "InternalIP", "address": "127.0.0.1"}]
    apiserver.set_status("node", "kubelet", {"addresses": address, "daemonEndpoints": port})
    yield "kubelet"
    apiserver.kubectl("delete", "node", "kubelet")
    server.shutdown()
    server.server_close()


def talking_pod(name, app, *containers):
    meta = {"name": name, "namespace": "default", "labels": {"app": app}}
    boxes = [{"name": box, "image": "web:1"} for box in containers]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {"nodeName": "kubelet", "containers": boxes}}


def test_logs_of_a_container_a_pod_and_a_workload(apiserver, call, kubelet):
    apiserver.apply(
        objects.deployment("talk"), talking_pod("talk-1", "talk", "web"), talking_pod("talk-2", "talk", "web", "mute")
    )
    assert call("logs", "talk-1") == ["talk-1 web tailLines=100"]
    assert call("logs", "talk-1", tail=None) == ["talk-1 all"]
    chosen = call("logs", "talk-2", container="web", tail=5, since_s=60, previous=True)
    assert chosen == ["talk-2 web previous=true", "talk-2 web sinceSeconds=60", "talk-2 web tailLines=5"]
    lines = call("logs", "talk", kind="Deployment.apps", tail=3)
    assert lines[:2] == ["[talk-1 web] talk-1 web tailLines=3", "[talk-2 web] talk-2 web tailLines=3"]
    assert lines[2].startswith("[talk-2 mute] no log: ") and len(lines) == 3
    with pytest.raises(CommandExecutionError, match="Pod default/talk-1 has no pods with a container 'none'"):
        call("logs", "talk-1", container="none")
    with pytest.raises(CommandExecutionError, match="logs of Pod default/talk-2"):
        call("logs", "talk-2", container="mute")


# -- events


def test_events_come_in_the_order_of_time(apiserver, call):
    about = ("Pod", "told-1")
    apiserver.apply(
        event("told.b", about, "second", "2026-01-01T00:00:02Z"),
        event("told.a", about, "third", "2026-01-01T00:00:10Z", "Normal"),
        event("told.c", about, "first", "2026-01-01T00:00:01Z"),
        event("told.d", ("Deployment", "told"), "other", "2026-01-01T00:00:03Z"),
    )
    told = call("events", "default", name="told-1")
    assert [one["message"] for one in told] == ["first", "second", "third"]
    assert told[0] == {
        "time": "2026-01-01T00:00:01Z",
        "type": "Warning",
        "reason": "Because",
        "count": 2,
        "object": "Pod default/told-1",
        "message": "first",
    }
    assert [one["message"] for one in call("events", kind="Pod", name="told-1", warnings=True)] == ["first", "second"]
    everywhere = [one["message"] for one in call("events")]
    assert [text for text in everywhere if text in ("first", "second", "other", "third")] == [
        "first",
        "second",
        "other",
        "third",
    ]
    assert call("events", "default", kind="Pod", name="nobody") == []


# -- top


@pytest.fixture
def metrics_api(apiserver):
    """The metrics API as custom resources: the same address and the same fields as metrics-server's."""
    definitions = []
    for plural, kind, scope in (("nodes", "NodeMetrics", "Cluster"), ("pods", "PodMetrics", "Namespaced")):
        schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        approved = {"api-approved.kubernetes.io": "unapproved, a stand-in"}
        definitions.append(
            {
                "apiVersion": "apiextensions.k8s.io/v1",
                "kind": "CustomResourceDefinition",
                "metadata": {"name": f"{plural}.metrics.k8s.io", "annotations": approved},
                "spec": {
                    "group": "metrics.k8s.io",
                    "scope": scope,
                    "names": {"kind": kind, "plural": plural},
                    "versions": [
                        {"name": "v1beta1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
                    ],
                },
            }
        )
    names = [f"crd/{one['metadata']['name']}" for one in definitions]
    apiserver.apply(*definitions)
    apiserver.kubectl("wait", "--for=condition=Established", *names, "--timeout=30s")
    yield "metrics.k8s.io/v1beta1"
    apiserver.kubectl("delete", *names)


def test_usage_in_cores_and_bytes(apiserver, call, metrics_api):
    room = {"cpu": "3920m", "memory": "7Gi"}
    apiserver.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "busy"}})
    apiserver.set_status("node", "busy", {"allocatable": room, "capacity": room})
    boxes = [
        {"name": "a", "usage": {"cpu": "1500000n", "memory": "1024Ki"}},
        {"name": "b", "usage": {"cpu": "250m", "memory": "1Mi"}},
    ]
    apiserver.apply(
        {
            "apiVersion": metrics_api,
            "kind": "NodeMetrics",
            "metadata": {"name": "busy"},
            "usage": {"cpu": "156340126n", "memory": "1432944Ki"},
        },
        {
            "apiVersion": metrics_api,
            "kind": "PodMetrics",
            "metadata": {"name": "b", "namespace": "default"},
            "containers": boxes,
        },
        {
            "apiVersion": metrics_api,
            "kind": "PodMetrics",
            "metadata": {"name": "a", "namespace": "kube-system"},
            "containers": [],
        },
    )
    assert call("top")["busy"] == {
        "cpu_cores": 0.156340126,
        "memory_bytes": 1432944 * 1024,
        "cpu_cores_allocatable": 3.92,
        "memory_bytes_allocatable": 7 * 1024**3,
    }
    assert call("top", "pods", namespace="default") == [
        {
            "namespace": "default",
            "name": "b",
            "cpu_cores": 0.2515,
            "memory_bytes": 2 * 1024**2,
            "containers": {
                "a": {"cpu_cores": 0.0015, "memory_bytes": 1024**2},
                "b": {"cpu_cores": 0.25, "memory_bytes": 1024**2},
            },
        }
    ]
    assert [one["name"] for one in call("top", "pods")] == ["b", "a"]
    apiserver.kubectl("delete", "node", "busy")


def test_without_a_metrics_api_it_is_said(apiserver, call):
    with pytest.raises(CommandExecutionError, match="the cluster has no metrics API") as raised:
        call("top")
    assert raised.value.details == {"error": "not ready"}
    with pytest.raises(CommandExecutionError, match="what: got 'podz'; expected nodes or pods"):
        call("top", "podz")
    service = {"name": "nobody", "namespace": "kube-system", "port": 443}
    spec = {
        "group": "metrics.k8s.io",
        "version": "v1beta1",
        "groupPriorityMinimum": 100,
        "versionPriority": 100,
        "service": service,
        "insecureSkipTLSVerify": True,
    }
    apiserver.apply(
        {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": "v1beta1.metrics.k8s.io"},
            "spec": spec,
        }
    )
    try:
        apiserver.kubectl("wait", "--for=condition=Available=false", "apiservice/v1beta1.metrics.k8s.io")
        with pytest.raises(CommandExecutionError, match="the metrics API does not answer: metrics-server is not ready"):
            call("top", "pods", namespace="default")
    finally:
        apiserver.kubectl("delete", "apiservice", "v1beta1.metrics.k8s.io")


# -- permissions


def test_who_may_do_what(apiserver, call):
    rule = {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list"]}
    apiserver.apply(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "Role",
            "metadata": {"name": "asked", "namespace": "default"},
            "rules": [rule],
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "asked", "namespace": "default"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "asked"},
            "subjects": [
                {"kind": "Group", "name": "askers", "apiGroup": "rbac.authorization.k8s.io"},
                {"kind": "ServiceAccount", "name": "asker", "namespace": "default"},
            ],
        },
    )
    assert call("can_i", "delete", "nodes") is True
    jane = {"namespace": "default", "as_user": "jane", "as_group": "askers"}
    for word in ("deployments", "deployments.apps", "deploy", "Deployment"):
        assert call("can_i", "get", word, **jane) is True, word
    assert call("can_i", "delete", "deployments", **jane) is False
    assert call("can_i", "get", "deployments", **jane | {"namespace": "kube-system"}) is False
    assert call("can_i", "get", "deployments", **jane | {"namespace": None}) is False, "not in all namespaces"
    assert call("can_i", "get", "pods/log", **jane) is False
    assert call("can_i", "get", "deployments", **jane | {"as_group": None}) is False
    account = "system:serviceaccount:default:asker"
    assert call("can_i", "list", "deployments.apps", "default", as_user=account) is True
    assert call("can_i", "get", "/version", as_user="jane") is True
    assert call("can_i", "get", "/metrics", as_user="jane") is False
    rules = call("can_i", **jane)
    assert {"verbs": ["get", "list"], "resources": ["deployments.apps"], "names": []} in rules
    nobody = str(apiserver.kubeconfig_with("can-i", token=NOBODY_TOKEN))
    assert call("can_i", "get", "pods", kubeconfig=nobody) is False
    for args, more, text in (
        (("get", "deploymints"), {}, "does not know the resource deploymints"),
        (("get",), {}, "both a verb and a resource"),
        (("get", "pods"), {"as_group": ["askers"]}, "expected as_user with it"),
    ):
        with pytest.raises(CommandExecutionError, match=text):
            call("can_i", *args, **more)


# -- explanations


def test_why_a_workload_is_not_healthy(apiserver, call, kubelet):
    pod, status = sick_pod("why-1", "why")
    apiserver.apply(
        objects.deployment("why"),
        pod,
        event("why.1", ("Deployment", "why"), "no quota left", "2026-01-01T00:00:01Z"),
        event("why.2", ("Pod", "why-1"), "it crashed", "2026-01-01T00:00:02Z"),
    )
    apiserver.set_status("pod", "why-1", status)
    stuck = {"type": "Available", "status": "False", "reason": "MinimumReplicasUnavailable"}
    apiserver.set_status("deployment", "why", {"conditions": [stuck]})
    told = call("explain_failure", "Deployment.apps", "why")
    assert (told["object"], told["ready"]) == ("Deployment default/why", False)
    assert told["reason"] == "its controller has not observed the change yet"
    assert told["conditions"] == ["Available=False (MinimumReplicasUnavailable)"]
    assert [one["message"] for one in told["events"]] == ["no quota left"]
    assert len(told["pods"]) == 1
    sick = told["pods"][0]
    assert (sick["pod"], sick["node"], sick["phase"]) == ("default/why-1", "kubelet", "Running")
    assert [one["message"] for one in sick["events"]] == ["it crashed"]
    assert sick["containers"] == [
        {
            "name": "web",
            "reason": "CrashLoopBackOff: back-off 10s",
            "restarts": 3,
            "exit_code": 7,
            "log": ["why-1 web previous=true", "why-1 web tailLines=10"],
        }
    ]
    alone = call("explain_failure", "pod", "why-1")
    assert alone["reason"] == "is not Ready: ContainersNotReady"
    assert alone["pods"][0]["containers"] == sick["containers"]
    assert len(alone["events"]) == 1 and alone["pods"][0]["events"] == [], "told once"


def test_what_is_healthy_and_what_is_not_there(apiserver, call):
    apiserver.apply(objects.config_map("fine", a="1"))
    told = call("explain_failure", "configmap", "fine")
    assert told == {
        "object": "ConfigMap default/fine",
        "ready": True,
        "reason": "",
        "conditions": [],
        "events": [],
        "pods": [],
    }
    with pytest.raises(CommandExecutionError, match="there is no pod 'nowhere'"):
        call("explain_failure", "pod", "nowhere")
