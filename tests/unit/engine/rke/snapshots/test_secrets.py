"""Whether a key opens the Secrets of a snapshot."""

from __future__ import annotations

import base64
import json

import pytest
import yaml
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from saltk8s.base import errors
from saltk8s.engine.rke.snapshots import secrets, verify

ONE, TWO = b"0123456789ABCDEF0123456789ABCDEF", b"FEDCBA9876543210FEDCBA9876543210"
PLAIN = b"k8s\0\n\x0c\n\x02v1\x12\x06Secret CANARY"


def configuration(keys):
    entries = [{"name": name, "secret": base64.b64encode(key).decode()} for name, key in keys.items()]
    return yaml.safe_dump({"resources": [{"providers": [{"aescbc": {"keys": entries}}, {"identity": {}}]}]})


def state(now, wanted=None):
    parts = {"currentState": now, "desiredState": wanted if wanted is not None else now}
    return json.dumps({part: {"encryptionConfig": configuration(keys)} for part, keys in parts.items()})


def encrypted(name, key, text=PLAIN):
    pad = 16 - len(text) % 16
    cipher = Cipher(algorithms.AES(key), modes.CBC(b"i" * 16)).encryptor()
    content = cipher.update(text + bytes([pad]) * pad) + cipher.finalize()
    return b"k8s:enc:aescbc:v1:%b:" % name.encode() + b"i" * 16 + content


def test_the_active_key_is_the_first_and_both_states_count():
    assert list(secrets.keys_of(configuration({"new": TWO, "old": ONE})).items()) == [("new", TWO), ("old", ONE)]
    assert secrets.in_state(state({"new": TWO, "old": ONE}, {"old": ONE})) == {"new": TWO, "old": ONE}
    for text in (
        None,
        "",
        "{}",
        "[]",
        '"x"',
        '{"currentState": 1}',
        state({}),
        '{"desiredState": {"encryptionConfig": "{"}}',
    ):
        assert secrets.in_state(text) == {}


CASES = {
    "by the key": ([encrypted("a", ONE)], (1, ["a"], [])),
    "by two keys": ([encrypted("a", ONE), encrypted("b", TWO)], (2, ["a", "b"], [])),
    "not encrypted": ([PLAIN, b'{"kind":"Secret"}'], (2, [""], [])),
    "a key of that name that is another": ([encrypted("a", TWO)], (1, [], ["a"])),
    "no key of that name": ([encrypted("a", ONE), encrypted("z", ONE)], (2, ["a"], ["z"])),
    "cut off": ([encrypted("a", ONE)[:-7]], (1, [], ["a"])),
    "another provider": ([b"k8s:enc:kms:v2:vault:xyz"], (1, [], ["kms"])),
    "none": ([], (0, [], [])),
}


@pytest.mark.parametrize("how", CASES)
def test_what_keys_open(how):
    values, expected = CASES[how]
    assert secrets.opened(values, {"a": ONE, "b": TWO}) == expected


def test_without_the_library_names_decide(monkeypatch):
    monkeypatch.setattr(secrets, "_ciphers", None)
    assert secrets.opened([encrypted("a", ONE), encrypted("z", ONE)], {"a": ONE}) == (2, ["a"], ["z"])


def test_the_state_that_a_restore_would_use_has_to_have_the_key_and_a_copy_that_has_it_is_named(tmp_path):
    paths = {"state_file": str(tmp_path / "cluster.rkestate"), "backups": str(tmp_path / "backups")}
    values = [encrypted("a", ONE)]
    with pytest.raises(errors.Invalid, match="which the state of the admin .* does not have, nor any copy"):
        verify._opened(values, None, paths)
    (tmp_path / "cluster.rkestate").write_text(state({"a": ONE}))
    assert verify._opened(values, None, paths) == "1 read: with the key a"
    assert verify._opened([PLAIN, *values], None, paths) == "2 read: not encrypted and with the key a"
    assert verify._opened([], None, paths) == "0 read: there are none"
    with pytest.raises(errors.Invalid, match="which the state in the archive does not have, nor any copy"):
        verify._opened(values, state({"b": TWO}), paths)
    (tmp_path / "backups").mkdir()
    for name, keys in {
        "2026-01-01T00-00-00.000000Z.after": {"a": ONE},
        "2026-02-01T00-00-00.000000Z.after": {},
    }.items():
        (tmp_path / "backups" / f"cluster.rkestate.{name}").write_text(state(keys))
    (tmp_path / "cluster.rkestate").write_text(state({"b": TWO}))
    with pytest.raises(errors.Invalid, match="the copy .*2026-01-01.* has it") as told:
        verify._opened(values, None, paths)
    assert "ABCDEF" not in str(told.value) and "CANARY" not in str(told.value)
