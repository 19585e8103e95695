"""``cluster.rkestate``: what rke knows of the cluster. Of certificates and keys in it only fingerprints are read."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, TypeVar

from saltk8s.base import certificates, errors

CA, ADMIN = "kube-ca", "kube-admin"
_LASTING = (
    CA,
    "kube-apiserver-requestheader-ca",
    "kube-service-account-token",
)  # rke makes the others anew as it needs
_Kind = TypeVar("_Kind", dict, list, str)
_NAMES = {dict: "an object", list: "a list", str: "a text"}


class Damaged(errors.Refused):
    """The state file is not one that rke wrote to its end."""


def load(path: str | Path) -> dict[str, Any] | None:
    """Read and parse the state file; None when there is none. Raises Damaged when it cannot be read, too."""
    try:
        text = Path(path).read_bytes().decode()
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        raise _damaged(path, "it is not text") from None  # the cause would show what stands there
    except OSError as err:
        raise _damaged(path, f"it cannot be read ({err.strerror})") from err
    return parse(text, path)


def parse(text: str, path: str | Path = "cluster.rkestate") -> dict[str, Any]:
    """Return what the state file holds.

    text: the file's content; path: shown in the error. The answer is ``{"running": bool, "version": str or None,
    "nodes": {name: {"address", "internal_address", "roles", "labels", "taints"}}, "config": dict, "digest": str}``, and
    what identifies the cluster: ``ca``, ``encryption`` (fingerprints of the CA's certificate and of the file with the
    key that encrypts Secrets), ``certificates`` (one fingerprint of all CAs), ``issued`` (the later, the newer the
    state: every run of rke makes a new administrator's certificate), ``desired`` ({name: address} of the nodes) and
    ``target`` (version) that the last run was given. ``running`` is False when rke made the keys but has not deployed
    the control plane yet. Raises Damaged: rke itself would take such a file for a new cluster and make new keys.
    """
    try:
        state = _object(json.loads(text, parse_constant=_no_number))
        desired, current = (_get(state, key, dict) for key in ("desiredState", "currentState"))
        config, wanted = (_get(part, "rkeConfig", dict) for part in (current, desired))
        found = {
            "running": bool(config),
            "version": _required(config, "kubernetesVersion") if config else None,
            "nodes": _nodes(config, bool(config)),
            "config": _public(config),
            "digest": digest(config) if config else "",
            "desired": {name: node["address"] for name, node in _nodes(wanted).items()},
            "target": _get(wanted, "kubernetesVersion", str) or None,
            "encryption": sorted({one for part in (desired, current) for one in _encryption(part)}),
        }
        return found | _keys(desired, current if config else desired)
    except RecursionError:
        raise _damaged(path, "it is nested too deeply") from None
    except json.JSONDecodeError as err:
        raise _damaged(path, f"it is not valid JSON (line {err.lineno})") from None
    except ValueError as err:
        raise _damaged(path, str(err)) from None


def usable(text: str) -> bool:
    """Return whether a text is a state that rke wrote to its end."""
    try:
        return bool(parse(text))
    except Damaged:
        return False


def digest(config: dict[str, Any]) -> str:
    """Return a hash of rke's own view of the configuration: it changes when anybody ran rke with another one."""
    return _sum(json.dumps(_public(config), sort_keys=True))


def _damaged(path: str | Path, why: str) -> Damaged:
    return Damaged(
        f"{path} cannot be used: {why}. rke would take this for a new cluster and replace its keys, so nothing was run"
    )


def _no_number(word: str) -> None:
    raise ValueError(f"it is not valid JSON ({word})")


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("it is not an object")
    return value


def _get(parent: dict[str, Any], key: str, kind: type[_Kind]) -> _Kind:
    """Return the value of a key, an empty one when it is missing; every other type than rke's is damage."""
    value = parent.get(key)
    if value is None:
        return kind()
    if not isinstance(value, kind):
        raise ValueError(f"{key} is not {_NAMES[kind]}")
    return value


def _required(parent: dict[str, Any], key: str) -> str:
    value = _get(parent, key, str)
    if not value:
        raise ValueError(f"{key} is missing")
    return value


def _keys(desired: dict[str, Any], current: dict[str, Any]) -> dict[str, Any]:
    """Return the fingerprints of both parts' certificates. Damaged is what lacks the CA, or its key."""
    bundles = [_bundle(part) for part in (desired, current)]
    for bundle in bundles:
        if CA not in bundle or not bundle[CA]["keyPEM"]:
            raise ValueError("it has no keys")
    lasting = [bundles[1].get(name, {}).get("certificatePEM", "") for name in _LASTING]
    return {
        "ca": sorted({one for bundle in bundles for one in _fingerprints(_certificate(bundle))}),
        "certificates": _sum("\n".join(lasting)),
        "issued": _issued(bundles[1].get(ADMIN)),
    }


def _bundle(part: dict[str, Any]) -> dict[str, dict[str, str]]:
    entries = _get(part, "certificatesBundle", dict)
    if not all(isinstance(entry, dict) for entry in entries.values()):
        raise ValueError("certificatesBundle holds something else than certificates")
    return {
        name: {key: _get(entry, key, str) for key in ("certificatePEM", "keyPEM")} for name, entry in entries.items()
    }


def _certificate(bundle: dict[str, dict[str, str]]) -> str:
    pem = bundle[CA]["certificatePEM"]
    try:
        certificates.expires_at(pem)
    except ValueError:
        raise ValueError("the CA's certificate in it cannot be parsed") from None
    return pem


def _issued(admin: dict[str, str] | None) -> str | None:
    try:
        return certificates.expires_at(admin["certificatePEM"]).isoformat() if admin else None
    except ValueError:
        return None


def _encryption(part: dict[str, Any]) -> list[str]:
    text = _get(part, "encryptionConfig", str)
    return _fingerprints(text) if text else []


def _fingerprints(text: str) -> list[str]:
    """Return the hashes that a file with this text can have on a node: rke adds a newline to some of them."""
    return [_sum(form) for form in {text, text + "\n", text.rstrip("\n")}]


def _sum(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _public(config: dict[str, Any]) -> dict[str, Any]:
    # secrets must not even be hashed into what is kept
    registries = [
        {k: v for k, v in _object(one).items() if k != "password"} for one in _get(config, "privateRegistries", list)
    ]
    return _without_keys({**config, "privateRegistries": registries}) if config else {}


def _without_keys(config: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration without the keys to the location of etcd's snapshots."""
    services = _get(config, "services", dict)
    etcd = _get(services, "etcd", dict)
    backup = _get(etcd, "backupConfig", dict)
    if not backup.get("s3BackupConfig"):
        return config
    s3 = {k: v for k, v in _get(backup, "s3BackupConfig", dict).items() if k not in ("accessKey", "secretKey")}
    return {**config, "services": {**services, "etcd": {**etcd, "backupConfig": {**backup, "s3BackupConfig": s3}}}}


def _nodes(config: dict[str, Any], required: bool = False) -> dict[str, dict[str, Any]]:
    nodes = [_object(node) for node in _get(config, "nodes", list)]
    if required and not nodes:
        raise ValueError("its currentState names no nodes")
    return {_get(node, "hostnameOverride", str) or _required(node, "address"): _node(node) for node in nodes}


def _node(node: dict[str, Any]) -> dict[str, Any]:
    taints = [_object(taint) for taint in _get(node, "taints", list)]
    return {
        "address": _required(node, "address"),
        "internal_address": _get(node, "internalAddress", str) or _required(node, "address"),
        "roles": [str(role) for role in _get(node, "role", list)],
        "labels": dict(_get(node, "labels", dict)),
        "taints": [f"{t.get('key')}={t.get('value', '')}:{t.get('effect')}" for t in taints],
    }
