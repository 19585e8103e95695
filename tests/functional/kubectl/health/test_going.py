"""Waiting for objects that end, are deleted or are gone, on a real API server."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager

import pytest
from tests.support import kubectl as objects

TIME = "2026-01-01T00:00:00Z"
WELL = {"observedGeneration": 9, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2, "readyReplicas": 2}
SUCCEEDED = {"startTime": TIME, "completionTime": TIME, "succeeded": 1} | {
    "conditions": [{"type": name, "status": "True"} for name in ("SuccessCriteriaMet", "Complete")]
}
FAILED = {"startTime": TIME, "failed": 1} | {
    "conditions": [
        {"type": name, "status": "True", "reason": "BackoffLimitExceeded"} for name in ("FailureTarget", "Failed")
    ]
}
TTL = "was deleted when it finished (ttlSecondsAfterFinished); it was not seen to fail"


def job(name: str, ttl_s: int | None = 0) -> dict:
    """A Job that Kubernetes deletes when it has finished."""
    pod = {"restartPolicy": "Never", "containers": [{"name": "a", "image": "a:1"}]}
    spec = {"template": {"spec": pod}} | ({} if ttl_s is None else {"ttlSecondsAfterFinished": ttl_s})
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "namespace": "default"}, "spec": spec}


@contextmanager
def meanwhile(act, seconds: float = 1.0):
    """Do something while a state waits."""
    thread = threading.Thread(target=lambda: (time.sleep(seconds), act()))
    thread.start()
    yield
    thread.join()


def when_it_exists(apiserver, name, act):
    """Do something as soon as a Job exists."""

    def wait_and_act():
        while not apiserver.get("job", name):
            time.sleep(0.05)
        act()

    return meanwhile(wait_and_act, 0)


def is_seen(apiserver, kinds="jobs"):
    """Wait until the state has looked at the Jobs once more."""
    mark = apiserver.mark()
    for _ in range(300):
        if any(f"/{kinds}?" in one.uri and "labelSelector" in one.uri for one in apiserver.requests(mark)):
            return
        time.sleep(0.1)


def delete_job(apiserver, name):
    """As the controller for TTLs does."""
    apiserver.kubectl("delete", "job", name, "--wait=false", "--cascade=orphan")
    apiserver.kubectl("patch", "job", name, "--type=merge", "-p", '{"metadata":{"finalizers":null}}', check=False)


def tell(apiserver, name, kind, reason, message):
    """Write the event of a Job's controller."""
    found = apiserver.get("job", name)
    about = {"apiVersion": "batch/v1", "kind": "Job", "namespace": "default", "name": name}
    about["uid"] = found["metadata"]["uid"]
    meta = {"name": f"{name}.{reason.lower()}", "namespace": "default"}
    event = {"apiVersion": "v1", "kind": "Event", "metadata": meta, "involvedObject": about}
    apiserver.apply(event | {"type": kind, "reason": reason, "message": message, "lastTimestamp": TIME})


def test_a_job_that_completes_and_goes_was_a_success(apiserver, run):
    def act():
        apiserver.set_status("job", "seen", SUCCEEDED)
        is_seen(apiserver)  # but for the other object, the wait would be over
        delete_job(apiserver, "seen")
        apiserver.set_status("deployment", "slow", WELL)

    declared = [job("seen"), objects.deployment("slow")]
    with when_it_exists(apiserver, "seen", act):
        answer = run("applied", "seen", objects=declared, timeout_s=30)
    assert answer["result"] is True, answer["comment"]
    assert "Job default/seen is complete and was deleted" in answer["comment"]


@pytest.mark.parametrize("ttl_s", [0, 60])
def test_a_job_that_goes_between_two_looks_was_a_success(apiserver, run, ttl_s):
    name = f"unseen-{ttl_s}"

    def act():
        time.sleep(1)
        delete_job(apiserver, name)

    with when_it_exists(apiserver, name, act):
        answer = run("applied", name, objects=[job(name, ttl_s)], timeout_s=30)
    assert answer["result"] is True, answer["comment"]
    assert f"Job default/{name} {TTL}" in answer["comment"]
    again = run("applied", name, objects=[job(name, ttl_s)], test=True)
    assert again["changes"] == {f"Job default/{name}": {"old": None, "new": "created"}}  # as docs/objects.md says


def test_a_job_that_is_being_deleted_when_it_is_complete_was_a_success(apiserver, run):
    declared = job("leaving")
    declared["metadata"]["finalizers"] = ["example.org/hold"]
    run("applied", "leaving", objects=[declared], wait=False)
    apiserver.set_status("job", "leaving", SUCCEEDED)
    apiserver.kubectl("delete", "job", "leaving", "--wait=false", "--cascade=orphan")
    for test in (True, False):
        answer = run("applied", "leaving", objects=[declared], timeout_s=1, test=test)
        assert answer["result"] is True and answer["changes"] == {}, answer["comment"]
    apiserver.kubectl("patch", "job", "leaving", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')


@pytest.mark.parametrize("way", ["its status", "its events"])
def test_a_job_that_fails_and_goes_has_failed(apiserver, run, way):
    name = f"lost-{way.split()[1]}"

    def act():
        if way == "its status":
            apiserver.set_status("job", name, FAILED | {"conditions": FAILED["conditions"][:1]})
        is_seen(apiserver)
        if way == "its events":
            tell(apiserver, name, "Warning", "BackoffLimitExceeded", "Job has reached the backoff limit")
        delete_job(apiserver, name)

    with when_it_exists(apiserver, name, act):
        answer = run("applied", name, objects=[job(name)], timeout_s=60)
    assert answer["result"] is False
    assert f"Job default/{name} has failed, and was deleted: " in answer["comment"]
    assert "BackoffLimitExceeded" in answer["comment"]


def test_a_job_without_a_ttl_that_goes_is_missed(apiserver, run):
    with when_it_exists(apiserver, "plain", lambda: (time.sleep(1), delete_job(apiserver, "plain"))):
        answer = run("applied", "plain", objects=[job("plain", None)], timeout_s=4)
    assert answer["result"] is False and "Job default/plain does not exist" in answer["comment"]


def test_what_somebody_deletes_is_said_in_both_modes(apiserver, run):
    held = objects.config_map("held", a="1")
    held["metadata"]["finalizers"] = ["example.org/hold"]
    run("applied", "held", objects=[held])
    apiserver.kubectl("delete", "configmap", "held", "--wait=false")
    text = "ConfigMap default/held is being deleted, and waits for its finalizers example.org/hold"
    foretold = run("applied", "held", objects=[held], test=True)
    assert foretold["result"] is None and foretold["changes"] == {}
    assert f"not healthy now: {text}" in foretold["comment"]
    assert "the set is as declared" not in foretold["comment"]
    begun = time.monotonic()
    real = run("applied", "held", objects=[held], timeout_s=2)
    assert real["result"] is False and real["changes"] == {} and 2 <= time.monotonic() - begun < 15
    assert text in real["comment"] and "not healthy after 2 s" in real["comment"]
    unasked = run("applied", "held", objects=[held], wait=False)
    assert unasked["result"] is True and f"not healthy now: {text}" in unasked["comment"]
    ready = run("ready", "held", timeout_s=1)
    assert ready["result"] is False and text in ready["comment"]
    # it goes while the state waits: then it is missed, and the next run makes it again
    free = ("patch", "configmap", "held", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    looks = [lambda: is_seen(apiserver, "configmaps")] * 2  # the first LIST is the run's own
    with meanwhile(lambda: [*(look() for look in looks), apiserver.kubectl(*free)], 0):
        gone = run("applied", "held", objects=[held], timeout_s=10)
    assert gone["result"] is False and "ConfigMap default/held does not exist" in gone["comment"]
    assert run("applied", "held", objects=[held])["changes"] == {
        "ConfigMap default/held": {"old": None, "new": "created"}
    }
    assert run("ready", "held")["result"] is True
    apiserver.kubectl("patch", "configmap", "held", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')


def test_a_deletion_that_somebody_began_is_waited_for(apiserver, run):
    held = objects.config_map("dying", a="1")
    held["metadata"]["finalizers"] = ["example.org/hold"]
    other = objects.config_map("staying", a="1")
    run("applied", "dying", objects=[held, other])
    apiserver.kubectl("delete", "configmap", "dying", "--wait=false")
    free = ("patch", "configmap", "dying", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    gone = {"ConfigMap default/dying": {"old": "present", "new": None}}
    for function, declared in (("applied", {"objects": [other]}), ("absent", {})):
        foretold = run(function, "dying", test=True, **declared)
        assert foretold["result"] is None and foretold["changes"].items() >= gone.items()
        real = run(function, "dying", timeout_s=2, **declared)
        assert real["result"] is False and not gone.items() & real["changes"].items()
        assert (
            "ConfigMap default/dying is being deleted, and waits for its finalizers example.org/hold" in real["comment"]
        )
    apiserver.kubectl(*free)
    assert run("absent", "dying")["result"] is True
    assert run("absent", "dying")["changes"] == {}


def test_a_set_is_not_ready_without_its_objects(apiserver, run):
    declared = [objects.deployment("needed"), objects.config_map("passive", a="1"), job("once")]
    run("applied", "needs", objects=declared, wait=False)
    apiserver.set_status("deployment", "needed", WELL)
    apiserver.set_status("job", "once", SUCCEEDED)
    assert run("ready", "needs")["result"] is True
    delete_job(apiserver, "once")
    assert run("ready", "needs")["result"] is True  # a Job with a ttl may be gone
    apiserver.kubectl("delete", "deployment", "needed")
    for test in (True, False):
        answer = run("ready", "needs", timeout_s=0, test=test)
        assert answer["result"] is (None if test else False)
        assert "Deployment default/needed does not exist" in answer["comment"]
    with meanwhile(lambda: (apiserver.apply(labelled(objects.deployment("needed"), "needs")), settle(apiserver))):
        assert run("ready", "needs", timeout_s=30)["result"] is True
    # what leaves the manifests is not missed, once it is not in the cluster either
    apiserver.kubectl("delete", "deployment", "needed")
    run("applied", "needs", objects=declared[1:], wait=False)
    apiserver.set_status("job", "once", SUCCEEDED)
    assert run("ready", "needs", timeout_s=5)["result"] is True
    assert run("applied", "needs", objects=declared[1:2], wait=False)["result"] is True
    assert run("applied", "needs", objects=declared[1:2])["changes"] == {}
    assert "objects" not in apiserver.get("configmap", "saltk8s-set-needs", "-n", "kube-system")["data"]


def labelled(obj, name):
    """An object as the set has it."""
    own = {"saltk8s.io/object": f"{obj['kind']} {obj['metadata']['namespace']}/{obj['metadata']['name']}"}
    return obj | {"metadata": obj["metadata"] | {"labels": {"saltk8s.io/set": name}, "annotations": own}}


def settle(apiserver):
    """The Deployment is healthy a moment later."""
    time.sleep(0.5)
    apiserver.set_status("deployment", "needed", WELL)


def test_a_record_of_an_earlier_version_is_enough(apiserver, run):
    run("applied", "earlier", objects=[objects.deployment("earlier")], wait=False)
    patch = '{"data":{"objects":null}}'
    apiserver.kubectl("patch", "configmap", "saltk8s-set-earlier", "-n", "kube-system", "--type=merge", "-p", patch)
    assert "has not observed" in run("ready", "earlier", timeout_s=0)["comment"]
    apiserver.set_status("deployment", "earlier", WELL)
    assert run("ready", "earlier")["result"] is True
    changes = run("applied", "earlier", objects=[objects.deployment("earlier")], wait=False)["changes"]
    assert set(changes) == {"ConfigMap kube-system/saltk8s-set-earlier"}
    assert run("applied", "earlier", objects=[objects.deployment("earlier")], wait=False)["changes"] == {}


def test_test_mode_does_not_foresee_success_where_the_real_run_would_wait(apiserver, run):
    declared = [objects.deployment("waits"), objects.config_map("waits", a="1")]
    run("applied", "waits", objects=declared, wait=False)
    foretold = run("applied", "waits", objects=declared, test=True)
    assert foretold["result"] is None and foretold["changes"] == {}
    assert "not healthy now: Deployment default/waits" in foretold["comment"]
    assert run("applied", "waits", objects=declared, test=True, wait=False)["result"] is True
    apiserver.set_status("deployment", "waits", WELL)
    assert run("applied", "waits", objects=declared, test=True)["result"] is True


def test_a_claim_that_waits_for_its_pod_is_no_reason_to_wait(apiserver, run):
    late = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "when-used"},
        "provisioner": "example.org/none",
        "volumeBindingMode": "WaitForFirstConsumer",
    }
    spec = {"accessModes": ["ReadWriteOnce"], "storageClassName": "when-used"}
    spec["resources"] = {"requests": {"storage": "1Gi"}}
    meta = {"name": "patient", "namespace": "default"}
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta, "spec": spec}
    assert run("applied", "patient", objects=[late, claim], timeout_s=5)["result"] is True
    foretold = run("applied", "patient", objects=[late, claim], test=True)
    assert foretold["result"] is True and "not healthy" not in foretold["comment"]
