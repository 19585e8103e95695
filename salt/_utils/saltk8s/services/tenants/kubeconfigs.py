"""A tenant's kubeconfig: what it holds, whether the one that lies there will do, and the request for a new token.

The credential is a token of a ServiceAccount, asked of the API server for a limited time. It ends with that time, or at
once when the account goes; a client certificate could not be taken back, and the cluster would have to sign requests,
which rke's does not.
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
from saltk8s.base import errors, files
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.pillar.vocabulary.values import seconds
from saltk8s.services.tenants.model import ACCOUNTS

MODE = 0o600
FORMAT = "%Y-%m-%dT%H:%M:%SZ"
RENEWED_SHARE = 3  # renewed when a third of its time is left, if that is less than `renew_before`


class Token(NamedTuple):
    """What a ServiceAccount's token says of itself: whose it is, the account's uid, from when to when (Unix time)."""

    account: str
    uid: str
    issued: int
    expires: int


class Wanted(NamedTuple):
    """What a tenant's kubeconfig has to be.

    tenant, namespace (the one that commands go to), path, server (URL), ca (PEM, base64), cluster (its name),
    valid_s and before_s (seconds: how long a token is asked for, when it is renewed).
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
    """Return what the kubeconfig of a tenant has to be. Raises Invalid when the pillar gives it none."""
    tenant = model["tenants"].get(name)
    if not tenant or not tenant["kubeconfig"]:
        raise errors.Invalid(f"k8s:tenants:{name}:kubeconfig: the pillar has no such tenant, or gives it no kubeconfig")
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
    return yaml.safe_dump(content, sort_keys=False)


def token_in(text: str | None) -> str:
    """Return the token of a kubeconfig that this module wrote, empty when there is none."""
    try:
        return yaml.safe_load(text or "")["users"][0]["user"]["token"]
    except (yaml.YAMLError, KeyError, TypeError, IndexError):
        return ""


def parse(token: str) -> Token | None:
    """Return what a token says of itself, None when it is no ServiceAccount's. The signature is not looked at."""
    try:
        body = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        uid = claims["kubernetes.io"]["serviceaccount"]["uid"]
        return Token(str(claims["sub"]), str(uid), int(claims["iat"]), int(claims["exp"]))
    except (IndexError, KeyError, TypeError, ValueError):
        return None


def reason(want: Wanted, account: Mapping[str, Any] | None, now: float) -> str:
    """Return why the file that lies there will not do, empty when it will. account: the live one, or None."""
    path = Path(want.path)
    if not path.exists():
        return "it is not there"
    if stat.S_IMODE(path.stat().st_mode) != MODE:
        return f"its mode is {stat.S_IMODE(path.stat().st_mode):04o}"
    text = path.read_text(encoding="utf-8", errors="replace")
    raw = token_in(text)
    token = parse(raw)
    if token is None or token.account != f"system:serviceaccount:{ACCOUNTS}:{want.tenant}":
        return "it is another one's"
    if account is None or account["metadata"]["uid"] != token.uid:
        return "its account is a new one"
    left, whole = token.expires - now, token.expires - token.issued
    if left <= 0:
        return "it has expired"
    if left < min(want.before_s, whole / RENEWED_SHARE):
        return "it expires soon"
    return "" if text == build(want, raw) else "its content is another"


def ask(kubectl: Kubectl, want: Wanted) -> str:
    """Return a new token of the tenant's account. It is in no argument, log or message."""
    words = ["create", "token", want.tenant, "--namespace", ACCOUNTS, f"--duration={want.valid_s}s"]
    return kubectl.run(*words, what=f"token of the tenant {want.tenant}").strip()


def expiry(path: str) -> str | None:
    """Return until when a kubeconfig is valid (UTC, as text), None when it is not there or not ours."""
    try:
        token = parse(token_in(Path(path).read_text(encoding="utf-8", errors="replace")))
    except OSError:
        return None
    return moment(token.expires) if token else None


def remaining(path: str, now: float) -> dict[str, Any]:
    """Return ``until`` and ``days_left`` (whole days) of a kubeconfig, both None when it is not there or not ours."""
    until = expiry(path)
    if until is None:
        return {"until": None, "days_left": None}
    left = datetime.strptime(until, FORMAT).replace(tzinfo=timezone.utc).timestamp() - now
    return {"until": until, "days_left": int(left // 86400)}


def moment(seconds_of_unix: float) -> str:
    """Return a time as text, in UTC."""
    return datetime.fromtimestamp(seconds_of_unix, timezone.utc).strftime(FORMAT)


def write(want: Wanted, token: str) -> None:
    """Write the kubeconfig, for root only, whole or not at all."""
    path = Path(want.path)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    files.write(path, build(want, token), MODE)
