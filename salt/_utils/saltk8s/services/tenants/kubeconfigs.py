"""A tenant's kubeconfig: its content, whether the existing one has to be replaced, and the request for a new token.

The credential is a token of a ServiceAccount with a limited validity. It is invalid after that time, or as soon as the
account is deleted; a client certificate cannot be revoked, and rke's cluster does not sign requests.
"""

from __future__ import annotations

import base64
import json
import stat
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from saltk8s.base import errors, files, yaml_text
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.pillar.vocabulary.values import seconds
from saltk8s.services.tenants.model import ACCOUNTS

MODE = 0o600
FORMAT = "%Y-%m-%dT%H:%M:%SZ"
RENEWED_SHARE = 3  # renewed when a third of its validity is left, if that is less than `renew_before`


class Token(NamedTuple):
    """The claims of a ServiceAccount's token: subject, the account's uid, issued and expires (Unix time)."""

    account: str
    uid: str
    issued: int
    expires: int


class Wanted(NamedTuple):
    """The declared content of a tenant's kubeconfig.

    tenant, namespace (the context's default), path, server (URL), ca (PEM, base64), cluster (its name),
    valid_s and before_s (seconds: validity of a token, time before its expiry when it is renewed).
    """

    tenant: str
    namespace: str
    path: str
    server: str
    ca: str
    cluster: str
    valid_s: int
    before_s: int


def wanted(model: Mapping[str, Any], name: str, ca: str) -> Wanted:
    """Return the declared kubeconfig of a tenant. Raises Invalid when the pillar declares none."""
    tenant = model["tenants"].get(name)
    if not tenant or not tenant["kubeconfig"]:
        raise errors.Invalid(f"k8s:tenants:{name}:kubeconfig: not declared in the pillar")
    own = tenant["kubeconfig"]
    server, cluster = model["services"]["tenants"]["api_url"], model["cluster"]["name"]
    times = seconds(own["valid"]), seconds(own["renew_before"])
    return Wanted(name, tenant["namespaces"][0], own["path"], server, ca, cluster, *times)


def build(want: Wanted, token: str) -> str:
    """Return the text of the kubeconfig."""
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": want.cluster, "cluster": {"server": want.server, "certificate-authority-data": want.ca}}],
        "users": [{"name": want.tenant, "user": {"token": token}}],
        "contexts": [
            {
                "name": want.tenant,
                "context": {"cluster": want.cluster, "user": want.tenant, "namespace": want.namespace},
            }
        ],
        "current-context": want.tenant,
    }
    return yaml_text.dump(content, width=80)


def token_in(text: str | None) -> str:
    """Return the token of a kubeconfig that this module wrote, empty when there is none."""
    try:
        return yaml.safe_load(text or "")["users"][0]["user"]["token"]
    except (yaml.YAMLError, KeyError, TypeError, IndexError):
        return ""


def parse(token: str) -> Token | None:
    """Return a token's claims, None when it is not a ServiceAccount's. The signature is not verified."""
    try:
        body = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        uid = claims["kubernetes.io"]["serviceaccount"]["uid"]
        return Token(str(claims["sub"]), str(uid), int(claims["iat"]), int(claims["exp"]))
    except (IndexError, KeyError, TypeError, ValueError):
        return None


def reason(want: Wanted, account: Mapping[str, Any] | None, now: float) -> str:
    """Return why the existing file has to be replaced, empty when it is up to date. account: the live one, or None."""
    path = Path(want.path)
    if not path.exists():
        return "it does not exist"
    if stat.S_IMODE(path.stat().st_mode) != MODE:
        return f"its mode is {stat.S_IMODE(path.stat().st_mode):04o}"
    text = path.read_text(encoding="utf-8", errors="replace")
    raw = token_in(text)
    token = parse(raw)
    if token is None or token.account != f"system:serviceaccount:{ACCOUNTS}:{want.tenant}":
        return "its token is not of this tenant's account"
    if account is None or account["metadata"]["uid"] != token.uid:
        return "its ServiceAccount was re-created"
    left, whole = token.expires - now, token.expires - token.issued
    if left <= 0:
        return "it has expired"
    if left < min(want.before_s, whole / RENEWED_SHARE):
        return "it expires soon"
    return "" if text == build(want, raw) else "its content differs"


def ask(kubectl: Kubectl, want: Wanted) -> str:
    """Return a new token of the tenant's account. It is never in an argument, log or message."""
    words = ["create", "token", want.tenant, "--namespace", ACCOUNTS, f"--duration={want.valid_s}s"]
    return kubectl.run(*words, what=f"token of the tenant {want.tenant}").strip()


def expiry(path: str) -> str | None:
    """Return until when a kubeconfig is valid (UTC, as text), None when it does not exist or has no such token."""
    try:
        token = parse(token_in(Path(path).read_text(encoding="utf-8", errors="replace")))
    except OSError:
        return None
    return moment(token.expires) if token else None


def remaining(path: str, now: float) -> dict[str, Any]:
    """Return ``until`` and ``days_left`` (whole days) of a kubeconfig, both None when it does not "
    "exist or has no such token."""
    until = expiry(path)
    if until is None:
        return {"until": None, "days_left": None}
    left = datetime.strptime(until, FORMAT).replace(tzinfo=timezone.utc).timestamp() - now
    return {"until": until, "days_left": int(left // 86400)}


def moment(seconds_of_unix: float) -> str:
    """Return a time as text, in UTC."""
    return datetime.fromtimestamp(seconds_of_unix, timezone.utc).strftime(FORMAT)


def write(want: Wanted, token: str) -> None:
    """Write the kubeconfig atomically, for root only."""
    path = Path(want.path)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    files.write(path, build(want, token), MODE)
