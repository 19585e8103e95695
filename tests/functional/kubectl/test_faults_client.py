"""Faults on the admin's side: credentials, the kubeconfig, kubectl, the disk. One clear error, and it converges.

What fails is real where that can be had (expired credentials, a killed kubectl, a full disk). A script stands in for a
kubectl that crashes or prints nonsense, because no real one does on demand.
"""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest
from saltk8s.base import errors
from saltk8s.kubectl.client import program as client
from tests.support import faults
from tests.support import kubectl as objects
from tests.support.fault_sets import titles, until

# -- credentials


def test_an_expired_client_certificate(own_apiserver, a_set):
    found = a_set("over", objects.config_map("over", a="1"))
    for test in (True, False):
        found.fails(
            "unauthorized",
            "unauthorized: credentials are invalid or expired",
            own_apiserver.kubeconfig_by_certificate("over", -1),
            test=test,
        )
    assert found.run(own_apiserver.kubeconfig_by_certificate("over", 600), test=True)["result"] is None
    assert titles("over") <= set(found.recovers())


def test_a_token_is_revoked_in_the_middle_of_an_apply(own_apiserver, proxy, a_set):
    token = own_apiserver.service_account_token("short-lived")
    kubeconfig = own_apiserver.kubeconfig_with("short-lived", proxy.url, token)
    direct = own_apiserver.kubeconfig_with("short-lived-direct", token=token)

    def revoke(exchange):
        own_apiserver.kubectl("delete", "serviceaccount", "short-lived")
        until(lambda: "Unauthorized" in own_apiserver.who(direct), "the API server to forget the token")
        exchange.forward()

    names = [f"revoked-{number}" for number in range(4)]
    found = a_set("revoked", *(objects.config_map(name, a="1") for name in names))
    proxy.on(revoke, write=True, skip=3, times=1)
    error = found.fails("unauthorized", "credentials are invalid or expired", kubeconfig)
    there = titles(*(name for name in names if own_apiserver.get("configmap", name)))
    assert len(there) >= 2 and set(error.changes) - {"ConfigMap kube-system/saltk8s-set-revoked"} <= there
    assert set(found.recovers()) == titles(*names) - there


# -- the kubeconfig


@pytest.mark.parametrize(
    ("content", "problem"),
    [("", "is empty"), ("a: [1, }", "is not valid YAML (line 1)"), ("{}", "has no current context")],
)
def test_an_unusable_kubeconfig(tmp_path, a_set, content, problem):
    path = tmp_path / "kubeconfig"
    path.write_text(content)
    found = a_set("unusable", objects.config_map("unusable", a="1"))
    for test in (True, False):
        found.fails("kubeconfig", f"the kubeconfig {path} {problem}", path, test=test)


def test_a_kubeconfig_that_is_a_folder_is_not_a_cluster_that_is_not_built_yet(tmp_path, a_set):
    found = a_set("folder", objects.config_map("folder", a="1"))
    for test in (True, False):
        found.fails("kubeconfig", f"the kubeconfig {tmp_path} cannot be read: Is a directory", tmp_path, test=test)


def test_a_kubeconfig_that_kubectl_may_not_read(own_apiserver, tmp_path, monkeypatch, a_set):
    kubeconfig = tmp_path / "kubeconfig"
    shutil.copy(own_apiserver.kubeconfig, kubeconfig)
    kubeconfig.chmod(0o600)
    if os.geteuid() == 0:  # root may read anything: the real kubectl is run as somebody else
        program(tmp_path, monkeypatch, f'exec setpriv --reuid=65534 --clear-groups {own_apiserver.kubectl_path} "$@"')
    else:
        kubeconfig.chmod(0)
    found = a_set("forbidden", objects.config_map("forbidden", a="1"))
    for test in (True, False):
        found.fails("kubeconfig", f"the kubeconfig {kubeconfig} cannot be read: ", kubeconfig, test=test)


def test_a_context_that_does_not_exist(own_apiserver, a_set):
    found = a_set("context", objects.config_map("context", a="1"))
    found.fails("kubeconfig", "has no context 'production': its contexts are test", context="production")
    assert titles("context") <= set(found.recovers())


def test_a_certificate_authority_that_does_not_match(own_apiserver, tmp_path, a_set):
    kubeconfig, folder = tmp_path / "kubeconfig", own_apiserver.folder
    text = own_apiserver.kubeconfig.read_text()
    kubeconfig.write_text(text.replace(str(folder / "certs" / "apiserver.crt"), str(folder / "ca.crt")))
    found = a_set("authority", objects.config_map("authority", a="1"))
    for test in (True, False):
        found.fails("untrusted", "the API server's certificate is not trusted by the kubeconfig", kubeconfig, test=test)
    assert titles("authority") <= set(found.recovers())


# -- kubectl and its machine


def program(folder, monkeypatch, script, mode=0o755):
    """Put a program named kubectl into PATH, before the real one."""
    place = folder / "bin"
    place.mkdir()
    place.parent.chmod(0o755)
    path = place / "kubectl"
    path.write_text(f"#!/bin/sh\n{script}\n" if script else "")
    path.chmod(mode)
    monkeypatch.setenv("PATH", f"{place}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.parametrize(
    ("there", "mode", "text"),
    [
        (False, 0, "no such program: kubectl"),
        (True, 0o644, "kubectl cannot be started: Permission denied"),
        (True, 0o755, "cannot be started: Exec format error"),
    ],
)
def test_kubectl_is_missing_or_no_program(tmp_path, monkeypatch, a_set, there, mode, text):
    if there:
        program(tmp_path, monkeypatch, "", mode)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    found = a_set("missing", objects.config_map("missing", a="1"))
    for test in (True, False):
        found.fails("missing", text, test=test)


def test_kubectl_is_killed_in_the_middle_of_an_apply(own_apiserver, proxy, tmp_path, monkeypatch, a_set):
    program(tmp_path, monkeypatch, f'echo $$ >{tmp_path}/$$.pid\nexec {own_apiserver.kubectl_path} "$@"')

    def kill(exchange):
        for path in tmp_path.glob("*.pid"):  # of those that we started, the one that still runs is the one that asks
            if Path(f"/proc/{path.stem}/exe").exists():
                os.kill(int(path.stem), signal.SIGKILL)
        exchange.forward_and_lose()

    names = [f"shot-{number}" for number in range(4)]
    found = a_set("shot", *(objects.config_map(name, a="1") for name in names))
    proxy.on(kill, write=True, skip=3, times=1)
    error = found.fails(
        "killed",
        "kubectl was killed by signal 9 (SIGKILL: out of memory?)",
        own_apiserver.kubeconfig_with("shot", proxy.url),
    )
    done = set(error.changes) & titles(*names)
    assert len(done) >= 3  # the API server was asked afterwards what it has
    assert set(found.recovers()) == titles(*names) - done


@pytest.mark.parametrize(
    ("script", "code", "text"),
    [
        ("echo canary-in-the-output", "failed", "kubectl returned 21 characters that are not JSON"),
        (
            "echo 'panic: runtime error: nil' >&2; echo 'goroutine 1 [running]:' >&2; exit 2",
            "killed",
            "kubectl crashed: runtime error: nil",
        ),
        ("exit 3", "failed", "kubectl failed without a message"),
    ],
)
def test_kubectl_crashes_or_prints_nonsense(tmp_path, monkeypatch, a_set, script, code, text):
    program(tmp_path, monkeypatch, script)
    found = a_set("nonsense", objects.config_map("nonsense", a="1"))
    for test in (True, False):
        assert "canary" not in str(found.fails(code, text, test=test))


def test_a_kubectl_that_hangs_times_out(own_apiserver, tmp_path, monkeypatch):
    program(tmp_path, monkeypatch, f"echo canary; echo $$ >{tmp_path}/pid; exec sleep 600")
    asking = client.Kubectl(str(own_apiserver.kubeconfig), timeout_s=2)  # 300 s in the states
    with pytest.raises(errors.CommandTimeout) as raised:
        asking.run("get", "secrets", what="the list")
    assert str(raised.value) == "the list: kubectl timed out after 2 s"
    assert not Path("/proc", (tmp_path / "pid").read_text().strip()).exists()


def test_a_full_disk_does_not_stop_a_run(own_apiserver, tmp_path, monkeypatch, a_set):
    found = a_set("full", objects.config_map("full", a="1"))
    with faults.full_disk(tmp_path / "disk") as disk:
        for name in ("TMPDIR", "HOME", "XDG_CACHE_HOME", "KUBECACHEDIR"):
            monkeypatch.setenv(name, str(disk))
        objects.check_thrice(own_apiserver, found.run)
        left = {path.name for path in disk.rglob("*")}
    assert left <= {"full"}  # nothing was written there
