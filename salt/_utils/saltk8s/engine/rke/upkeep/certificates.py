"""Every certificate of a cluster, and until when it is valid: of rke's state, the nodes, the kubeconfig, the webhooks.

Of keys nothing is read; what leaves a node is its certificates, which it shows to everybody anyway.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

import yaml
from saltk8s.base import certificates, errors, files
from saltk8s.engine.rke.node import KEYS
from saltk8s.engine.rke.rkestate import ADMIN
from saltk8s.engine.rke.upkeep.access import Access
from saltk8s.kubectl.client.program import Kubectl

STATE, KUBECONFIG, WEBHOOKS = "state", "kubeconfig", "webhooks"
CAS = ("kube-ca", "kube-apiserver-requestheader-ca")
LIFE = timedelta(days=3650)  # of all that rke makes
_KINDS = (
    "validatingwebhookconfigurations.admissionregistration.k8s.io,"
    "mutatingwebhookconfigurations.admissionregistration.k8s.io,apiservices.apiregistration.k8s.io"
)
_READ_S = 60
_READ = (
    f"docker exec kubelet sh -c 'for file in {KEYS}/*.pem; do case $file in *-key.pem) ;; "
    """*) echo "file ${file##*/}"; cat "$file" ;; esac; done'"""
)


class Row(NamedTuple):
    """One certificate. where: ``state``, ``kubeconfig``, ``webhooks`` or a node's name; expires: with time zone."""

    where: str
    name: str
    expires: datetime


def read(access: Access) -> tuple[list[Row], list[str]]:
    """Return every certificate, the first to expire first, and what could not be read."""
    paths, found, problems = access.paths, list[Row](), list[str]()
    found += of_state(files.read(paths["state_file"]) or "")
    found += of_kubeconfig(files.read(paths["kubeconfig"]) or "")
    nodes = {name: one["address"] for name, one in access.running().items()}
    with ThreadPoolExecutor(max_workers=min(32, len(nodes))) as pool:
        for name, answer in zip(nodes, pool.map(lambda name: _asked(access, nodes[name]), nodes), strict=True):
            found += of_node(name, answer) if isinstance(answer, str) else []
            problems += [f"{name}: {answer}"] if isinstance(answer, errors.SaltK8sError) else []
    try:
        found += of_webhooks(_objects(access.kubectl))
    except errors.SaltK8sError as err:
        problems.append(f"webhooks: {err}")
    return sorted(found, key=lambda row: (row.expires, row.where, row.name)), problems


def made_before(state: str, day: datetime, authority: bool) -> list[str]:
    """Return which of rke's own were made before a day. authority: of the CAs, and not of what they signed.

    The administrator's is left out: every run of rke makes it anew.
    """
    rows = [row for row in of_state(state) if (row.name in CAS) is authority and row.name != ADMIN]
    return [row.name for row in rows if row.expires - LIFE < day]


def of_state(text: str) -> list[Row]:
    """Return those in rke's state. text: the file's."""
    try:
        bundle = json.loads(text or "{}").get("currentState", {}).get("certificatesBundle") or {}
        pems = {name: entry.get("certificatePEM") or "" for name, entry in bundle.items()}
    except (ValueError, AttributeError):
        return []
    return list(_rows(STATE, pems.items()))


def of_node(name: str, answer: str) -> list[Row]:
    """Return those of a node. answer: what it printed."""
    parts = [part.partition("\n") for part in answer.split("file ")[1:]]
    return list(_rows(name, ((file, pem) for file, _, pem in parts)))


def of_kubeconfig(text: str) -> list[Row]:
    """Return those in a kubeconfig: of its users, and of the authorities of its clusters."""
    try:
        data = yaml.safe_load(text) or {}
        pems = [
            (f"{kind}-{entry['name']}", _decoded(entry[kind].get(field)))
            for kinds, kind, field in (
                ("users", "user", "client-certificate-data"),
                ("clusters", "cluster", "certificate-authority-data"),
            )
            for entry in data.get(kinds) or []
        ]
    except (yaml.YAMLError, AttributeError, KeyError, TypeError):
        return []
    return list(_rows(KUBECONFIG, pems))


def of_webhooks(objects: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Return the authorities that the API server trusts of webhooks and of extended APIs."""
    pems = []
    for item in objects:
        title = f"{item['kind'].lower()}/{item['metadata']['name']}"
        hooks = [(hook.get("name"), hook.get("clientConfig") or {}) for hook in item.get("webhooks") or []]
        places = [*hooks, ("", item.get("spec") or {})]
        pems += [("/".join(filter(None, (title, name))), _decoded(place.get("caBundle"))) for name, place in places]
    return list(_rows(WEBHOOKS, pems))


def table(rows: Iterable[Row], now: datetime | None = None) -> list[dict[str, Any]]:
    """Return them as people and metrics read them."""
    now = now or datetime.now(timezone.utc)
    return [
        {
            "where": row.where,
            "name": row.name,
            "expires": row.expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "days": certificates.days_left(row.expires, now),
        }
        for row in rows
    ]


def _rows(where: str, pems: Iterable[tuple[str, str]]) -> Iterator[Row]:
    for name, pem in pems:
        try:
            yield Row(where, name, certificates.expires_at(pem))
        except ValueError:
            continue  # the key for ServiceAccounts has none


def _decoded(text: str | None) -> str:
    try:
        return base64.b64decode(text or "").decode(errors="replace")
    except (binascii.Error, ValueError):
        return ""


def _asked(access: Access, address: str) -> str | errors.SaltK8sError:
    try:
        return access.run(address, _READ, _READ_S)
    except errors.SaltK8sError as err:
        return err


def _objects(kubectl: Kubectl) -> list[dict[str, Any]]:
    return kubectl.objects("get", _KINDS, timeout_s=60, request_timeout_s=20)


def day_of(text: str) -> datetime:
    """Return a day such as ``2026-11-30``, at its beginning in UTC. Raises Refused for another text."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=timezone.utc)
    except (ValueError, TypeError) as err:
        raise errors.Refused(f"{text!r} is no day such as 2026-11-30") from err
