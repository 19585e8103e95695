"""Operations on backups, on a real API server whose backup engine is simulated."""

from __future__ import annotations

import time

import pytest
from salt.exceptions import CommandExecutionError
from tests.support import backup
from tests.support import kubectl as objects

GOOD = {"phase": "Completed", "completionTimestamp": "2026-11-25T01:30:00Z"}
BAD = GOOD | {"phase": "PartiallyFailed", "errors": 2, "failureReason": "disk full"}
K8UP_GOOD = {
    "conditions": [
        {
            "type": "Completed",
            "status": "True",
            "reason": "Succeeded",
            "lastTransitionTime": "2026-11-25T01:30:00Z",
            "message": "the job succeeded",
        }
    ]
}


@pytest.fixture
def velero(tmp_path, apiserver):
    with backup.admin(tmp_path, apiserver, {}) as minion:
        apiserver.kubectl("delete", "backups.velero.io,restores.velero.io", "--all", "-n", "velero")
        yield minion


@pytest.fixture
def k8up(tmp_path, apiserver):
    chosen = {"engine": "k8up", "namespaces": {"include": ["default"]}}
    with backup.admin(tmp_path, apiserver, {"services": {"backup": chosen}}) as minion:
        apiserver.kubectl("delete", "backups.k8up.io,restores.k8up.io", "--all", "-n", "default")
        yield minion


def test_before_the_first_backup_the_status_says_so(velero):
    (found,) = velero.call("k8s_backup.status")
    assert (found["schedule"], found["when"], found["location"]) == ("platform", "30 1 * * *", "not validated yet")
    assert (found["last_success"], found["age_s"], found["well"]) == (None, None, False)
    assert found["why"] == "no backup has completed yet"


def test_a_backup_now_is_what_the_schedule_makes(velero, apiserver):
    with backup.played(apiserver, "backups.velero.io", "velero", GOOD):
        made = velero.call("k8s_backup.create", timeout_s=20)
    assert (made["kind"], made["phase"]) == ("Backup", "Completed")
    whole = apiserver.get("backups.velero.io", made["name"], "-n", "velero")
    assert whole["spec"] == apiserver.get("schedules.velero.io", "platform", "-n", "velero")["spec"]["template"]
    (found,) = velero.call("k8s_backup.status")
    assert (found["last_success"], found["well"]) == (made["name"], True)
    assert found["age_s"] > 0


def test_one_namespace_alone(velero, apiserver):
    with backup.played(apiserver, "backups.velero.io", "velero", GOOD):
        made = velero.call("k8s_backup.create", namespace="default", timeout_s=20)
    spec = apiserver.get("backups.velero.io", made["name"], "-n", "velero")["spec"]
    assert (spec["includedNamespaces"], spec["ttl"]) == (["default"], "720h0m0s")
    # the schedule's own backups are of all: this one is none of them, for the status, the alert and a restore by it
    (found,) = velero.call("k8s_backup.status")
    assert made["name"] not in (found["last"], found["last_success"])
    with pytest.raises(CommandExecutionError, match="namespace nowhere not found"):
        velero.call("k8s_backup.create", namespace="nowhere")


def test_a_tenants_namespace_is_kept_as_long_as_its_own_schedule_says(velero, apiserver):
    template = {"includedNamespaces": ["default"], "ttl": "2160h0m0s"}
    own = {"apiVersion": "velero.io/v1", "kind": "Schedule", "spec": {"schedule": "0 3 * * *", "template": template}}
    apiserver.apply(own | {"metadata": {"name": "tenant-own", "namespace": "velero"}})
    with backup.played(apiserver, "backups.velero.io", "velero", GOOD):
        made = velero.call("k8s_backup.create", namespace="default", timeout_s=20)
    whole = apiserver.get("backups.velero.io", made["name"], "-n", "velero")
    apiserver.kubectl("delete", "schedules.velero.io/tenant-own", "-n", "velero")
    assert made["name"].startswith("tenant-own-") and whole["spec"]["ttl"] == "2160h0m0s"
    assert whole["metadata"]["labels"]["velero.io/schedule-name"] == "tenant-own"


def test_a_backup_that_fails_says_why_and_is_not_the_last_good_one(velero, apiserver):
    with backup.played(apiserver, "backups.velero.io", "velero", BAD):
        with pytest.raises(CommandExecutionError, match="PartiallyFailed: disk full; 2 errors"):
            velero.call("k8s_backup.create", timeout_s=20)
    (found,) = velero.call("k8s_backup.status")
    assert (found["phase"], found["well"], found["last_success"]) == ("PartiallyFailed", False, None)


def test_a_backup_that_does_not_end_is_said_in_time(velero):
    with pytest.raises(CommandExecutionError, match="timed out after 1 s"):
        velero.call("k8s_backup.create", timeout_s=1)


def test_test_mode_makes_nothing(velero, apiserver):
    mark = apiserver.mark()
    assert velero.call("k8s_backup.create", test=True)["phase"] is None
    assert [request for request in apiserver.requests(mark) if request.write] == []


def test_restore_asks_for_what_was_saved_and_refuses_the_rest(velero, apiserver):
    with backup.played(apiserver, "backups.velero.io", "velero", GOOD):
        name = velero.call("k8s_backup.create", namespace="default", timeout_s=20)["name"]
    for words, why in [
        ({"name": "none", "namespace": "default"}, "backup none not found in velero"),
        ({"name": name, "namespace": "kube-system"}, "does not include the namespace kube-system"),
        ({"name": name, "namespace": "default"}, "namespace default exists"),
        ({"name": name, "namespace": "default", "to": "-n"}, "expected one name"),
    ]:
        with pytest.raises(CommandExecutionError, match=why):
            velero.call("k8s_backup.restore", **words)
    mark = apiserver.mark()
    assert velero.call("k8s_backup.restore", name, "default", to="copy", test=True)["phase"] is None
    assert [request for request in apiserver.requests(mark) if request.write] == []
    with backup.played(apiserver, "restores.velero.io", "velero", GOOD):
        done = velero.call("k8s_backup.restore", name, "default", to="copy", timeout_s=20)
    asked = apiserver.get("restores.velero.io", done["name"], "-n", "velero")["spec"]
    assert asked == {"backupName": name, "includedNamespaces": ["default"], "namespaceMapping": {"default": "copy"}}


def test_a_restore_that_found_nothing_is_an_error(velero, apiserver):
    """Velero completes it all the same: a name that is misspelt, or of a namespace younger than the backup."""
    with backup.played(apiserver, "backups.velero.io", "velero", GOOD):
        name = velero.call("k8s_backup.create", timeout_s=20)["name"]
    with backup.played(apiserver, "restores.velero.io", "velero", GOOD | {"progress": {}}):
        with pytest.raises(CommandExecutionError, match="restored nothing: the backup has no namespace wikii"):
            velero.call("k8s_backup.restore", name, "wikii", timeout_s=20)
    time.sleep(1)  # a restore is named by the second
    with backup.played(apiserver, "restores.velero.io", "velero", GOOD | {"progress": {"totalItems": 1}}):
        assert velero.call("k8s_backup.restore", name, "wikii", timeout_s=20)["phase"] == "Completed"


@pytest.mark.parametrize("status", [GOOD, BAD])
def test_what_is_restored_into_another_namespace_belongs_to_no_set(velero, apiserver, status):
    word = status["phase"].lower()
    with backup.played(apiserver, "backups.velero.io", "velero", GOOD):
        name = velero.call("k8s_backup.create", timeout_s=20)["name"]
    volume = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": f"{word}-volume"}}
    volume["spec"] = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/data"}}
    volume["spec"]["claimRef"] = {"namespace": f"{word}-again", "name": "data"}
    group = f"{word}.example.org"
    declared = [objects.namespace(word), objects.config_map("settings", word, a="1"), volume]
    declared += [objects.definition("Saved", group), objects.custom("Saved", group, "one", word)]
    given = {"objects": declared, "wait": False}
    assert velero.state("kubectl.applied", word, **given)["result"] is True
    # what Velero makes; the set has an object of its own in there, too
    objects.restored(apiserver, "namespace", word, named=f"{word}-again")
    objects.restored(apiserver, "configmap", "settings", word, f"{word}-again")
    objects.restored(apiserver, f"saveds.{group}", "one", word, f"{word}-again")
    objects.restored(apiserver, "persistentvolume", f"{word}-volume", named=f"{word}-clone")
    given["objects"] = [*declared, objects.config_map("own", f"{word}-again", a="1")]
    assert "are copies" in velero.state("kubectl.applied", word, **given)["comment"]
    with backup.played(apiserver, "restores.velero.io", "velero", status):
        try:
            velero.call("k8s_backup.restore", name, word, to=f"{word}-again", existing=True, timeout_s=20)
        except CommandExecutionError as err:
            assert status is BAD and "PartiallyFailed" in str(err)
    kinds = f"namespaces,configmaps,persistentvolumes,saveds.{group}"
    labelled = apiserver.kubectl("get", kinds, "-A", "-l", f"saltk8s.io/set={word}", "-o", "name").split()
    assert sorted(labelled) == [f"configmap/{name}" for name in ("own", f"saltk8s-set-{word}", "settings")] + [
        f"namespace/{word}",
        f"persistentvolume/{word}-volume",
        f"saved.{group}/one",
    ]
    copied = apiserver.get(f"saveds.{group}", "one", "-n", f"{word}-again")
    assert copied["spec"] == {"size": 1} and "saltk8s.io/object" not in copied["metadata"].get("annotations", {})
    again = velero.state("kubectl.applied", word, **given)
    assert again["changes"] == {} and "copies" not in again["comment"]


def test_a_backup_that_is_not_done_is_not_restored(velero):
    with pytest.raises(CommandExecutionError, match="timed out"):
        velero.call("k8s_backup.create", timeout_s=0)
    (obj,) = velero.call("kubectl.get", "backups.velero.io", namespace="velero")
    with pytest.raises(CommandExecutionError, match="is not completed: nothing to restore"):
        velero.call("k8s_backup.restore", obj["metadata"]["name"], "gone")


def test_k8up_saves_and_restores_in_the_namespace(k8up, apiserver):
    with pytest.raises(CommandExecutionError, match="one namespace at a time"):
        k8up.call("k8s_backup.create")
    with backup.played(apiserver, "backups.k8up.io", "default", K8UP_GOOD):
        made = k8up.call("k8s_backup.create", namespace="default", timeout_s=20)
    spec = apiserver.get("backups.k8up.io", made["name"], "-n", "default")["spec"]
    assert spec["backend"]["s3"]["bucket"] == "k8s/k8up/default" and spec["podSecurityContext"] == {"runAsUser": 0}
    (found,) = [one for one in k8up.call("k8s_backup.status") if one["namespace"] == "default"]
    assert (found["last_success"], found["well"]) == (made["name"], True)
    with pytest.raises(CommandExecutionError, match="expected the claim"):
        k8up.call("k8s_backup.restore", "5a1f3c0e", "default")
    with pytest.raises(CommandExecutionError, match="persistentvolumeclaim none not found"):
        k8up.call("k8s_backup.restore", "5a1f3c0e", "default", to="none")


def test_the_node_agent_reads_two_secrets_of_its_own_namespace_only(velero, apiserver):
    def may(*words: str) -> str:
        return apiserver.kubectl(
            "auth", "can-i", *words, "--as=system:serviceaccount:velero:node-agent", check=False
        ).strip()

    assert [may("get", f"secrets/{name}", "-n", "velero") for name in ("location", "velero-repo-credentials")] == [
        "yes"
    ] * 2
    assert may("create", "pods", "-n", "velero") == "yes"
    assert may("update", "podvolumebackups.velero.io", "-n", "velero") == "yes"
    assert may("list", "pods", "-A") == "yes"
    for refused in (
        ["get", "secrets", "-n", "velero"],
        ["get", "secrets/location", "-n", "default"],
        ["create", "pods", "-n", "default"],
        ["delete", "backups.velero.io", "-n", "default"],
        ["create", "clusterrolebindings"],
    ):
        assert may(*refused) == "no", refused
