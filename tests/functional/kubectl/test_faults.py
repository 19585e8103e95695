"""Faults of the API server and what it calls: one clear error, nothing lost, and the next run converges.

The API server is one of this module's own. What fails is real where that can be had (killed and stopped processes, API
Priority and Fairness, an admission webhook). Where only the moment or the answer of a fault is needed, a proxy in front
of the API server makes it (``tests/support/faults.py``).
"""

from __future__ import annotations

import json
import re
import subprocess
import time

import pytest
from tests.support import faults
from tests.support import kubectl as objects
from tests.support.fault_sets import titles, until

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


def test_the_first_request_is_not_retried(own_apiserver, proxy, a_set, impatient):
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
    ("name", "status", "reason", "code", "text"),
    [
        ("e500", 500, "InternalError", "server", "internal error of the API server: something broke"),
        ("e503", 503, "ServiceUnavailable", "unreachable", "the API server does not answer: service unavailable"),
        ("e429", 429, "TooManyRequests", "overloaded", "throttled by the API server: something broke"),
    ],
)
def test_an_error_of_the_server_while_writing(own_apiserver, proxy, a_set, name, status, reason, code, text):
    found = a_set(name, *(objects.config_map(f"{name}-{number}", a="1") for number in range(4)))
    proxy.on(lambda exchange: exchange.reject(status, reason, "something broke"), uri=f"{name}-2", write=True)
    error = found.fails(code, text, own_apiserver.kubeconfig_with(name, proxy.url))
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
        error = found.fails("unreadable", "the response is not an API server's, or incomplete", kubeconfig, test=test)
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
    until(lambda: found.run(kubeconfig, test=True)["result"] is None, "the API server to accept requests again")
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


def test_a_webhook_denies(own_apiserver, webhook, a_set):
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


def test_a_webhook_denies_the_real_request_only(own_apiserver, webhook, a_set):
    webhook.answer = lambda obj, dry: "not today" if obj["metadata"]["name"] == "b" and not dry else None
    hooked(own_apiserver, webhook, "hook-late")
    found = a_set("hook-late", *(objects.config_map(name, "hook-late", a="1") for name in "abc"))
    error = found.fails("invalid", "the admission webhook 'hook-late.example.org' denied the request: not today")
    assert "ConfigMap hook-late/b" in str(error)
    assert set(error.changes) & titles(*"abc", namespace="hook-late") == titles("a", "c", namespace="hook-late")
    webhook.answer = lambda obj, dry: None
    assert set(found.recovers()) == titles("b", namespace="hook-late")


@pytest.mark.parametrize("how", ["broken", "silent", "gone"])
def test_a_webhook_cannot_be_called(own_apiserver, webhook, a_set, how):
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


# -- a terminating namespace


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
    gone = objects.namespace("leaving") | {"spec": {"finalizers": []}}  # what its controller writes at the end
    own_apiserver.kubectl("replace", "--raw", "/api/v1/namespaces/leaving/finalize", "-f", "-", stdin=json.dumps(gone))
    assert {"Namespace leaving", *titles("one", "two", namespace="leaving")} <= set(found.recovers())
