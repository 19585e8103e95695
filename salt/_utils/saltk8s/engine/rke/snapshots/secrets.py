"""The Secrets of a snapshot, encrypted as the API server left them: whether a key that we have opens them."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any, NamedTuple

import yaml

try:
    _ciphers: Any = import_module("cryptography.hazmat.primitives.ciphers")
except ImportError:  # Salt itself needs it; without it, names are enough to tell a lost key
    _ciphers = None

_ENCRYPTED = b"k8s:enc:"
_OURS = b"k8s:enc:aescbc:v1:"
_PLAIN = (b"k8s\x00", b"{")  # protobuf, JSON
Keys = Mapping[str, bytes]


class Opened(NamedTuple):
    """Of some Secrets: how many there were; by which key each was encrypted, ``""`` for none; those that none opens."""

    read: int
    keys: list[str]
    lost: list[str]


def keys_of(configuration: str) -> dict[str, bytes]:
    """Return the keys of an EncryptionConfiguration, the active one first: {name: key}; none for another text."""
    try:
        data = yaml.safe_load(configuration)
        entries = [
            entry
            for resource in data["resources"]
            for provider in resource["providers"]
            for entry in (provider.get("aescbc") or {}).get("keys", [])
        ]
        return {entry["name"]: base64.b64decode(entry["secret"], b"-_") for entry in entries}
    except (yaml.YAMLError, TypeError, KeyError, ValueError, AttributeError, binascii.Error):
        return {}


def in_state(text: str | None) -> dict[str, bytes]:
    """Return the keys of a state file's text, of what runs and of what was wanted."""
    try:
        state = json.loads(text or "{}")
        parts = [state.get(part) or {} for part in ("desiredState", "currentState")]
        return {name: key for part in parts for name, key in keys_of(part.get("encryptionConfig") or "").items()}
    except (ValueError, AttributeError):
        return {}


def opened(values: Iterable[bytes], keys: Keys) -> Opened:
    """Return what keys open of Secrets. values: as etcd has them; keys: {name: key}."""
    used: dict[str, None] = {}
    lost: dict[str, None] = {}
    count = 0
    for value in values:
        count += 1
        if not value.startswith(_ENCRYPTED):
            used[""] = None
            continue
        name, _, content = value[len(_OURS) :].partition(b":")
        called = name.decode(errors="replace") if value.startswith(_OURS) else value.split(b":")[2].decode("latin1")
        known = value.startswith(_OURS) and called in keys
        (used if known and _opens(content, keys[called]) else lost)[called] = None
    return Opened(count, sorted(used), sorted(lost))


def readable(value: bytes) -> bool:
    """Whether a value is an object as the API server writes them."""
    return value.startswith(_PLAIN)


def _opens(content: bytes, key: bytes) -> bool:
    if _ciphers is None:
        return True
    try:
        decryptor: Any = _ciphers.Cipher(_ciphers.algorithms.AES(key), _ciphers.modes.CBC(content[:16])).decryptor()
        text = decryptor.update(content[16:]) + decryptor.finalize()
    except ValueError:
        return False
    return bool(text) and 1 <= text[-1] <= 16 and readable(text)
