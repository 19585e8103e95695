"""Keys as ``ssh-keygen`` makes them."""

from __future__ import annotations

import subprocess

import pytest
from saltk8s.base import errors
from saltk8s.pillar import model
from tests.support import pillars

DEFAULTS = pillars.defaults()


def generate(folder, *options, passphrase=""):
    """Return (private, public) of a new key."""
    path = folder / "key"
    subprocess.run(["ssh-keygen", "-q", "-f", str(path), "-N", passphrase, "-C", "rke", *options], check=True)
    return path.read_text(), path.with_suffix(".pub").read_text().strip()


def build(private, public):
    over = {"cluster": {"ssh": {"private_key": private, "public_key": public}}}
    return model.build(DEFAULTS, pillars.merge(pillars.full(), over))["cluster"]["ssh"]


@pytest.mark.parametrize(
    "options",
    [
        ["-t", "ed25519"],
        ["-t", "ecdsa", "-b", "384"],
        ["-t", "rsa", "-b", "2048"],
        ["-t", "rsa", "-b", "2048", "-m", "PEM"],
        ["-t", "rsa", "-b", "2048", "-m", "PKCS8"],
        ["-t", "ecdsa", "-m", "PEM"],
    ],
    ids=" ".join,
)
def test_keys_are_accepted(tmp_path, options):
    private, public = generate(tmp_path, *options)
    ssh = build(private, public)
    assert (ssh["private_key"], ssh["public_key"]) == (private, public)
    (tmp_path / "key").write_text(build(private.replace("\n", "\r\n").strip(), public)["private_key"])
    derived = subprocess.run(
        ["ssh-keygen", "-y", "-f", str(tmp_path / "key")], capture_output=True, text=True, check=True
    )
    assert derived.stdout.split()[:2] == public.split()[:2], "what the model holds is a key that ssh can read"


@pytest.mark.parametrize(
    "options", [["-t", "ed25519"], ["-t", "rsa", "-m", "PEM"], ["-t", "rsa", "-m", "PKCS8"]], ids=" ".join
)
def test_a_passphrase_is_refused(tmp_path, options):
    private, public = generate(tmp_path, *options, passphrase="canary-passphrase")
    with pytest.raises(errors.ConfigError) as caught:
        build(private, public)
    assert [problem.path for problem in caught.value.problems] == ["k8s:cluster:ssh:private_key"]
    assert private.splitlines()[-3] not in str(caught.value)


def test_keys_of_two_pairs_are_refused(tmp_path):
    private, _ = generate(tmp_path, "-t", "ed25519")
    with pytest.raises(errors.ConfigError, match="the public half of k8s:cluster:ssh:private_key"):
        build(private, pillars.key_pair()[1])
