"""NFS: a claim gets a directory of the export, shared by pods on any node; its class says: delete, archive, retain."""

from __future__ import annotations

import subprocess

import pytest
from conftest import CLIENT, NODES, until
from manifests import listing

SERVICE = "nfs"
SERVER = "saltk8s-lab-nfs"
WORKERS = ("k8s-w1", "k8s-w2")


def claim(name: str, storage_class: str) -> dict:
    """A claim that many nodes may write to."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name},
        "spec": {
            "storageClassName": storage_class,
            "accessModes": ["ReadWriteMany"],
            "resources": {"requests": {"storage": "1Mi"}},
        },
    }


def pod(name: str, node: str, claimed: str, user: int = 1000) -> dict:
    """A pod on one node, of a user who is not root, with the claim's volume at /data."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "nodeName": node,
            "terminationGracePeriodSeconds": 0,
            "securityContext": {"runAsUser": user, "runAsGroup": user},
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": claimed}}],
            "containers": [
                {
                    "name": "client",
                    "image": CLIENT,
                    "command": ["sleep", "infinity"],
                    "volumeMounts": [{"name": "data", "mountPath": "/data"}],
                }
            ],
        },
    }


def shell(lab, namespace: str, name: str, command: str, check: bool = True) -> str:
    """Run a shell command in a pod; return its output."""
    return lab.kubectl("-n", namespace, "exec", name, "--", "sh", "-c", command, check=check)


def on_the_server(command: str) -> str:
    """Run a shell command on the NFS server; return its output."""
    argv = ["docker", "exec", SERVER, "sh", "-c", command]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


def create(lab, namespace: str, *objects: dict) -> None:
    """Create a test's objects and wait for its pods."""
    lab.kubectl("-n", namespace, "apply", "-f", "-", stdin=listing(*objects))
    for obj in objects:
        if obj["kind"] == "Pod":
            name = f"pod/{obj['metadata']['name']}"
            lab.kubectl("-n", namespace, "wait", "--for=condition=Ready", name, "--timeout=120s")


def volume_of(lab, namespace: str, name: str) -> str:
    """The name of the volume that a claim is bound to."""
    found = until(
        lambda: lab.objects("-n", namespace, "pvc", name)["spec"].get("volumeName"), f"the claim {name} is bound"
    )
    until(lambda: lab.objects("-n", namespace, "pvc", name)["status"]["phase"] == "Bound", f"{name} is bound")
    return found


def gone(lab, kind: str, name: str) -> bool:
    """Whether a cluster-scoped object does not exist."""
    return lab.kubectl("get", kind, name, "--ignore-not-found", "-o", "name").strip() == ""


def test_every_export_has_a_class(lab):
    classes = {item["metadata"]["name"]: item for item in lab.objects("storageclasses")["items"]}
    policies = {name: classes[name]["reclaimPolicy"] for name in ("projects", "scratch", "keep")}
    assert policies == {"projects": "Delete", "scratch": "Delete", "keep": "Retain"}


def test_pods_on_two_nodes_share_a_volume_that_outlives_both(lab, namespace):
    pods = [pod("writer", WORKERS[0], "shared"), pod("reader", WORKERS[1], "shared")]
    create(lab, namespace, claim("shared", "scratch"), *pods)
    shell(lab, namespace, "writer", "seq 100000 > /data/numbers && sha256sum /data/numbers > /data/sum")
    assert "OK" in shell(lab, namespace, "reader", "sha256sum -c /data/sum")
    shell(lab, namespace, "reader", "echo from-the-other-node >> /data/log")
    shell(lab, namespace, "writer", "echo from-here >> /data/log")
    wanted = ["from-the-other-node", "from-here"]
    assert shell(lab, namespace, "reader", "cat /data/log").split() == wanted
    lab.kubectl("-n", namespace, "delete", "pod", "writer", "reader", "--wait=true", "--timeout=60s")
    create(lab, namespace, pod("later", WORKERS[1], "shared"))
    assert "OK" in shell(lab, namespace, "later", "sha256sum -c /data/sum")
    assert shell(lab, namespace, "later", "cat /data/log").split() == wanted
    volume = volume_of(lab, namespace, "shared")
    directory = f"/export/scratch/{namespace}-shared-{volume}"
    assert on_the_server(f"cat {directory}/log").split() == wanted


def test_another_user_is_denied_by_the_server(lab, namespace):
    pods = [pod("owner", WORKERS[0], "own"), pod("other", WORKERS[1], "own", user=2000)]
    create(lab, namespace, claim("own", "scratch"), *pods)
    shell(lab, namespace, "owner", "umask 077 && echo private > /data/mine")
    assert shell(lab, namespace, "other", "cat /data/mine", check=False) == ""
    assert shell(lab, namespace, "owner", "cat /data/mine").strip() == "private"


def test_the_server_restarts_under_a_pod(lab, namespace):
    create(lab, namespace, claim("steady", "scratch"), pod("writer", WORKERS[0], "steady"))
    shell(lab, namespace, "writer", "echo before > /data/log")
    subprocess.run(["docker", "restart", "-t", "5", SERVER], check=True, capture_output=True)
    shell(lab, namespace, "writer", "echo after >> /data/log")
    assert shell(lab, namespace, "writer", "cat /data/log").split() == ["before", "after"]


def test_a_mount_outlives_the_kubelet(lab, namespace):
    create(lab, namespace, claim("lasting", "scratch"), pod("writer", WORKERS[0], "lasting"))
    shell(lab, namespace, "writer", "echo before > /data/log")
    lab.ssh(WORKERS[0], "docker restart kubelet")
    until(lambda: shell(lab, namespace, "writer", "echo after >> /data/log && cat /data/log", check=False).split()[:2]
          == ["before", "after"], "the volume is still there")  # fmt: skip
    lab.kubectl("wait", "--for=condition=Ready", f"node/{WORKERS[0]}", "--timeout=120s")


@pytest.mark.parametrize(
    ("storage_class", "left"),
    [("scratch", None), ("projects", "archived-{}"), ("keep", "{}")],
)
def test_the_class_decides_delete_archive_or_retain(lab, namespace, storage_class, left):
    create(lab, namespace, claim("data", storage_class), pod("writer", WORKERS[0], "data"))
    shell(lab, namespace, "writer", "echo precious > /data/file")
    volume = volume_of(lab, namespace, "data")
    directory = f"{namespace}-data-{volume}"
    lab.kubectl("-n", namespace, "delete", "pod/writer", "pvc/data", "--wait=true", "--timeout=60s")
    if storage_class == "keep":
        phase = until(lambda: lab.objects("pv", volume)["status"]["phase"] != "Bound", "the volume is released")
        assert phase and lab.objects("pv", volume)["status"]["phase"] == "Released"
        lab.kubectl("delete", "pv", volume, "--wait=true", "--timeout=60s")
    else:
        until(lambda: gone(lab, "pv", volume), "the volume is deleted")
    names = on_the_server(f"ls /export/{storage_class}").split()
    wanted = [left.format(directory)] if left else []
    assert [name for name in names if directory in name] == wanted
    for name in wanted:
        assert on_the_server(f"cat /export/{storage_class}/{name}/file").strip() == "precious"


def test_nothing_stays_mounted(lab, namespace):
    create(lab, namespace, claim("brief", "scratch"), pod("writer", WORKERS[0], "brief"))
    volume = volume_of(lab, namespace, "brief")
    assert volume in lab.ssh(WORKERS[0], "cat /proc/mounts")
    lab.kubectl("-n", namespace, "delete", "pod/writer", "pvc/brief", "--wait=true", "--timeout=60s")
    for node in NODES:
        until(lambda node=node: volume not in lab.ssh(node, "cat /proc/mounts"), f"{node} let go of the volume")
