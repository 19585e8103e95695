"""Certificates as the state, nodes, kubeconfigs and webhooks show them."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta, timezone

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import ec
from saltk8s.base import errors
from saltk8s.engine.rke.upkeep import certificates, rotation
from tests.support.certificates import certificate_of


def pem(days):
    return certificate_of(ec.generate_private_key(ec.SECP256R1()), "any", days)


SHORT, LONG = pem(20), pem(3650)


def encoded(text):
    return base64.b64encode(text.encode()).decode()


def names(rows):
    return {(row.where, row.name) for row in rows}


def state(**pems):
    bundle = {name.replace("_", "-"): {"certificatePEM": text, "keyPEM": "CANARY"} for name, text in pems.items()}
    return json.dumps({"currentState": {"certificatesBundle": bundle}})


def test_those_of_the_state_and_of_a_node():
    text = state(kube_ca=LONG, kube_admin=SHORT, kube_service_account_token="")
    assert names(certificates.of_state(text)) == {("state", "kube-ca"), ("state", "kube-admin")}
    for damaged in ("", "{", "[]", '{"currentState": 1}', '{"currentState": {"certificatesBundle": 3}}'):
        assert certificates.of_state(damaged) == []
    answer = f"file kube-ca.pem\n{LONG}file kube-node.pem\n{SHORT}file empty.pem\n"
    assert names(certificates.of_node("cp1", answer)) == {("cp1", "kube-ca.pem"), ("cp1", "kube-node.pem")}


def test_those_of_a_kubeconfig():
    text = yaml.safe_dump(
        {
            "users": [
                {"name": "kube-admin-local", "user": {"client-certificate-data": encoded(SHORT)}},
                {"name": "t", "user": {}},
            ],
            "clusters": [{"name": "local", "cluster": {"certificate-authority-data": encoded(LONG)}}],
        }
    )
    expected = {("kubeconfig", "user-kube-admin-local"), ("kubeconfig", "cluster-local")}
    assert names(certificates.of_kubeconfig(text)) == expected
    for damaged in ("", "{", "[1]", "users: [{}]", "users: 1"):
        assert certificates.of_kubeconfig(damaged) == []


def test_those_of_webhooks_and_extended_apis():
    hooks = {
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "metallb"},
        "webhooks": [{"name": "a", "clientConfig": {"caBundle": encoded(SHORT)}}, {"name": "b", "clientConfig": {}}],
    }
    api = {"kind": "APIService", "metadata": {"name": "v1.x"}, "spec": {"caBundle": encoded(LONG)}}
    local = {"kind": "APIService", "metadata": {"name": "v1."}, "spec": {}}
    found = names(certificates.of_webhooks([hooks, api, local]))
    assert found == {("webhooks", "validatingwebhookconfiguration/metallb/a"), ("webhooks", "apiservice/v1.x")}


def test_the_table_has_days_and_the_day_in_utc():
    now = datetime.now(timezone.utc)
    (row,) = certificates.table(certificates.of_state(state(kube_ca=SHORT)), now)
    assert row["days"] == 19 and row["expires"].endswith("Z") and row["where"] == "state"


@pytest.mark.parametrize("authority", [True, False])
def test_what_was_made_before_a_day(authority):
    made = datetime.now(timezone.utc)
    text = state(kube_ca=LONG, kube_apiserver=LONG, kube_admin=SHORT)
    expected = ["kube-ca"] if authority else ["kube-apiserver"]
    assert certificates.made_before(text, made + timedelta(days=2), authority) == expected
    assert certificates.made_before(text, made - timedelta(days=2), authority) == []
    assert certificates.day_of("2026-11-30") == datetime(2026, 11, 30, tzinfo=timezone.utc)
    with pytest.raises(errors.Refused, match="'30.11.2026' is no day such as 2026-11-30"):
        certificates.day_of("30.11.2026")


def test_the_plan_says_what_is_made_anew_and_what_an_authority_means():
    nodes = {"cp1": {"roles": ["controlplane", "etcd"]}, "w1": {"roles": ["worker"]}}
    leaves = rotation.operation(False, nodes, state(kube_ca=LONG, kube_apiserver=LONG))
    assert (
        leaves.words == ["cert", "rotate"] and "kube-apiserver" in leaves.lines[0] and "kube-ca" not in leaves.lines[0]
    )
    assert "etcd on cp1" in leaves.lines[1] and "all 2 nodes" in leaves.lines[1]
    whole = rotation.operation(True, nodes, state(kube_ca=LONG, kube_apiserver=LONG))
    assert whole.words == ["cert", "rotate", "--rotate-ca"] and "kube-ca" in whole.lines[0]
    assert any("kubeconfig that was handed out" in line for line in whole.lines)
