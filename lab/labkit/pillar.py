"""The part of the lab's pillar that is generated for each lab: keys, passwords, checksums."""

from __future__ import annotations

import hashlib
import json
import pathlib

from labkit import config, keys

# where alerts are sent to; tests/e2e/test_prometheus.py listens there
WEBHOOK = f"http://{config.GATEWAY}:7071/alerts"


def folder() -> pathlib.Path:
    """The pillar root with the generated files; it holds secrets, only the master gets it."""
    return config.state() / "pillar"


def sha256(path: pathlib.Path) -> str:
    """Checksum of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def public(programs: dict[str, pathlib.Path]) -> dict:
    """What every minion may know."""
    return {
        "k8s": {
            "cluster": {"ssh": {"public_key": keys.read("rke_key.pub")}},
            "registry": {"ca": keys.read("ca.crt") + "\n"},
            "locations": {name: {"s3": {"ca": keys.read("ca.crt") + "\n"}} for name in ("backup", "etcd")},
            "binaries": {name: {"sha256": sha256(programs[name])} for name in ("rke", "kubectl")},
            "services": {
                "traefik": {"default_tls": {"certificate": keys.read("platform.crt") + "\n"}},
                "vsphere": {"ca": keys.read("ca.crt") + "\n"},
            },
        }
    }


def secret() -> dict:
    """What only the admin minion gets."""
    return {
        "k8s": {
            "cluster": {"ssh": {"private_key": keys.read("rke_key") + "\n"}},
            "registry": {"password": keys.read("registry_password")},
            "locations": {
                place: {"s3": {name: keys.read(f"{server}_{name}") for name in ("access_key", "secret_key")}}
                for place, server in (("backup", "s3"), ("etcd", "etcd_s3"))
            },
            "cloud": {
                "provider": {"password": keys.read("vcenter_password")},
                "defaults": {"ssh_private_key": keys.read("cloud_key") + "\n"},
            },
            "services": {
                "traefik": {"default_tls": {"key": keys.read("platform.key") + "\n"}},
                "backup": {"encryption_password": keys.read("backup_password")},
                "vsphere": {"password": keys.read("vcenter_password")},
                "prometheus": {"receivers": {"ops": {"mattermost": None, "webhooks": [WEBHOOK]}}},
            },
        }
    }


def write(programs: dict[str, pathlib.Path]) -> None:
    """Write both files (JSON is YAML)."""
    for name, content in {"generated": public(programs), "secrets": secret()}.items():
        keys.write_private(folder() / "lab" / f"{name}.sls", "#!json\n" + json.dumps(content, indent=1) + "\n")
