"""Which private key is which certificate's: keys of all forms that `openssl` writes."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from saltk8s.base import errors
from saltk8s.pillar import model
from saltk8s.pillar.vocabulary import tls
from saltk8s.pillar.vocabulary.types import Report
from tests.support import pillars
from tests.support.certificates import certificate_of

PKCS8, TRADITIONAL = serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL
MAKERS = {
    "rsa": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "p521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
}


def pem(key, form, secret: bytes | None = None) -> str:
    hidden = serialization.BestAvailableEncryption(secret) if secret else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, hidden).decode()


@pytest.mark.parametrize("form", [PKCS8, TRADITIONAL])
@pytest.mark.parametrize("kind", ["rsa", "p256", "p521"])
def test_a_key_and_its_certificate(kind, form):
    mine, other = MAKERS[kind](), MAKERS[kind]()
    chain = certificate_of(mine) + certificate_of(other)
    assert tls.belong_together(chain, pem(mine, form)) is True
    assert tls.belong_together(chain, pem(other, form)) is False


def test_what_cannot_be_told():
    key = MAKERS["ed25519"]()
    assert tls.belong_together(pillars.certificate()[0], pem(key, PKCS8)) is None
    assert tls.belong_together("no certificate", pem(MAKERS["p256"](), PKCS8)) is None


@pytest.mark.parametrize("form", [PKCS8, TRADITIONAL])
@pytest.mark.parametrize("kind", ["rsa", "p256"])
def test_a_passphrase_is_refused(kind, form):
    checked, report = tls.private_key("admin"), Report()
    assert checked.check(pem(MAKERS[kind](), form, b"secret"), None, ("k8s", "key"), report) is None
    assert [problem.value for problem in report.problems] == ["<redacted>"]


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "x",
        "-----BEGIN PRIVATE KEY-----\n!!!!\n-----END PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
    ],
)
def test_what_is_no_key(broken):
    report = Report()
    assert tls.private_key("admin").check(broken, None, ("k8s", "key"), report) is None
    assert len(report.problems) == 1


def test_another_keys_certificate_in_the_pillar():
    tree = pillars.merge(
        pillars.full(),
        {"services": {"traefik": {"default_tls": {"certificate": certificate_of(MAKERS["p256"]())}}}},
    )
    with pytest.raises(errors.ConfigError) as caught:
        model.build(pillars.defaults(), tree)
    (problem,) = caught.value.problems
    assert (problem.path, problem.value) == ("k8s:services:traefik:default_tls:certificate", "of another key")
