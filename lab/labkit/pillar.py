"""The part of the lab's pillar that is generated for each lab: keys, passwords, checksums."""

from __future__ import annotations

import hashlib
import json
import pathlib
import re

from labkit import config, keys, recipes, versions

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
            "cluster": {
                "ssh": {"public_key": keys.read("rke_key.pub")},
                # a lab with both versions begins with the older one: what is tried there is the upgrade
                **({"version": versions.OLDER_CLUSTER} if recipes.WANTS_OLDER else {}),
            },
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


def nodes_file() -> pathlib.Path:
    """The machines of this lab: the one file of its pillar that an operator of the lab edits."""
    return folder() / "lab" / "nodes.sls"


def node(name: str) -> dict:
    """A machine's entry below ``k8s:nodes``: its role follows from its name (pure)."""
    roles, shape = (["controlplane", "etcd"], "control") if name.startswith("k8s-cp") else (["worker"], "worker")
    return {"roles": roles, "shape": shape, "address": f"{config.MACHINES[name]}/24"}


def nodes_text(names) -> str:
    """The pillar with those machines, a line each (pure)."""
    return "".join(["k8s:\n  nodes:\n", *(f"    {name}: {json.dumps(node(name))}\n" for name in names)])


def nodes() -> dict[str, str]:
    """Name -> address of the machines that the running lab's pillar has."""
    names = re.findall(r"^    ([\w.-]+):", nodes_file().read_text(), re.MULTILINE) if nodes_file().exists() else ()
    return {name: config.MACHINES[name] for name in names if name in config.MACHINES}


def write(programs: dict[str, pathlib.Path], profile: str = "default") -> None:
    """Write all files (JSON is YAML)."""
    keys.write_private(nodes_file(), nodes_text(config.PROFILES[profile]))
    for name, content in {"generated": public(programs), "secrets": secret()}.items():
        keys.write_private(folder() / "lab" / f"{name}.sls", "#!json\n" + json.dumps(content, indent=1) + "\n")
