"""The rotation of the key that encrypts Secrets in etcd.

``rke`` adds a new key, rewrites every Secret with it, and drops the old one. When it is interrupted in between, the
state has both, the new one first; run again, rke would take that one for the old key, and drop the one that most
Secrets are still encrypted with. So the API servers are restarted and all Secrets rewritten with the first key before
it runs again, and it never runs while etcd has a Secret that is encrypted with another key.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from typing import Any

from saltk8s.base import errors
from saltk8s.engine import health
from saltk8s.engine.rke.snapshots import secrets
from saltk8s.engine.rke.state import copies
from saltk8s.engine.rke.upkeep.access import Access
from saltk8s.engine.rke.upkeep.operation import Operation
from saltk8s.kubectl.client import api_errors
from saltk8s.kubectl.client.program import Kubectl, secret_texts
from saltk8s.pillar.vocabulary.roles import CONTROL_PLANE

NAME = "rotation of the key that encrypts Secrets"
COMMAND = "k8s_keys.rotate_encryption_key"
_BATCH = 200
RESTART_S = 120
_UNREAD = "?"
# how each value begins; of it all, names of keys alone leave the node
_KEYS_IN_USE = (
    "{ docker exec etcd etcdctl get /registry/secrets/ --prefix --print-value-only || "
    rf"printf '\nk8s:enc:aescbc:v1:{_UNREAD}:\n'; }} | "
    "LC_ALL=C grep -a -o '^k8s:enc:aescbc:v1:[^:]*:' | cut -d: -f5 | sort -u"
)
_TIMEOUTS: dict[str, Any] = {"timeout_s": 600, "request_timeout_s": 120}


def operation(enabled: bool, nodes: Mapping[str, Mapping[str, Any]], keys: list[str]) -> Operation:
    """Return it. enabled: whether Secrets are encrypted; nodes: as the state has them; keys: those of the state."""
    if not enabled or not keys:
        raise errors.Refused("Secrets are not encrypted here: k8s:cluster:encrypt_secrets: true, then apply k8s")
    servers = ", ".join(name for name, one in nodes.items() if CONTROL_PLANE in one["roles"])
    unfinished = [f"an earlier rotation was interrupted: first every Secret is rewritten with {keys[0]}"]
    lines = [
        *(unfinished if len(keys) > 1 else []),
        f"a new key instead of {keys[0]}; every Secret is rewritten with it",
        f"the API servers on {servers} restart three times, one after the other, each awaited",
        "a snapshot before, and one after it: older periodic ones open only with a copy of the state from before",
    ]
    return Operation(NAME, COMMAND, ["encrypt", "rotate-key"], lines)


def keys_of(state: str) -> list[str]:
    """Return the names of the keys that the API servers have, the active one first. state: the text of the file."""
    try:
        current = json.loads(state or "{}").get("currentState") or {}
        return list(secrets.keys_of(current.get("encryptionConfig") or ""))
    except (ValueError, AttributeError):
        return []


def prepare(access: Access) -> None:
    """Complete a rotation that was interrupted, and refuse one that would lose a key; the lock is held."""
    keys = keys_of(copies.text(access.paths))
    if len(keys) > 1:
        finish(access)
    check(access, keys[0])


def finish(access: Access) -> None:
    """Complete a rotation that was interrupted: let every API server read its keys, and rewrite every Secret."""
    addresses = [one["address"] for one in access.running().values() if CONTROL_PLANE in one["roles"]]
    for address in addresses:
        access.run(address, "docker restart kube-apiserver", RESTART_S)
        if health.wait_for(lambda: _silent(access.kubectl, address), RESTART_S):  # noqa: B023  # called at once
            raise errors.NotReady(
                f"the API server on {address} is not ready {RESTART_S} s after its restart; run it again"
            )
    rewrite(access.kubectl)


def check(access: Access, active: str) -> None:
    """Raise Refused while etcd has Secrets that are encrypted with another key than the active one."""
    address = next(iter(access.members().values()))
    answer = access.run(address, _KEYS_IN_USE, RESTART_S)
    if _UNREAD in answer.split():
        raise errors.NotReady("etcd did not answer what its Secrets are encrypted with; nothing was run")
    others = sorted({*answer.split()} - {active})
    if others:
        raise errors.Refused(
            f"refused, nothing was run: etcd has Secrets that are encrypted with {', '.join(others)}, and not with the "
            f"active key {active}; rke would drop the key that opens them. Rewrite them first: "
            "kubectl get secrets -A -o json | kubectl replace -f -"
        )


def _silent(kubectl: Kubectl, address: str) -> list[str]:
    return [] if kubectl.is_ready(f"https://{address}:6443") else [f"{address} is not ready"]


def rewrite(kubectl: Kubectl) -> int:
    """Write every Secret as it is, so that it is encrypted with the active key; return how many."""
    found = kubectl.objects("get", "secrets", "--all-namespaces", **_TIMEOUTS)
    for start in range(0, len(found), _BATCH):
        batch = found[start : start + _BATCH]
        try:
            _replace(kubectl, batch)
        except (errors.Conflict, api_errors.NotFound):
            for item in batch:  # who changed one meanwhile has rewritten it
                with contextlib.suppress(errors.Conflict, api_errors.NotFound):
                    _replace(kubectl, [item])
    return len(found)


def _replace(kubectl: Kubectl, items: list[dict[str, Any]]) -> None:
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    kubectl.run(
        "replace", "-f", "-", "-o", "name", stdin=text, what="Secrets", secrets=secret_texts(items), **_TIMEOUTS
    )
