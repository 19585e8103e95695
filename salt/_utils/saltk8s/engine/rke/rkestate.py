"""``cluster.rkestate``: what rke knows of the cluster. Certificates and keys in it are not read here."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from saltk8s.base import errors


def parse(text: str | None, path: str = "cluster.rkestate") -> dict[str, Any] | None:
    """Return what the state file holds, None when there is no file.

    text: the file's content; path: shown in the error. The answer is ``{"running": bool, "version": str or None,
    "nodes": {name: {"address", "internal_address", "roles", "labels", "taints"}}, "config": dict, "digest": str}``.
    ``running`` is False when rke made the keys but has not deployed the control plane yet. Raises Refused when the
    file is damaged: rke itself would take that for a new cluster and make new keys.
    """
    if text is None:
        return None
    try:
        state = json.loads(text)
        current = (state.get("currentState") or {}).get("rkeConfig")
        known = (state.get("desiredState") or {}).get("certificatesBundle")
    except (ValueError, AttributeError) as err:
        raise errors.Refused(_damaged(path, "it is not valid JSON")) from err
    if not known:
        raise errors.Refused(_damaged(path, "it has no keys"))
    if not current:
        return {"running": False, "version": None, "nodes": {}, "config": {}, "digest": ""}
    return {
        "running": True,
        "version": current.get("kubernetesVersion"),
        "nodes": {node["hostnameOverride"]: _node(node) for node in current.get("nodes") or []},
        "config": _public(current),
        "digest": digest(current),
    }


def digest(config: dict[str, Any]) -> str:
    """Return a hash of rke's own view of the configuration: it changes when anybody ran rke with another one."""
    return hashlib.sha256(json.dumps(_public(config), sort_keys=True).encode()).hexdigest()


def _damaged(path: str, why: str) -> str:
    return (
        f"{path} cannot be used: {why}. rke would take this for a new cluster and replace its keys, so nothing was "
        f"run. Restore the newest file of the backups folder beside it, then apply again"
    )


def _public(config: dict[str, Any]) -> dict[str, Any]:
    # secrets must not even be hashed into what is kept
    registries = [{k: v for k, v in one.items() if k != "password"} for one in config.get("privateRegistries") or []]
    return _without_keys({**config, "privateRegistries": registries})


def _without_keys(config: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration without the keys to the location of etcd's snapshots."""
    services = config.get("services") or {}
    backup = (services.get("etcd") or {}).get("backupConfig") or {}
    if not backup.get("s3BackupConfig"):
        return config
    s3 = {k: v for k, v in backup["s3BackupConfig"].items() if k not in ("accessKey", "secretKey")}
    etcd = {**services["etcd"], "backupConfig": {**backup, "s3BackupConfig": s3}}
    return {**config, "services": {**services, "etcd": etcd}}


def _node(node: dict[str, Any]) -> dict[str, Any]:
    return {
        "address": node["address"],
        "internal_address": node.get("internalAddress") or node["address"],
        "roles": list(node.get("role") or []),
        "labels": dict(node.get("labels") or {}),
        "taints": [f"{t.get('key')}={t.get('value', '')}:{t.get('effect')}" for t in node.get("taints") or []],
    }
