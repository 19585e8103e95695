"""Which change of a run could lift which rejection: what the tests on the API server cannot make."""

from __future__ import annotations

import pytest
from saltk8s.base import errors
from saltk8s.kubectl.client import api_errors, stderr
from saltk8s.kubectl.manifests.identity import Kind, key_of
from saltk8s.kubectl.sets.actions import CHANGE, CREATE, DELETE, Action
from saltk8s.kubectl.sets.admission import enabling
from saltk8s.kubectl.sets.admission.enabling import Pending, Rejected
from saltk8s.kubectl.sets.admission.related import Parameters, Webhook
from tests.support import enabling as made
from tests.support import kubectl as objects


def changed(obj, verb=CHANGE):
    """A pending action of an object that is the same before and after: only its identity counts."""
    return Pending(Action(verb, key_of(obj)), None if verb == CREATE else obj, None if verb == DELETE else obj)


def enabled_by(obj, error, *pending, **facts):
    """The titles of what could make an object accepted."""
    rejected = Rejected(key_of(obj), obj, error, **facts)
    return [key.title for key in enabling.enablers(rejected, pending)]


def forbidden(text):
    return stderr.translate(f"Error from server (Forbidden): {text}", 1, "thing")


ACCOUNT = 'pods "p" is forbidden: error looking up service account default/app: serviceaccount "app" not found'


def test_an_account_that_comes_with_the_run():
    account, other = (made.make("ServiceAccount", name, "default") for name in ("app", "other"))
    elsewhere = made.make("ServiceAccount", "app", "elsewhere")
    pending = [changed(account, CREATE), changed(other, CREATE), changed(elsewhere, CREATE)]
    assert enabled_by(made.pod("p"), forbidden(ACCOUNT), *pending) == ["ServiceAccount default/app"]
    assert enabled_by(made.pod("p"), forbidden(ACCOUNT), changed(account, DELETE)) == []


def test_a_new_namespace_gets_its_account_after_a_moment():
    namespace = objects.namespace("default")
    assert enabled_by(made.pod("p"), forbidden(ACCOUNT), changed(namespace, CREATE)) == ["Namespace default"]


def test_room_in_a_quota():
    error = forbidden('pods "p" is forbidden: exceeded quota: q, requested: pods=1, used: pods=5, limited: pods=5')
    quota = made.make("ResourceQuota", "q", "default")
    pending = [changed(quota), changed(made.pod("old"), DELETE), changed(made.pod("new"), CREATE)]
    pending.append(changed(made.pod("away", "elsewhere"), DELETE))
    assert enabled_by(made.pod("p"), error, *pending) == ["ResourceQuota default/q", "Pod default/old"]


@pytest.mark.parametrize(
    ("group", "related"),
    [("metallb.io", True), ("kyverno.io", False), ("other.metallb.io", True), ("", False)],
)
def test_what_belongs_to_the_product_of_a_webhook(group, related):
    error = api_errors.Denied("denied", "ipaddresspools.metallb.io", "overlaps")
    pool = objects.custom("IPAddressPool", "metallb.io", "pool")
    other = objects.custom("Other", group, "other") if group else objects.config_map("other")
    assert bool(enabled_by(pool, error, changed(other))) is related


def test_an_ingress_takes_what_another_one_gives_up():
    error = api_errors.Denied("denied", "validate.nginx.ingress.kubernetes.io", "host is already defined")
    one, two = ({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": n}} for n in "ab")
    assert enabled_by(one, error, changed(two), changed(objects.config_map())) == ["Ingress b"]


def test_what_is_behind_a_webhook_that_cannot_be_called():
    error = api_errors.WebhookFailed("cannot be called", "hook.example.org")
    webhook = Webhook(key_of(made.make("ConfigMap", "hook")), None, "hooks")
    mends, other = objects.deployment("hook", "hooks"), objects.deployment("other")
    pending = [changed(mends), changed(other)]
    assert enabled_by(objects.config_map(), error, *pending, webhook=webhook) == ["Deployment hooks/hook"]
    assert enabled_by(objects.config_map(), error, *pending) == []


@pytest.mark.parametrize(("name", "found"), [("", True), ("limits", True), ("other", False)])
def test_parameters_of_a_policy(name, found):
    text = "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no"
    error = errors.Invalid(text, reason=text, by="admission")
    pending = changed(made.limits("default", "1Gi"))
    assert (
        bool(enabled_by(objects.config_map(), error, pending, parameters=Parameters("", "LimitRange", name))) is found
    )


def test_a_policy_says_any_words():
    """Those of other rejections too, which something else would lift."""
    error = api_errors.Denied("denied: pods violates PodSecurity, field not declared in schema", "hook.example.org", "")
    assert enabling.rejections(error) == {enabling.WEBHOOK}
    assert enabled_by(made.pod("p"), error, changed(made.make("LimitRange", "l", "default"))) == []


def test_what_brings_a_kind():
    group = "metrics.k8s.io"
    spec = {"group": group, "version": "v1beta1"}
    service = {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": f"v1beta1.{group}"},
    }
    template = {
        "apiVersion": "templates.gatekeeper.sh/v1",
        "kind": "ConstraintTemplate",
        "metadata": {"name": "owners"},
        "spec": {"crd": {"spec": {"names": {"kind": "Owners"}}}},
    }
    kinds = [Kind(group, "NodeMetrics", "v1beta1"), Kind(group, "NodeMetrics", "v1")]
    kinds.append(Kind("constraints.gatekeeper.sh", "Owners", "v1beta1"))
    found = enabling.bringing(kinds, [service | {"spec": spec}, template])
    titles = [[key.title for key in found[kind]] for kind in kinds]
    assert titles == [[f"APIService v1beta1.{group}"], [], ["ConstraintTemplate.templates.gatekeeper.sh owners"]]


@pytest.mark.parametrize(("verb", "waits"), [(CREATE, False), (CHANGE, True), (DELETE, True)])
def test_a_value_that_the_schema_of_a_new_definition_rejects_is_rejected_for_good(verb, waits):
    definition, site = objects.definition("Site", "example.org"), objects.custom("Site", "example.org", "one")
    error = errors.Invalid("spec.size: Invalid value: 0", "spec.size", "Invalid value: 0", "validation")
    assert bool(enabled_by(site, error, changed(definition, verb))) is waits
    unknown = api_errors.UnknownKind("does not know the kind Site", "Site")
    assert enabled_by(site, unknown, changed(definition, verb))
