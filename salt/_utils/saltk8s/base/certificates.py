"""When a certificate expires, read from its DER form: just the field that says so."""

from __future__ import annotations

import base64
import binascii
import datetime
import re

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)
_SEQUENCE, _INTEGER, _VERSION = 0x30, 0x02, 0xA0
_FORMS = {0x17: "%y%m%d%H%M%SZ", 0x18: "%Y%m%d%H%M%SZ"}  # UTCTime, GeneralizedTime


def expires_at(pem: str) -> datetime.datetime:
    """Return when the first certificate of a PEM text expires, with time zone. Raises ValueError when there is none."""
    found = _PEM.search(pem)
    if not found:
        raise ValueError("no certificate in PEM form")
    try:
        return _not_after(base64.b64decode("".join(found[1].split()), validate=True))
    except (IndexError, KeyError, UnicodeDecodeError, binascii.Error) as err:
        raise ValueError("the certificate cannot be parsed") from err


def days_left(end: datetime.datetime, now: datetime.datetime) -> int:
    """Return whole days until a certificate expires, below 0 when it has expired."""
    return (end - now).days


def _not_after(der: bytes) -> datetime.datetime:
    """Walk to the field: Certificate, TBSCertificate, then version, serial, algorithm, issuer, and the validity."""
    _, start, _ = _item(der, 0)
    _, at, _ = _item(der, start)
    tag, _, following = _item(der, at)
    if tag == _VERSION:
        at = following
    for expected in (_INTEGER, _SEQUENCE, _SEQUENCE):
        tag, _, following = _item(der, at)
        if tag != expected:
            raise ValueError("not an X.509 certificate")
        at = following
    _, begin, _ = _item(der, at)
    _, _, second = _item(der, begin)
    tag, content, following = _item(der, second)
    text = der[content:following].decode("ascii")
    return datetime.datetime.strptime(text, _FORMS[tag]).replace(tzinfo=datetime.timezone.utc)


def _item(der: bytes, at: int) -> tuple[int, int, int]:
    """Return an item's tag, where its content begins, and where the next item does."""
    tag, length, content = der[at], der[at + 1], at + 2
    if length & 0x80:
        size = length & 0x7F
        length, content = int.from_bytes(der[content : content + size], "big"), content + size
    if content + length > len(der):
        raise IndexError("cut off")
    return tag, content, content + length
