"""Private keys of TLS certificates, and whether key and certificate belong together, where that can be parsed."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator

from saltk8s.pillar.vocabulary.types import Secret

_KEY = r"\s*-----BEGIN ((?:RSA |EC )?PRIVATE KEY)-----([A-Za-z0-9+/=\s]+)-----END \1-----\s*"
_CERTIFICATE = r"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----"
_INTEGER, _BITS, _OCTETS, _CONSTRUCTED = 0x02, 0x03, 0x04, 0x20
_POINT = b"\x00\x04"  # no unused bits, and a point of a curve with both coordinates
_SHORTEST_MODULUS = 64  # bytes; the first whole number of this length in an RSA key is its public modulus


def private_key(role: str) -> Secret:
    """Return the type of a certificate's private key, in PEM; role: the minion that needs it."""
    return Secret(
        role,
        "a private key in PEM format (PRIVATE KEY, RSA PRIVATE KEY or EC PRIVATE KEY), without passphrase",
        doc="secret: PEM",
        pattern=r"[\x09-\x7e]+",
        longest=65536,
        test=lambda text: _der(_KEY, text, 2) is not None,
        normal=lambda text: text.strip() + "\n",
    )


def belong_together(certificates: str, key: str) -> bool | None:
    """Return whether a private key is that of the first certificate.

    certificates, key: in PEM. None when unknown: an Ed25519 key, for example, does not contain its public key.
    """
    first, private = _der(_CERTIFICATE, certificates, 1), _der(_KEY, key, 2)
    if first is None or private is None:
        return None
    public = next(_public_parts(private), None)
    return None if public is None else public in first


def _der(pattern: str, text: str, group: int) -> bytes | None:
    found = re.match(pattern, text.lstrip())
    try:
        raw = base64.b64decode("".join(found[group].split()), validate=True) if found else b""
    except binascii.Error:
        return None
    return raw if raw[:1] == b"\x30" else None


def _public_parts(der: bytes) -> Iterator[bytes]:
    """Return the modulus or the point that a key in PKCS#8, PKCS#1 or SEC 1 holds, wherever it is nested."""
    at = 0
    while at + 2 <= len(der):
        tag, length, at = der[at], der[at + 1], at + 2
        if length & 0x80:
            size = length & 0x7F
            length, at = int.from_bytes(der[at : at + size], "big"), at + size
        content, at = der[at : at + length], at + length
        if tag & _CONSTRUCTED or (tag == _OCTETS and content[:1] == b"\x30"):
            yield from _public_parts(content)
        elif tag == _INTEGER and len(content) >= _SHORTEST_MODULUS:
            yield content
        elif tag == _BITS and content[:2] == _POINT:
            yield content[1:]
