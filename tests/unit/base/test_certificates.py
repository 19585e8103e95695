"""When certificates end: read without a library, compared with one that knows."""

from __future__ import annotations

import base64
import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from saltk8s.base import certificates

UTC = datetime.timezone.utc


def signed(end: datetime.datetime, key=None, names: int = 1) -> str:
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "u" * 60)] * names)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_after(end)
    builder = builder.not_valid_before(datetime.datetime(2020, 1, 1, tzinfo=UTC))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


@pytest.mark.parametrize("end", [
    datetime.datetime(2026, 11, 25, 23, 59, 58, tzinfo=UTC),
    datetime.datetime(2049, 12, 31, tzinfo=UTC),
    datetime.datetime(2050, 1, 1, 12, tzinfo=UTC),  # from here on the other form of time
    datetime.datetime(2126, 7, 1, tzinfo=UTC),
])  # fmt: skip
@pytest.mark.parametrize("names", [1, 4])
def test_the_end_is_found(end, names):
    assert certificates.expires_at(signed(end, names=names)) == end


def test_another_key_and_a_chain():
    end = datetime.datetime(2030, 1, 2, tzinfo=UTC)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    other = signed(datetime.datetime(2040, 1, 1, tzinfo=UTC))
    assert certificates.expires_at("some words\n" + signed(end, key) + other) == end


def test_what_is_none_is_said_to_be_none():
    pem = signed(datetime.datetime(2030, 1, 2, tzinfo=UTC))
    body = base64.b64decode("".join(pem.splitlines()[1:-1]))
    broken = ["", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----"]
    for cut in (0, 1, 5, 30, 60, 90, len(body) - 1):
        text = base64.b64encode(body[:cut]).decode()
        broken.append(f"-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----")
    for text in broken:
        with pytest.raises(ValueError, match="certificate"):
            certificates.expires_at(text)


def test_days():
    now = datetime.datetime(2026, 11, 25, 12, tzinfo=UTC)
    assert certificates.days_left(now + datetime.timedelta(days=7, hours=23), now) == 7
    assert certificates.days_left(now - datetime.timedelta(hours=1), now) == -1
