"""Rollouts and replicas, on a real API server; what controllers write, the tests write."""

from __future__ import annotations

import json

import pytest
from salt.exceptions import CommandExecutionError
from tests.support import kubectl as objects

WELL = {"observedGeneration": 99, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2, "readyReplicas": 2}


def writes(apiserver, mark):
    return [request for request in apiserver.requests(mark) if request.write]


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
    noted = live["metadata"].get("annotations", {}) | {"deployment.kubernetes.io/revision": str(number)}
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
    with pytest.raises(CommandExecutionError, match="revision 7 is not in the revision history, which has: 1, 2, 3"):
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
        (("configmap", "scaled", 1), "have no replicas"),
        (("Deployment.apps", "scaled", -1), "expected a whole number"),
        (("Deployment.apps", "nowhere", 1), "Deployment.apps 'nowhere' not found"),
    ):
        with pytest.raises(CommandExecutionError, match=text):
            call("scale", *args)
