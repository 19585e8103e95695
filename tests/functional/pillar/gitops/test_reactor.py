"""The reactor's file: which call of a webhook makes the master fetch and apply."""

from __future__ import annotations

import hashlib
import hmac

import jinja2
import pytest
import yaml
from salt.modules import hashutil
from support import tree

TEXT = (tree.ROOT / "salt/k8s/orch/push.reactor").read_text()
HOOK, FETCHED = "salt/netapi/hook/saltk8s/push", "salt/fileserver/gitfs/update"
BODY = '{"ref": "refs/heads/main"}'


def reaction(tag, secret="a secret", body=BODY, changed=None, **headers):
    """What the file makes of an event, as Salt renders it."""
    env = jinja2.Environment()
    env.filters["json"] = lambda value: str(value).lower()
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    context = {"tag": tag, "data": {"body": body, "post": {}, "headers": headers, "changed": changed}}
    context |= {"opts": {"saltk8s_webhook_secret": secret}}
    context["salt"] = {f"hashutil.{name}": getattr(hashutil, name) for name in ("github_signature", "sha256_digest")}
    return yaml.safe_load(env.from_string(TEXT).render(context))


def signed(secret, body=BODY):
    return "sha256=" + hmac.new(secret.encode(), body.encode(), hashlib.sha256).hexdigest()


def forced(found):
    (what,) = found.values()
    mods, pillar = what["runner.state.orchestrate"][0]["args"]
    assert mods == {"mods": "k8s.orch.gitops"}
    return pillar["pillar"]["force"]


def test_who_knows_the_secret_may_call():
    assert forced(reaction(HOOK, secret=12345, X_Gitlab_Token="12345")) is False, "YAML made a number of it"
    assert forced(reaction(HOOK, X_Gitlab_Token="a secret")) is False
    assert forced(reaction(HOOK, X_Hub_Signature_256=signed("a secret"))) is False


@pytest.mark.parametrize("secret", ["", None])
def test_without_a_secret_no_call_is_taken(secret):
    for headers in ({}, {"X_Gitlab_Token": ""}, {"X_Gitlab_Token": "None"}, {"X_Hub_Signature_256": signed("")}):
        assert reaction(HOOK, secret=secret, **headers) == {}


def test_a_call_without_it_does_nothing():
    assert reaction(HOOK) == {}
    assert reaction(HOOK, X_Gitlab_Token="another") == {}
    assert reaction(HOOK, X_Hub_Signature_256=signed("another")) == {}
    assert reaction(HOOK, X_Hub_Signature_256=signed("a secret"), body="{}") == {}
    assert reaction(HOOK, X_Hub_Signature_256="sha1=" + "0" * 40) == {}


def test_formulas_that_were_fetched_are_applied_whatever_the_pillar():
    assert forced(reaction(FETCHED, changed=True)) is True
    assert reaction(FETCHED, changed=False) == {}, "Salt sends the event each time that it looked"
    assert reaction(HOOK, changed=True) == {}
