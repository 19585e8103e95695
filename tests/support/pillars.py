"""Valid pillars for tests: ``pillar.example`` with every placeholder replaced by a generated value.

The secrets are canaries: texts that appear nowhere else, so that a test can search for them wherever one might leak.
"""

from __future__ import annotations

import base64
import copy
import functools
import os
import struct
from pathlib import Path

import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.support.certificates import certificate_of

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "pillar.example"
PUBLIC_FILES = ("cluster", "nodes", "services", "tenants")
REGISTRY_PASSWORD = "canary-registry-Zk3v8"
CLOUD_PASSWORD = "canary-vcenter-Qp7wd"
BACKUP_KEYS = {"access_key": "canary-access-Hn4ty", "secret_key": "canary-s3-Xw2mz"}
ETCD_KEYS = {"access_key": "canary-access-Vb6yu", "secret_key": "canary-s3-Kd5pt"}
BACKUP_PASSWORD = "canary-backup-Rb9qe"
VSPHERE_PASSWORD = "canary-vsphere-Hn5tb"
MATTERMOST_URL = "https://chat.osug.example/hooks/canary-hook-Wx2mr"
SHA256 = "5f" * 32


def _words(*parts: bytes) -> bytes:
    return b"".join(struct.pack(">I", len(part)) + part for part in parts)


@functools.cache
def key_pair(comment: str = "canary") -> tuple[str, str]:
    """Return (private, public) of the form of an Ed25519 key pair: well-formed, but nobody can log in with it."""
    public, private = os.urandom(32), os.urandom(32)
    blob = _words(b"ssh-ed25519", public)
    check = os.urandom(4) * 2
    inner = check + _words(b"ssh-ed25519", public, private + public, comment.encode())
    inner += bytes(range(1, 1 + -len(inner) % 8))
    raw = b"openssh-key-v1\0" + _words(b"none", b"none", b"") + struct.pack(">I", 1) + _words(blob, inner)
    text = base64.b64encode(raw).decode()
    lines = [text[i : i + 70] for i in range(0, len(text), 70)]
    pem = "\n".join(["-----BEGIN OPENSSH PRIVATE KEY-----", *lines, "-----END OPENSSH PRIVATE KEY-----", ""])
    return pem, f"ssh-ed25519 {base64.b64encode(blob).decode()} {comment}"


@functools.cache
def certificate() -> tuple[str, str]:
    """Return (certificate, private key) in PEM for the example's host names."""
    key = ec.generate_private_key(ec.SECP256R1())
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return certificate_of(key), key.private_bytes(serialization.Encoding.PEM, form, plain).decode()


def merge(base: dict, over: dict) -> dict:
    """Return ``base`` with ``over`` merged into it, maps by key, the rest replaced, as Salt merges pillar files."""
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value) if both else copy.deepcopy(value)
    return merged


def load(name: str) -> dict:
    """Return the ``k8s`` tree of one file of the example, placeholders in place."""
    return copy.deepcopy(_load(name))


@functools.cache
def _load(name: str) -> dict:
    return yaml.safe_load((EXAMPLE / "k8s" / f"{name}.sls").read_text(encoding="utf-8"))["k8s"]


def defaults() -> dict:
    """Return what ``salt/k8s/defaults.yaml`` holds."""
    return yaml.safe_load((ROOT / "salt" / "k8s" / "defaults.yaml").read_text(encoding="utf-8"))


def public_values() -> dict:
    """Return what replaces the placeholders of the example's public files."""
    return {
        "cluster": {"ssh": {"public_key": key_pair()[1]}},
        "binaries": {"rke": {"sha256": SHA256}, "kubectl": {"sha256": SHA256}},
        "services": {"traefik": {"default_tls": {"certificate": certificate()[0]}}},
    }


def secret_values() -> dict:
    """Return what replaces the example's ``secrets.sls``."""
    return {
        "cluster": {"ssh": {"private_key": key_pair()[0]}},
        "registry": {"password": REGISTRY_PASSWORD},
        "cloud": {
            "provider": {"password": CLOUD_PASSWORD},
            "defaults": {"ssh_private_key": key_pair("canary-template")[0]},
        },
        "locations": {"backup": {"s3": dict(BACKUP_KEYS)}, "etcd": {"s3": dict(ETCD_KEYS)}},
        "services": {
            "traefik": {"default_tls": {"key": certificate()[1]}},
            "backup": {"encryption_password": BACKUP_PASSWORD},
            "vsphere": {"password": VSPHERE_PASSWORD},
            "prometheus": {"receivers": {"ops": {"mattermost": MATTERMOST_URL}}},
        },
    }


def public() -> dict:
    """Return the valid ``k8s`` tree that a worker's pillar holds: the example's public files."""
    tree: dict = {}
    for name in PUBLIC_FILES:
        tree = merge(tree, load(name))
    return merge(tree, public_values())


def full() -> dict:
    """Return the valid ``k8s`` tree that the admin's pillar holds: the public files and the secrets."""
    return merge(public(), secret_values())


def model(*patches: dict) -> dict:
    """Return the model of the example pillar; patches: laid over its ``k8s``, one after the other."""
    from saltk8s.pillar import model as models  # not everybody who needs a pillar has the library

    tree = full()
    for patch in patches:
        tree = merge(tree, patch)
    return models.build(defaults(), tree)


def canaries() -> list[str]:
    """Return texts that may appear in no log, no change and no message; of keys, a line of their middle."""
    keys = [key_pair()[0], key_pair("canary-template")[0], certificate()[1]]
    hook = MATTERMOST_URL.rpartition("/")[2]
    texts = [REGISTRY_PASSWORD, CLOUD_PASSWORD, BACKUP_PASSWORD, VSPHERE_PASSWORD, hook]
    return [*texts, *BACKUP_KEYS.values(), *ETCD_KEYS.values(), *(key.splitlines()[2] for key in keys)]


def write(folder: Path, *overlays: dict) -> Path:
    """Write a valid pillar folder (top.sls and the example's files, filled in), and return it.

    overlays: trees merged over the public files' ``k8s``; a pillar for a master, a masterless minion or ``check``.
    """
    target = folder / "k8s"
    target.mkdir(parents=True, exist_ok=True)
    (folder / "top.sls").write_text((EXAMPLE / "top.sls").read_text(encoding="utf-8"), encoding="utf-8")
    files = {name: load(name) for name in PUBLIC_FILES}
    for name in PUBLIC_FILES:  # each value where its placeholder is
        files[name] = merge(files[name], {key: value for key, value in public_values().items() if key in files[name]})
    for overlay in overlays:
        files["services"] = merge(files["services"], overlay)
    files["secrets"] = secret_values()
    for name, tree in files.items():
        text = yaml.safe_dump({"k8s": tree}, sort_keys=False)
        (target / f"{name}.sls").write_text(text, encoding="utf-8")
    return folder


def without(tree: dict, path: str) -> dict:
    """Return the tree without what stands at a path such as ``cluster:ssh:private_key``; it has to be there."""
    first, _, rest = path.partition(":")
    return {
        key: without(value, rest) if key == first and rest else value
        for key, value in tree.items()
        if key != first or rest
    }


def case(content: dict) -> dict:
    """Return the ``k8s`` tree of a case file: the valid example less ``remove``, with ``patch`` merged over it."""
    tree = full()
    for path in content.get("remove", ()):
        assert get(tree, path) is not None, f"the example has no {path}"
        tree = without(tree, path)
    return merge(tree, content.get("patch", {}))


def get(tree: dict, path: str):
    """Return what stands at a path such as ``cluster:ssh:port``, None when nothing does."""
    for key in path.split(":"):
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree
