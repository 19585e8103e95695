"""Backup and restore: a namespace with objects and files is backed up, deleted, and restored from the S3 server."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import time
import zipfile

import pytest
from conftest import ADMIN, CLIENT, until
from manifests import listing, local_volume

SERVICE = "backup"
NODE = "k8s-w1"
SPACE = "e2e-backup"  # the lab's pillar has a hook for it
DEVELOPER = "e2e-developer"
TEXT = "what the observatory saw in 1610"
CLASS = "e2e-backup"
NFS = "scratch"  # a class of the lab's pillar; what was on the server goes with the claim


def volume(name: str, folder: str) -> dict:
    """A volume that needs no other service of the platform."""
    return local_volume(name, NODE, folder, CLASS, "1Gi")


def claim(name: str, storage_class: str = CLASS) -> dict:
    """A claim: on one of them, or of another class."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": storage_class,
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }


def notes(*claims: str) -> dict:
    """A Deployment that keeps its notes in claims, each at the path of its name, as a user of its own."""
    pod = {
        "securityContext": {"runAsUser": 1000},
        "terminationGracePeriodSeconds": 0,
        "containers": [
            {
                "name": "notes",
                "image": CLIENT,
                "command": ["sleep", "infinity"],
                "volumeMounts": [{"name": name, "mountPath": f"/{name}"} for name in claims],
            }
        ],
        "volumes": [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in claims],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "notes"},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": "notes"}},
            "template": {"metadata": {"labels": {"app": "notes"}}, "spec": pod},
        },
    }


@pytest.fixture
def folders(lab):
    """Two empty volumes on one node, gone afterwards."""
    names = [f"{CLASS}-{number}" for number in (1, 2)]
    for name in names:
        lab.ssh(NODE, f"rm -rf /var/lib/rancher/{name} && mkdir -m 777 -p /var/lib/rancher/{name}")
    lab.kubectl("apply", "-f", "-", stdin=listing(*(volume(name, f"/var/lib/rancher/{name}") for name in names)))
    yield names
    lab.kubectl("delete", "namespace", SPACE, "--ignore-not-found", "--wait=true", "--timeout=120s")
    lab.kubectl("delete", "pv", *names, "--ignore-not-found", "--wait=true", "--timeout=60s")
    for name in names:
        lab.ssh(NODE, f"rm -rf /var/lib/rancher/{name}")


def folder_of(lab, name: str) -> str:
    """The volume that a claim got; either of the two suits it."""
    return lab.objects("pvc", name, "-n", SPACE)["spec"]["volumeName"]


def inside(lab, command: str, check: bool = True) -> str:
    """What a command in the notes' container prints."""
    words = ["-n", SPACE, "exec", "deployment/notes", "--", "/bin/sh", "-c", command]
    return lab.kubectl(*words, check=check).strip()


def filled(lab, **more: str) -> None:
    """The namespace with its workload, running, and one note in each claim; more: claim -> its storage class."""
    lab.kubectl("create", "namespace", SPACE)
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"colour": "blue"}}
    lab.kubectl(
        "-n",
        SPACE,
        "apply",
        "-f",
        "-",
        stdin=listing(claim("data"), *(claim(*one) for one in more.items()), notes("data", *more), settings),
    )
    lab.kubectl("-n", SPACE, "rollout", "status", "deployment/notes", "--timeout=120s")
    for name in ("data", *more):
        inside(lab, f"umask 077; echo '{TEXT}' > /{name}/1610")


def test_the_location_is_available_and_the_schedule_enabled(lab):
    def looked() -> dict:
        (found,) = lab.salt(ADMIN, "k8s_backup.status")[ADMIN]
        return found if found["location"] == "Available" else {}

    assert until(looked, "the S3 location is Available", 120)["schedule"] == "platform"
    schedule = lab.objects("schedules.velero.io", "platform", "-n", "velero")
    assert schedule["status"]["phase"] == "Enabled"


def test_a_deleted_namespace_is_restored_with_objects_and_files(lab, folders):
    filled(lab, shared=NFS)
    made = lab.salt(ADMIN, "k8s_backup.create", f"namespace={SPACE}", "timeout_s=300")[ADMIN]
    assert made["phase"] == "Completed", made
    parts = lab.objects("podvolumebackups.velero.io", "-n", "velero", "-l", f"velero.io/backup-name={made['name']}")
    assert {one["spec"]["volume"]: one["status"]["phase"] for one in parts["items"]} == dict.fromkeys(
        ("data", "shared"), "Completed"
    )
    refused = lab.salt(ADMIN, "k8s_backup.restore", made["name"], SPACE, check=False)[ADMIN]
    assert f"namespace {SPACE} exists" in refused, refused

    first = folder_of(lab, "data")
    lab.kubectl("delete", "namespace", SPACE, "--wait=true", "--timeout=180s")
    lab.kubectl("delete", "pv", first, "--ignore-not-found")  # its files are not what is read afterwards
    begin = time.monotonic()
    done = lab.salt(ADMIN, "k8s_backup.restore", made["name"], SPACE, "timeout_s=300")[ADMIN]
    assert done["phase"] == "Completed", done
    lab.kubectl("-n", SPACE, "rollout", "status", "deployment/notes", "--timeout=120s")
    assert (inside(lab, "cat /data/1610"), inside(lab, "cat /shared/1610")) == (TEXT, TEXT)
    print(f"backup {made['seconds']} s; restore with files {time.monotonic() - begin:.0f} s")
    assert inside(lab, "stat -c '%a %u' /data/1610") == "600 1000"
    assert inside(lab, "cat /data/dumped") == "by the hook", "the hook ran before the files were read"
    assert lab.objects("configmap", "settings", "-n", SPACE)["data"] == {"colour": "blue"}
    second = folder_of(lab, "data")
    assert second != first and lab.ssh(NODE, f"cat /var/lib/rancher/{second}/1610").strip() == TEXT


def bucket(server: str = "s3", name: str = "k8s") -> pathlib.Path:
    """The folder that an S3 server keeps one of the lab's buckets in."""
    cache = os.environ.get("SALTK8S_CACHE") or pathlib.Path.home() / ".cache" / "saltk8s"
    return pathlib.Path(cache) / "lab-run" / server / "data" / name


def test_the_files_on_the_s3_server_are_encrypted(lab):
    """After the test above: no content of the files is found in the bucket."""
    repositories = {found.parent for found in bucket().rglob("kopia.repository*")}
    assert repositories, "no restic repository found"
    assert subprocess.run(["grep", "-rqa", TEXT, str(bucket())], check=False).returncode == 1
    # Velero's own record of the backup has the hook's command, which has this text
    assert subprocess.run(["grep", "-rqa", "by the hook", *repositories], check=False).returncode == 1


def test_a_snapshot_of_etcd_is_copied_to_the_bucket(lab):
    """By rke, as the cluster's configuration says; on its schedule it does the same every few hours."""
    folder = "/var/lib/saltk8s/lab"
    answer = lab.salt(ADMIN, "cmd.run_all", "rke etcd snapshot-save --config cluster.yml --name e2e", f"cwd={folder}")
    assert answer[ADMIN]["retcode"] == 0, answer[ADMIN]["stderr"]
    saved = bucket("etcd_s3", "etcd") / "lab" / "etcd" / "e2e.zip"
    try:
        with zipfile.ZipFile(saved) as archive:
            sizes = {pathlib.Path(one.filename).name: one.file_size for one in archive.infolist()}
        assert set(sizes) == {"e2e", "e2e.rkestate"} and min(sizes.values()) > 0, sizes
        assert lab.ssh("k8s-cp1", "ls /opt/rke/etcd-snapshots/e2e.zip").strip(), "the snapshot is on the node too"
    finally:
        saved.unlink(missing_ok=True)
        lab.ssh("k8s-cp1", "rm -f /opt/rke/etcd-snapshots/e2e.zip")


@pytest.mark.slow
def test_k8up_backs_files_up_and_restores_them(lab, folders):
    """The other engine, for this test only; its end, as the next highstate would, installs Velero again.

    A developer with the role edit alone backs up and restores.
    """
    filled(lab)
    lab.kubectl("-n", SPACE, "create", "rolebinding", "edit", "--clusterrole=edit", f"--user={DEVELOPER}")
    chosen = {"k8s": {"services": {"backup": {"engine": "k8up", "namespaces": {"include": [SPACE]}, "hooks": None}}}}
    try:
        answer = lab.salt(ADMIN, "state.apply", "k8s.backup", f"pillar={json.dumps(chosen)}")[ADMIN]
        assert [one["comment"] for one in answer.values() if not one["result"]] == []
        schedule = lab.objects("schedules.k8up.io", "platform", "-n", SPACE)["spec"]
        shared = {key: schedule[key] for key in ("backend", "podSecurityContext")} | {
            "volumes": schedule["backup"]["volumes"]
        }
        _run(lab, "Backup", "now", shared)
        found = until(lambda: lab.objects("snapshots.k8up.io", "-n", SPACE)["items"], "a snapshot is listed", 60)
        lab.kubectl("-n", SPACE, "apply", "-f", "-", stdin=listing(claim("again")))
        _run(
            lab,
            "Restore",
            "again",
            shared | {"snapshot": found[0]["spec"]["id"], "restoreMethod": {"folder": {"claimName": "again"}}},
        )
        # K8up restores below the name of the claim that was saved
        names = lab.ssh(NODE, f"find /var/lib/rancher/{folder_of(lab, 'again')} -name 1610").split()
        assert len(names) == 1 and lab.ssh(NODE, f"cat {names[0]}").strip() == TEXT
    finally:
        # while K8up is there: it takes its marks off its Jobs
        lab.kubectl("delete", "namespace", SPACE, "--wait=true", "--timeout=120s")
        back = lab.salt(ADMIN, "state.apply", "k8s.backup")[ADMIN]
        assert [one["comment"] for one in back.values() if not one["result"]] == []


def _run(lab, kind: str, name: str, spec: dict) -> None:
    """Let the developer create an object of K8up's; wait until its Job has succeeded."""
    obj = {"apiVersion": "k8up.io/v1", "kind": kind, "metadata": {"name": name, "namespace": SPACE}, "spec": spec}
    lab.kubectl("--as", DEVELOPER, "apply", "-f", "-", stdin=json.dumps(obj))

    def ended() -> dict:
        status = lab.objects(f"{kind.lower()}s.k8up.io", name, "-n", SPACE).get("status") or {}
        return {one["type"]: one for one in status.get("conditions") or ()}.get("Completed") or {}

    done = until(lambda: ended() if ended().get("status") == "True" else {}, f"K8up's {kind} ends", 240)
    assert done["reason"] == "Succeeded", done
