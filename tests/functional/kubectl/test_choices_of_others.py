"""Choices of which others own what is in the way, where the API server's error names what the alternatives stand in.

Or it names a field that the manifest does not declare at all: what is left of an item, one of whose fields is others'.
"""

from __future__ import annotations

import json

import pytest
from saltk8s.kubectl.compare import diff
from saltk8s.kubectl.manifests.identity import key_of
from tests.support import kubectl as objects
from tests.support.kubectl import check_thrice

SERVICE, URL = {"service": {"name": "hook", "namespace": "default"}}, {"url": "https://hook.example.org/"}


def webhook(kind, client):
    def make(name):
        rule = {"apiGroups": ["choices.example.org"], "apiVersions": ["v1"], "operations": ["CREATE"]}
        hook = {"name": f"{name}.example.org", "sideEffects": "None", "admissionReviewVersions": ["v1"]}
        hook |= {"rules": [rule | {"resources": ["nothings"]}], "clientConfig": client}
        api = "admissionregistration.k8s.io/v1"
        return {"apiVersion": api, "kind": kind, "metadata": {"name": name}, "webhooks": [hook]}

    return make


def converted(client):
    def make(name):
        made = objects.definition("Choice", f"{name}.example.org")
        webhook = {"conversionReviewVersions": ["v1"], "clientConfig": client}
        made["spec"]["conversion"] = {"strategy": "Webhook", "webhook": webhook} if client else {"strategy": "None"}
        return made

    return make


def variable(**source):
    def make(name):
        container = {"name": "web", "image": "web:1", "env": [{"name": "A", "valueFrom": source}]}
        return objects.changed(objects.deployment(name), "spec.template.spec", {"containers": [container]})

    return make


FIXED = {"name": "side", "env": [{"name": "B", "value": "2"}]}
VALIDATING, MUTATING = "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"
FIELD, KEY = {"fieldRef": {"fieldPath": "metadata.name"}}, {"configMapKeyRef": {"name": "a", "key": "b"}}
VARIABLE = "spec.template.spec.containers[name=web].env[name=A].valueFrom"
# declared first, declared then, what goes
CHOICES = {
    "webhook-url": (webhook(VALIDATING, SERVICE), webhook(VALIDATING, URL), ".clientConfig.service"),
    "webhook-service": (webhook(MUTATING, URL), webhook(MUTATING, SERVICE), ".clientConfig.url"),
    "conversion-none": (converted(SERVICE), converted(None), "spec.conversion.webhook"),
    "conversion-url": (converted(SERVICE), converted(URL), "spec.conversion.webhook.clientConfig.service"),
    "variable-key": (variable(**FIELD), variable(**KEY), f"{VARIABLE}.fieldRef"),
    "variable-field": (variable(**KEY), variable(**FIELD), f"{VARIABLE}.configMapKeyRef"),
}


def check_refused_and_forced(apiserver, applied, name, declared, gone):
    """Apply in both modes: refused, as others own what is in the way; forced, both say what goes."""
    mark = apiserver.mark()
    for test in (True, False):
        answer = applied(name, declared, test=test)
        assert answer["result"] is False and answer["changes"] == {}, answer
        assert "set force_conflicts to take" in answer["comment"]
        assert "conflict: another field manager 'kubectl-client-side-apply' owns ." in answer["comment"]
    assert [request for request in apiserver.requests(mark) if request.write] == []
    before = apiserver.get(declared["kind"], declared["metadata"]["name"])
    changes = check_thrice(apiserver, lambda **kw: applied(name, declared, force_conflicts=True, **kw))["changes"]
    seen = diff.show(
        key_of(declared), diff.fields(before, apiserver.get(declared["kind"], declared["metadata"]["name"]))
    )
    seen.pop('metadata.annotations["saltk8s.io/object"]', None)
    said = {path: one for path, one in changes[key_of(declared).title].items() if path != "metadata.managedFields"}
    assert said == seen
    assert [path for path, one in seen.items() if path.endswith(gone) and one["new"] is None]


@pytest.mark.parametrize("name", CHOICES)
def test_a_choice_whose_error_names_what_it_stands_in(apiserver, applied, name):
    first, then, gone = CHOICES[name]
    apiserver.kubectl("apply", "-f", "-", stdin=json.dumps(first(f"others-{name}")))
    check_refused_and_forced(apiserver, applied, f"others-{name}", then(f"others-{name}"), gone)


def test_what_is_left_of_a_container(apiserver, applied):
    name = "others-left"
    declared = objects.deployment(name)
    two = json.loads(json.dumps(declared))
    two["spec"]["template"]["spec"]["containers"].append({"name": "side", "image": "side:1"})
    assert applied(name, two)["result"] is True
    two["spec"] = {"selector": two["spec"]["selector"], "template": {"spec": {"containers": [FIXED]}}}
    apiserver.kubectl(
        "apply", "--server-side", "--field-manager=kubectl-client-side-apply", "-f", "-", stdin=json.dumps(two)
    )
    real = check_thrice(apiserver, lambda **kw: applied(name, declared, **kw))  # the set declared it
    gone = real["changes"][key_of(declared).title]["spec.template.spec.containers[name=side]"]
    assert gone["new"] is None and len(apiserver.get("deployment", name)["spec"]["template"]["spec"]["containers"]) == 1
