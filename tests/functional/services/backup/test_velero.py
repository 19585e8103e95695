"""The real Velero with the real S3 server on loopback: a namespace is saved, deleted, and comes back from the bucket.

Objects only: there are no nodes, so no volumes; the lab's tests have those. Compiling Velero takes minutes: these tests
run where the lab has already built its programs, and are skipped elsewhere.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from labkit import gobuild, owngo, programs
from tests.support import backup, pillars, services
from tests.support.apiserver import free_ports

BUCKET = "k8s"


@pytest.fixture(scope="module")
def found(binaries):
    version = gobuild.go_version()
    paths = {name: gobuild.path_of(programs.BY_NAME[name], version) for name in ("velero", "versitygw")}
    missing = [name for name, path in paths.items() if not path.exists()]
    if missing:
        pytest.skip(f"not built yet: {', '.join(missing)}; `make lab` builds them")
    plugin = "velero-plugin-s3"
    return paths | {"plugin": owngo.build_own(plugin, gobuild.HERE / "tools" / plugin)}


def _until(condition, what: str, timeout_s: float = 60):
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.3)
    return pytest.fail(f"not within {timeout_s:g} s: {what}")


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=2).close()
    except urllib.error.HTTPError:
        return True
    except OSError as err:
        return "CERTIFICATE_VERIFY_FAILED" in str(err)  # it is there, and has a certificate of its own
    return True


@pytest.fixture(scope="module")
def processes():
    """Start programs that are ended with the module: ``processes(log, argv, environment)``."""
    running = []

    def start(log: Path, argv: list, environment: dict[str, str]) -> None:
        with log.open("wb") as out:
            running.append(
                subprocess.Popen([str(word) for word in argv], stdout=out, stderr=out, env=os.environ | environment)
            )

    yield start
    for process in running:
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="module")
def s3(found, processes, tmp_path_factory):
    """The S3 server, behind TLS; returns (its address, the folder of its bucket, its certificate)."""
    folder, (port,) = tmp_path_factory.mktemp("s3"), free_ports(1)
    for name in (f"data/{BUCKET}", "meta"):
        (folder / name).mkdir(parents=True)
    keys = {
        "ROOT_ACCESS_KEY_ID": pillars.BACKUP_KEYS["access_key"],
        "ROOT_SECRET_ACCESS_KEY": pillars.BACKUP_KEYS["secret_key"],
    }
    pair = {"-keyout": folder / "key", "-out": folder / "certificate"}
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=s3",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            *(word for words in pair.items() for word in words),
        ],
        check=True,
        capture_output=True,
    )
    argv = [
        found["versitygw"],
        "--quiet",
        f"--port=127.0.0.1:{port}",
        f"--cert={pair['-out']}",
        f"--key={pair['-keyout']}",
        "posix",
        f"--sidecar={folder / 'meta'}",
        folder / "data",
    ]
    processes(folder / "log", argv, keys)
    address = f"https://127.0.0.1:{port}"
    _until(lambda: _answers(address), "the S3 server answers")
    return address, folder / "data" / BUCKET, pair["-out"].read_text()


@pytest.fixture(scope="module")
def admin(found, processes, s3, own_apiserver, tmp_path_factory):
    """The admin of a cluster in which Velero runs as the formula declares it, on loopback in place of a pod."""
    folder = tmp_path_factory.mktemp("velero")
    (folder / "plugins").mkdir()
    (folder / "tmp").mkdir()
    shutil.copy(found["plugin"], folder / "plugins" / "velero-plugin-for-aws")
    place = {"s3": {"endpoint": s3[0], "bucket": BUCKET, "prefix": "osug", "ca": s3[2]}}
    with backup.admin(folder, own_apiserver, {"locations": {"backup": place}}) as minion:
        metrics, profiler = free_ports(2)
        box = own_apiserver.get("deployment", "velero", "-n", "velero")["spec"]["template"]["spec"]["containers"][0]
        argv = [
            found["velero"],
            *box["args"],
            f"--plugin-dir={folder / 'plugins'}",
            "--namespace=velero",
            f"--kubeconfig={own_apiserver.kubeconfig}",
            f"--metrics-address=127.0.0.1:{metrics}",
            f"--profiler-address=127.0.0.1:{profiler}",
        ]
        local = {
            "VELERO_NAMESPACE": "velero",
            "VELERO_SCRATCH_DIR": str(folder),
            "HOME": str(folder),
            "TMPDIR": str(folder / "tmp"),
            "KUBECONFIG": str(own_apiserver.kubeconfig),
        }
        processes(folder / "velero.log", argv, local)
        minion.metrics = f"http://127.0.0.1:{metrics}/metrics"
        minion.log = folder / "velero.log"
        yield minion


def _location(minion) -> str:
    (found,) = minion.call("k8s_backup.status")
    return found["location"]


def _finish(apiserver, namespace: str) -> None:
    """Do what the namespace controller does: the tests' API server has none."""
    kinds = "configmaps,secrets,services,deployments,serviceaccounts"
    apiserver.kubectl("delete", kinds, "--all", "-n", namespace)
    apiserver.kubectl("delete", "namespace", namespace, "--wait=false")
    obj = apiserver.get("namespace", namespace)
    obj["spec"]["finalizers"] = []
    apiserver.kubectl("replace", "--raw", f"/api/v1/namespaces/{namespace}/finalize", "-f", "-", stdin=json.dumps(obj))
    _until(lambda: apiserver.get("namespace", namespace) is None, "the namespace is gone")


def _wiki(apiserver) -> None:
    labels = {"app": "wiki"}
    box = {"name": "wiki", "image": "wiki:1", "env": [{"name": "A", "value": "b"}]}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [box]}}
    apiserver.kubectl("create", "namespace", "wiki")
    for kind, name, body in (
        ("ConfigMap", "settings", {"data": {"title": "Wiki de l'observatoire"}}),
        ("Secret", "key", {"stringData": {"token": "wiki-secret-81"}}),
        ("Service", "wiki", {"spec": {"selector": labels, "ports": [{"port": 80}]}}),
    ):
        apiserver.apply({"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": "wiki"}, **body})
    spec = {"selector": {"matchLabels": labels}, "template": pod}
    apiserver.apply(
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "wiki", "namespace": "wiki"}, "spec": spec}
    )


def test_the_location_becomes_available(admin):
    _until(lambda: _location(admin) == "Available", f"Available; {_location(admin)}, see {admin.log}", 120)


def test_a_namespace_comes_back_with_its_objects(admin, own_apiserver, s3):
    _until(lambda: _location(admin) == "Available", "the location", 120)
    _wiki(own_apiserver)
    made = admin.call("k8s_backup.create", namespace="wiki", timeout_s=120)
    assert made["phase"] == "Completed"
    kept = [path.name for path in (s3[1] / "osug" / "velero" / "backups" / made["name"]).iterdir()]
    assert f"{made['name']}.tar.gz" in kept and "velero-backup.json" in kept
    _finish(own_apiserver, "wiki")
    begin = time.monotonic()
    done = admin.call("k8s_backup.restore", made["name"], "wiki", timeout_s=120)
    print(f"backup {made['seconds']} s, restore {done['seconds']} s ({time.monotonic() - begin:.1f} s in all)")
    assert done["phase"] == "Completed"
    assert own_apiserver.get("configmap", "settings", "-n", "wiki")["data"] == {"title": "Wiki de l'observatoire"}
    assert own_apiserver.get("secret", "key", "-n", "wiki")["data"]["token"]
    box = own_apiserver.get("deployment", "wiki", "-n", "wiki")["spec"]["template"]["spec"]["containers"][0]
    assert (box["image"], box["env"]) == ("wiki:1", [{"name": "A", "value": "b"}])
    assert own_apiserver.get("service", "wiki", "-n", "wiki")["spec"]["ports"][0]["port"] == 80


def test_a_namespace_is_copied_under_another_name(admin, own_apiserver):
    (found,) = admin.call("k8s_backup.status")
    assert found["last_success"] is None, "a backup of one namespace alone is not the schedule's"
    made = admin.call("k8s_backup.create", timeout_s=120)
    (found,) = admin.call("k8s_backup.status")
    assert found["well"] and found["last_success"] == made["name"]
    done = admin.call("k8s_backup.restore", found["last_success"], "wiki", to="wiki-copy", timeout_s=120)
    assert done["phase"] == "Completed"
    assert own_apiserver.get("configmap", "settings", "-n", "wiki-copy")["data"]["title"].startswith("Wiki")


def test_the_second_run_changes_nothing_while_velero_runs(admin):
    given = services.declared(admin, "backup") | {"wait": False}
    again = admin.state("kubectl.applied", "backup", **given)
    assert again["result"] is True and again["changes"] == {}, again


def test_what_the_alert_reads_is_there(admin):
    text = urllib.request.urlopen(admin.metrics, timeout=5).read().decode()
    (line,) = [
        one
        for one in text.splitlines()
        if one.startswith('velero_backup_last_successful_timestamp{schedule="platform"}')
    ]
    assert abs(time.time() - float(line.split()[-1])) < 600
    assert 'velero_backup_last_status{schedule="platform"} 1' in text
