"""A webhook that cannot be called and rejects what it watches, mended by an object of the very same set.

Its Service is an ExternalName: without a cluster's network, that is how the API server reaches a program on loopback.
"""

from __future__ import annotations

import re

import pytest
from tests.support import enabling, faults
from tests.support import kubectl as objects
from tests.support.fault_sets import until
from tests.support.kubectl import check_thrice

DEAD = "https://127.0.0.1:1"


@pytest.fixture
def watched(own_apiserver, webhook):
    """A namespace whose ConfigMaps a webhook watches: ``watched("name", url=...)`` returns its configuration."""

    def make(name, url=None):
        own_apiserver.apply(objects.namespace(name))
        return webhook.configuration(name, name, timeout_s=2, url=url)

    return make


def rejected(server, namespace):
    """Whether the webhook rejects ConfigMaps: the API server takes a configuration up after a while."""
    text = objects.documents(objects.config_map("probe", namespace))
    return "configmap" not in server.kubectl("apply", "-f", "-", "--dry-run=server", stdin=text, check=False)


@pytest.mark.parametrize("how", ["corrected", "pruned"])
def test_its_configuration_belongs_to_the_set(own_apiserver, a_set, watched, how):
    name = f"own-{how}"
    dead, good = watched(name, DEAD), watched(name)
    found = a_set(name, dead)
    assert found.run()["result"] is True
    until(lambda: rejected(own_apiserver, name), "the webhook to reject")
    new = objects.config_map("new", name)
    found.declared = [good, new] if how == "corrected" else [new]
    foretold = found.run(test=True)
    title = f"ValidatingWebhookConfiguration {name}"
    assert f"ConfigMap {name}/new (depends on {title}, not tried)" in foretold["comment"]
    real = check_thrice(own_apiserver, found.run)
    assert {f"ConfigMap {name}/new", title} <= set(real["changes"])


def test_its_service_is_mended(own_apiserver, a_set, watched):
    name, place = "mended", "mended-hook"
    target = faults.Webhook(own_apiserver, f"hook.{place}.svc")
    own_apiserver.apply(objects.namespace(name), objects.namespace(place))

    def service(host):
        return enabling.make("Service", "hook", place, spec={"type": "ExternalName", "externalName": host})

    hook = target.configuration(name, name, timeout_s=2)
    client = hook["webhooks"][0]["clientConfig"]
    reference = {"name": "hook", "namespace": place, "port": int(client.pop("url").rpartition(":")[2])}
    client["service"] = reference
    found = a_set(name, service("nowhere.invalid"), hook)
    assert found.run()["result"] is True
    until(lambda: rejected(own_apiserver, name), "the webhook to reject")
    found.declared = [service("localhost"), hook, objects.config_map("new", name)]
    foretold = found.run(test=True)
    assert f"ConfigMap {name}/new (depends on Service {place}/hook, not tried)" in foretold["comment"]
    check_thrice(own_apiserver, found.run)
    assert target.asked
    target.close()


def test_what_would_mend_it_is_behind_it_itself(own_apiserver, a_set, watched, own_minion):
    """Kubernetes leaves one way: without the configuration, which the set creates again."""
    dead = watched("behind", DEAD)
    found = a_set("behind", dead)
    assert found.run()["result"] is True
    until(lambda: rejected(own_apiserver, "behind"), "the webhook to reject")
    found.declared = [objects.config_map("mends", "behind"), objects.config_map("new", "behind"), dead]
    mark = own_apiserver.mark()
    for test in (True, False):
        error = found.fails(
            "webhook", "the API server cannot call the admission webhook 'behind.example.org'", test=test
        )
        text = str(error)
        assert "its configuration is ValidatingWebhookConfiguration behind: mend what it calls, or delete that" in text
        assert (
            "(kubectl.delete ValidatingWebhookConfiguration behind), which this set creates again in its last" in text
        )
    assert [request for request in own_apiserver.requests(mark) if request.write] == []
    kubeconfig = str(own_apiserver.kubeconfig)
    own_minion.call("kubectl.delete", "ValidatingWebhookConfiguration", "behind", kubeconfig=kubeconfig)
    until(lambda: not rejected(own_apiserver, "behind"), "the webhook to be forgotten")
    real = check_thrice(own_apiserver, found.run)
    assert "ValidatingWebhookConfiguration behind" in real["changes"] and "ConfigMap behind/new" in real["changes"]


def test_a_webhook_of_another_set(own_apiserver, a_set, watched):
    other = a_set("others-hook", watched("others", DEAD))
    assert other.run()["result"] is True
    until(lambda: rejected(own_apiserver, "others"), "the webhook to reject")
    found = a_set("others", objects.config_map("new", "others"))
    error = found.fails("webhook", "which the set 'others-hook' creates again")
    assert error.details["webhook"] == "others.example.org"


def test_a_webhook_that_does_not_support_dry_runs(own_apiserver, proxy, a_set):
    """What it watches is written without having been tried. New configurations cannot say so, old ones still do."""
    found = a_set("no-dry-runs", objects.config_map("no-dry-runs", a="1"))
    kubeconfig = own_apiserver.kubeconfig_with("no-dry-runs", proxy.url)
    text = 'admission webhook "old.example.org" does not support dry run'
    proxy.on(lambda exchange: exchange.reject(400, "BadRequest", text), uri="no-dry-runs.*dryRun=All")
    title = "ConfigMap default/no-dry-runs"
    untried = "(not tried: the admission webhook 'old.example.org' does not support dry runs)"
    foretold = found.run(kubeconfig, test=True)
    assert foretold["result"] is None and f"would create {title} {untried}" in foretold["comment"]
    assert found.run(kubeconfig)["result"] is True
    found.declared = [objects.config_map("no-dry-runs", a="2")]
    foretold = found.run(kubeconfig, test=True)
    assert foretold["changes"] == {title: {"data.a": {"old": "1", "new": "2"}}} and untried in foretold["comment"]
    assert found.run(kubeconfig)["changes"] == foretold["changes"]
    assert found.run(kubeconfig)["changes"] == {}


def test_a_set_that_is_deleted_with_its_webhook(own_apiserver, own_minion, a_set, watched):
    """Its objects could never be deleted while the webhook is asked about that."""
    hook = watched("leaving", DEAD)
    found = a_set("leaving", objects.config_map("kept", "leaving"), hook)
    hook["webhooks"][0]["rules"][0]["operations"] = ["DELETE"]
    hook["webhooks"][0]["rules"][0]["resources"] = ["configmaps"]
    assert found.run()["result"] is True

    def rejects():
        words = ("delete", "configmap", "kept", "-n", "leaving", "--dry-run=server")
        return "deleted" not in own_apiserver.kubectl(*words, check=False)

    until(rejects, "the webhook to reject")
    kubeconfig = str(own_apiserver.kubeconfig)
    gone = own_minion.state("kubectl.absent", "leaving", kubeconfig=kubeconfig)
    assert gone["result"] is True, gone["comment"]
    assert {"ConfigMap leaving/kept", "ValidatingWebhookConfiguration leaving"} <= set(gone["changes"])


def test_a_webhook_that_compares_objects_of_one_kind(own_apiserver, webhook, a_set):
    """What one object gives up in a commit, another one of it takes: overlapping pools, the host of an Ingress."""
    group = "pools.example.org"
    title = f"Site.{group} default/"

    def answer(obj, _dry):
        live = own_apiserver.get(f"sites.{group}")["items"]
        taken = [one for one in live if one["metadata"]["name"] != obj["metadata"]["name"]]
        same = [one["metadata"]["name"] for one in taken if one["spec"]["size"] == obj["spec"]["size"]]
        return f"overlaps {', '.join(same)}" if same else None

    hook = webhook.configuration("pools", "default")
    hook["webhooks"][0]["rules"][0] |= {"apiGroups": [group], "resources": ["sites"]}
    webhook.answer = answer
    definition = objects.definition("Site", group)
    found = a_set("pools", definition, enabling.site(group))
    assert found.run()["result"] is True
    own_apiserver.apply(hook)
    taker = enabling.site(group, "two")

    def denied():
        text = objects.documents(taker)
        return (
            "configured"
            not in own_apiserver.kubectl(
                "apply", "--server-side", "--dry-run=server", "-f", "-", stdin=text, check=False
            )
            and webhook.asked
        )

    until(denied, "the webhook to be asked")
    alone = found.declared + [taker]
    error = a_set("pools", *alone).fails("invalid", "denied the request: overlaps one", test=True)
    assert error.details["webhook"] == "pools.example.org"
    found.declared = [definition, enabling.site(group) | {"spec": {"size": 2}}, taker]
    foretold = found.run(test=True)
    assert f"would create {title}two (depends on {title}one, not tried)" in foretold["comment"]
    check_thrice(own_apiserver, found.run)
    webhook.answer = lambda _obj, _dry: None


def test_a_conversion_webhook_that_cannot_be_called(own_apiserver, a_set):
    """Objects at another version than the stored one cannot even be read: the error says how they can."""
    group = "converted.example.org"
    definition = objects.definition("Site", group)
    second = definition["spec"]["versions"][0] | {"name": "v2", "storage": False}
    definition["spec"]["versions"].append(second)
    site = enabling.site(group) | {"apiVersion": f"{group}/v2"}
    found = a_set("converted", definition, site)
    assert found.run()["result"] is True
    webhook = {"conversionReviewVersions": ["v1"], "clientConfig": {"url": "https://127.0.0.1:1/"}}
    dead = objects.changed(definition, "spec.conversion", {"strategy": "Webhook", "webhook": webhook})
    own_apiserver.apply(dead)
    said = []

    def rejected():
        said.append(found.run(test=True)["comment"])
        return "conversion webhook" in said[-1]

    until(rejected, "the webhook to be called")
    patch = re.search(r"kubectl patch crd PLURAL\.\S+ --type=merge -p '([^']+)'", said[-1])[1]
    own_apiserver.kubectl("patch", "crd", f"sites.{group}", "--type=merge", "-p", patch)
    until(lambda: found.run(force_conflicts=True)["result"] is True, "objects to be read without it")
    assert found.run()["changes"] == {}
