"""Faults of everything around the object engine, on a real API server: one clear error, nothing lost, and it converges.

The API server is one of this module's own. What fails is real where that can be had (killed and stopped processes, API
Priority and Fairness, an admission webhook, credentials that are over, a full disk). Where only the moment or the
answer of a fault is needed, a proxy in front of the API server makes it (``tests/support/faults.py``), and a script
stands in for a kubectl that breaks down or prints nonsense: no real one does when it is told to.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from salt.exceptions import CommandExecutionError
from saltk8s.base import errors
from saltk8s.kubectl.client import program as client
from tests.support import faults
from tests.support import kubectl as objects

NOISE = re.compile(r"goroutine|memcache\.go|^[EWIF]\d{4} |Traceback|Unhandled Error|localhost:8080", re.MULTILINE)
PATIENCE_S = 60


@pytest.fixture
def minion(loaded, own_apiserver, monkeypatch):
    """That minion, finding the tests' kubectl."""
    monkeypatch.setenv("PATH", str(Path(own_apiserver.kubectl_path).parent), prepend=os.pathsep)
    return loaded


@pytest.fixture
def impatient(monkeypatch):
    """The engine's limit of silence, shortened: these tests wait until it is over."""
    monkeypatch.setattr(client, "REQUEST_TIMEOUT_S", 2)


@pytest.fixture
def proxy(own_apiserver):
    """A proxy in front of the API server."""
    made = faults.Proxy(own_apiserver)
    yield made
    made.close()


@pytest.fixture
def webhook(own_apiserver):
    """An admission webhook; the API server asks it as soon as it has its configuration."""
    made = faults.Webhook(own_apiserver)
    yield made
    own_apiserver.kubectl("delete", "validatingwebhookconfigurations", "--all")
    made.close()


class ASet:
    """A set of objects, and ways to apply it."""

    def __init__(self, minion, server, name, *declared):
        self._minion, self._server, self.name, self.declared = minion, server, name, list(declared)

    def run(self, kubeconfig=None, **kwargs):
        """Apply it as a state does."""
        kwargs = {"kubeconfig": str(kubeconfig or self._server.kubeconfig), "wait": False} | kwargs
        return self._minion.state("kubectl.applied", self.name, objects=self.declared, **kwargs)

    def fails(self, sort, text, kubeconfig=None, **kwargs):
        """Apply it; it has to fail with one clear error of that sort. Returns the error: details, and changes."""
        kwargs = {"kubeconfig": str(kubeconfig or self._server.kubeconfig), "wait": False} | kwargs
        with pytest.raises(CommandExecutionError) as raised:
            self._minion.call("kubectl.apply", self.name, objects=self.declared, **kwargs)
        said = str(raised.value)
        assert text in said and not NOISE.search(said), said
        assert len(said.splitlines()) == 1, said
        assert raised.value.details["error"] == sort, raised.value.details
        return raised.value

    def recovers(self):
        """What failed is mended: the next run does the rest, and the one after that nothing. Returns what it did."""
        answer = self.run()
        assert answer["result"] is True, answer["comment"]
        objects.check_unchanged(self._server, self.run)
        for obj in self.declared:
            assert self._server.get(obj["kind"], obj["metadata"]["name"], *namespace_of(obj)) is not None
        return answer["changes"]


def namespace_of(obj):
    return ["-n", obj["metadata"]["namespace"]] if "namespace" in obj["metadata"] else []


def titles(*names, namespace="default"):
    return {f"ConfigMap {namespace}/{name}" for name in names}


def until(condition, what):
    """Wait for a condition, bounded."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, f"waited {PATIENCE_S} s for {what}"
        time.sleep(0.05)


@pytest.fixture
def a_set(minion, own_apiserver):
    """Make a set: ``a_set("name", obj, ...)``."""
    return lambda name, *declared: ASet(minion, own_apiserver, name, *declared)


# -- the API server


@pytest.mark.parametrize("how", ["before it wrote", "after it wrote, and before it answered"])
def test_the_api_server_is_killed_in_the_middle_of_an_apply(own_apiserver, proxy, a_set, impatient, how):
    name = f"killed-{how.split()[0]}"
    names = [f"{name}-{number}" for number in range(8)]
    found = a_set(name, *(objects.config_map(one, a="1") for one in names))
    foretold = found.run(test=True)["changes"]

    def die(exchange):
        if how.startswith("after"):
            exchange.forward_and_lose()
        own_apiserver.kill()
        exchange.cut()

    proxy.on(die, write=True, skip=4, times=1)  # the set's record, and three of its objects, are written
    error = found.fails("unreachable", "the API server does not answer", own_apiserver.kubeconfig_with(name, proxy.url))
    own_apiserver.start_apiserver()
    there = titles(*(one for one in names if own_apiserver.get("configmap", one)))
    record = f"ConfigMap kube-system/saltk8s-set-{name}"
    done = set(error.changes)
    assert record in done and done - {record} <= there and 3 <= len(there) < 8
    assert all(error.changes[title] == foretold[title] for title in done)
    assert set(found.recovers()) == titles(*names) - there


@pytest.mark.parametrize("process", ["kube-apiserver", "etcd"])
def test_a_silent_server_is_an_error_in_bounded_time(own_apiserver, a_set, impatient, process):
    found = a_set(f"silent-{process}", objects.config_map(f"silent-{process}", a="1"))
    with own_apiserver.paused(process):
        for test in (True, False):
            found.fails("unreachable", "the API server does not answer: timed out", test=test)
    assert titles(f"silent-{process}") <= set(found.recovers())


def test_silence_is_waited_for_once(own_apiserver, proxy, a_set, impatient):
    asked = []

    def hold(exchange):
        asked.append(exchange.uri)
        exchange.hold()

    proxy.on(hold)
    found = a_set("once", objects.config_map("once", a="1"))
    found.fails("unreachable", "timed out", own_apiserver.kubeconfig_with("once", proxy.url))
    assert len(asked) == 1, asked  # kubectl itself would ask five times


def test_silence_in_the_middle_of_an_apply(own_apiserver, proxy, a_set, impatient):
    found = a_set("midway", *(objects.config_map(f"midway-{number}", a="1") for number in range(4)))
    proxy.on(faults.Exchange.hold, write=True, skip=3)
    error = found.fails("unreachable", "timed out", own_apiserver.kubeconfig_with("midway", proxy.url))
    done = set(error.changes) & titles(*(f"midway-{number}" for number in range(4)))
    assert len(done) == 2
    assert set(found.recovers()) == titles(*(f"midway-{number}" for number in range(4))) - done


@pytest.mark.parametrize(
    ("name", "code", "reason", "sort", "text"),
    [
        ("e500", 500, "InternalError", "server", "internal error of the API server: something broke"),
        ("e503", 503, "ServiceUnavailable", "unreachable", "the API server does not answer: service unavailable"),
        ("e429", 429, "TooManyRequests", "overloaded", "throttled by the API server: something broke"),
    ],
)
def test_an_error_of_the_server_while_writing(own_apiserver, proxy, a_set, name, code, reason, sort, text):
    found = a_set(name, *(objects.config_map(f"{name}-{number}", a="1") for number in range(4)))
    proxy.on(lambda exchange: exchange.refuse(code, reason, "something broke"), uri=f"{name}-2", write=True)
    error = found.fails(sort, text, own_apiserver.kubeconfig_with(name, proxy.url))
    assert set(error.changes) >= titles(f"{name}-0", f"{name}-1") and not titles(f"{name}-2") & set(error.changes)
    assert titles(f"{name}-2") <= set(found.recovers())


@pytest.mark.parametrize(
    ("name", "where", "body"),
    [
        ("page", "/api", "<html>Please log in</html>"),
        ("page", "dryRun=All", "<html>Please log in</html>"),
        ("half", "labelSelector", '{"kind": "ConfigMapLi'),
    ],
)
def test_answers_that_are_not_of_an_api_server(own_apiserver, proxy, a_set, name, body, where):
    name = f"{name}-{'-'.join(re.findall('[a-z]+', where.lower()))}"
    found = a_set(name, objects.config_map(name, a="1"))
    kubeconfig = own_apiserver.kubeconfig_with(name, proxy.url)
    proxy.on(lambda exchange: exchange.answer(200, body), uri=where)
    for test in (True, False):
        error = found.fails("unreadable", "the answer is not an API server's, or incomplete", kubeconfig, test=test)
        assert getattr(error, "changes", {}) == {}
    proxy.clear()
    assert found.run(kubeconfig)["result"] is True
    objects.check_unchanged(own_apiserver, found.run)


def test_slow_answers_are_answers(own_apiserver, proxy, a_set):
    def late(exchange):
        time.sleep(0.2)  # this is the fault, and waits for nothing
        exchange.forward()

    proxy.on(late)
    found = a_set("slow", *(objects.config_map(f"slow-{number}", a="1") for number in range(3)))
    answer = found.run(own_apiserver.kubeconfig_with("slow", proxy.url))
    assert answer["result"] is True and titles("slow-0", "slow-1", "slow-2") <= set(answer["changes"])
    objects.check_unchanged(own_apiserver, found.run)


def busy():
    """Flow control that gives the group ``busy`` one request at a time, and rejects what comes beside it."""
    version = "flowcontrol.apiserver.k8s.io/v1"
    limits = {"nominalConcurrencyShares": 0, "borrowingLimitPercent": 0, "limitResponse": {"type": "Reject"}}
    what = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "clusterScope": True, "namespaces": ["*"]}
    rule = {"subjects": [{"kind": "Group", "group": {"name": "busy"}}], "resourceRules": [what]}
    level = {
        "apiVersion": version,
        "kind": "PriorityLevelConfiguration",
        "metadata": {"name": "busy"},
        "spec": {"type": "Limited", "limited": limits},
    }
    schema = {
        "apiVersion": version,
        "kind": "FlowSchema",
        "metadata": {"name": "busy"},
        "spec": {"priorityLevelConfiguration": {"name": "busy"}, "matchingPrecedence": 2, "rules": [rule]},
    }
    return level, schema


def test_the_api_server_rejects_one_user_for_load(own_apiserver, webhook, a_set, impatient):
    own_apiserver.kubectl("create", "clusterrolebinding", "busy", "--clusterrole=cluster-admin", "--group=busy")
    own_apiserver.apply(*busy())
    hooked(own_apiserver, webhook, "busy", timeout_s=30)
    kubeconfig = own_apiserver.kubeconfig_by_certificate("busy", 600, groups="busy")
    found = a_set("busy", objects.config_map("busy", a="1"))
    assert found.run(kubeconfig, test=True)["result"] is None
    webhook.silent, before = True, webhook.asked
    argv = [own_apiserver.kubectl_path, "--kubeconfig", str(kubeconfig), "create", "configmap", "long", "-n", "busy"]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as long:
        until(lambda: webhook.asked > before, "the one request to be under way")
        for test in (True, False):
            found.fails("overloaded", "throttled by the API server", kubeconfig, test=test)
        long.kill()
    webhook.silent = False
    until(lambda: found.run(kubeconfig, test=True)["result"] is None, "the API server to have time again")
    assert titles("busy") <= set(found.recovers())


# -- admission webhooks


def hooked(server, webhook, name, **kwargs):
    """Make a namespace whose ConfigMaps the API server asks the webhook about, and wait until it does."""
    server.apply(objects.namespace(name), webhook.configuration(name, name, **kwargs))
    seen = []
    usual, webhook.answer = webhook.answer, lambda obj, dry: seen.append(obj)
    probe = json.dumps(objects.config_map("probe", name))

    def asked():
        server.kubectl("apply", "--server-side", "--dry-run=server", "-f", "-", stdin=probe, check=False)
        return bool(seen)

    until(asked, "the API server to ask the webhook")
    webhook.answer = usual


def test_a_webhook_refuses(own_apiserver, webhook, a_set):
    webhook.answer = lambda obj, dry: "numbers must be even" if obj["metadata"]["name"] == "odd" else None
    hooked(own_apiserver, webhook, "hook-refuses")
    found = a_set(
        "hook-refuses",
        objects.config_map("even", "hook-refuses", a="2"),
        objects.config_map("odd", "hook-refuses", a="1"),
    )
    mark = own_apiserver.mark()
    for test in (True, False):
        error = found.fails(
            "invalid",
            "ConfigMap hook-refuses/odd: the admission webhook 'hook-refuses.example.org' "
            "denied the request: numbers must be even",
            test=test,
        )
        assert error.details["webhook"] == "hook-refuses.example.org"
        assert error.details["reason"] == "numbers must be even"
    assert [request for request in own_apiserver.requests(mark) if request.write] == []
    webhook.answer = lambda obj, dry: None
    assert titles("even", "odd", namespace="hook-refuses") <= set(found.recovers())


def test_a_webhook_refuses_only_when_it_is_meant(own_apiserver, webhook, a_set):
    webhook.answer = lambda obj, dry: "not today" if obj["metadata"]["name"] == "b" and not dry else None
    hooked(own_apiserver, webhook, "hook-late")
    found = a_set("hook-late", *(objects.config_map(name, "hook-late", a="1") for name in "abc"))
    error = found.fails("invalid", "the admission webhook 'hook-late.example.org' denied the request: not today")
    assert "ConfigMap hook-late/b" in str(error)
    assert set(error.changes) & titles(*"abc", namespace="hook-late") == titles("a", "c", namespace="hook-late")
    webhook.answer = lambda obj, dry: None
    assert set(found.recovers()) == titles("b", namespace="hook-late")


@pytest.mark.parametrize("how", ["broken", "silent", "gone"])
def test_a_webhook_does_not_do_its_work(own_apiserver, webhook, a_set, how):
    name = f"hook-{how}"
    hooked(own_apiserver, webhook, name, timeout_s=1)
    webhook.broken, webhook.silent = how == "broken", how == "silent"
    if how == "gone":
        webhook.close()
    found = a_set(name, *(objects.config_map(one, name, a="1") for one in "ab"))
    for test in (True, False):
        error = found.fails("webhook", f"cannot call the admission webhook '{name}.example.org' and rejects", test=test)
        assert error.details["webhook"] == f"{name}.example.org"
    webhook.broken = webhook.silent = False
    if how == "gone":
        own_apiserver.kubectl("delete", "validatingwebhookconfiguration", name)
        until(lambda: "webhook" not in found.run(test=True)["comment"], "the API server to forget the webhook")
    assert titles("a", "b", namespace=name) <= set(found.recovers())


# -- credentials


def test_a_client_certificate_that_is_over(own_apiserver, a_set):
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


def test_a_token_ends_in_the_middle_of_an_apply(own_apiserver, proxy, a_set):
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


# -- a namespace that does not go


def test_a_namespace_that_is_being_deleted(own_apiserver, a_set):
    own_apiserver.apply(objects.namespace("leaving"))
    own_apiserver.kubectl("delete", "namespace", "leaving", "--wait=false")
    waits = {
        "type": "NamespaceContentRemaining",
        "status": "True",
        "reason": "SomeResourcesRemain",
        "message": "Some resources are remaining: volumes. has 1 resource instances",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    own_apiserver.set_status("namespace", "leaving", {"conditions": [waits]})
    since = own_apiserver.get("namespace", "leaving")["metadata"]["deletionTimestamp"]
    found = a_set(
        "leaving",
        objects.namespace("leaving"),
        objects.config_map("one", "leaving", a="1"),
        objects.config_map("two", "leaving", a="1"),
        objects.config_map("leaving-else", a="1"),
    )
    mark = own_apiserver.mark()
    for test in (True, False):
        error = found.fails(
            "terminating",
            f"the namespace leaving is being deleted since {since}: nothing can be "
            "created in it until it is gone; it waits for its finalizers kubernetes; "
            "NamespaceContentRemaining: Some resources are remaining: volumes.",
            test=test,
        )
        assert error.details["namespace"] == "leaving"
    assert [request for request in own_apiserver.requests(mark) if request.write] == []
    gone = objects.namespace("leaving") | {"spec": {"finalizers": []}}  # its controller's last word
    own_apiserver.kubectl("replace", "--raw", "/api/v1/namespaces/leaving/finalize", "-f", "-", stdin=json.dumps(gone))
    assert {"Namespace leaving", *titles("one", "two", namespace="leaving")} <= set(found.recovers())


# -- the kubeconfig


@pytest.mark.parametrize(
    ("text", "said"), [("", "is empty"), ("a: [1, }", "is not YAML (line 1)"), ("{}", "has no current context")]
)
def test_a_kubeconfig_of_no_use(tmp_path, a_set, text, said):
    path = tmp_path / "kubeconfig"
    path.write_text(text)
    found = a_set("unusable", objects.config_map("unusable", a="1"))
    for test in (True, False):
        found.fails("kubeconfig", f"the kubeconfig {path} {said}", path, test=test)


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


def test_a_context_that_is_not_there(own_apiserver, a_set):
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
    ("there", "mode", "said"),
    [
        (False, 0, "no such program: kubectl"),
        (True, 0o644, "kubectl cannot be started: Permission denied"),
        (True, 0o755, "cannot be started: Exec format error"),
    ],
)
def test_kubectl_is_missing_or_no_program(tmp_path, monkeypatch, a_set, there, mode, said):
    if there:
        program(tmp_path, monkeypatch, "", mode)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    found = a_set("missing", objects.config_map("missing", a="1"))
    for test in (True, False):
        found.fails("missing", said, test=test)


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
    ("script", "sort", "said"),
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
def test_kubectl_breaks_down_or_prints_nonsense(tmp_path, monkeypatch, a_set, script, sort, said):
    program(tmp_path, monkeypatch, script)
    found = a_set("nonsense", objects.config_map("nonsense", a="1"))
    for test in (True, False):
        assert "canary" not in str(found.fails(sort, said, test=test))


def test_a_kubectl_that_does_not_end_is_ended(own_apiserver, tmp_path, monkeypatch):
    program(tmp_path, monkeypatch, f"echo canary; echo $$ >{tmp_path}/pid; exec sleep 600")
    asking = client.Kubectl(str(own_apiserver.kubeconfig), timeout_s=2)  # 300 s in the states
    with pytest.raises(errors.CommandTimeout) as raised:
        asking.run("get", "secrets", what="the list")
    assert str(raised.value) == "the list: kubectl timed out after 2 s"
    assert not Path("/proc", (tmp_path / "pid").read_text().strip()).exists()


def test_a_full_disk_keeps_nobody_from_working(own_apiserver, tmp_path, monkeypatch, a_set):
    found = a_set("full", objects.config_map("full", a="1"))
    with faults.full_disk(tmp_path / "disk") as disk:
        for name in ("TMPDIR", "HOME", "XDG_CACHE_HOME", "KUBECACHEDIR"):
            monkeypatch.setenv(name, str(disk))
        objects.check_thrice(own_apiserver, found.run)
        left = {path.name for path in disk.rglob("*")}
    assert left <= {"full"}  # nothing was even tried to be kept there
