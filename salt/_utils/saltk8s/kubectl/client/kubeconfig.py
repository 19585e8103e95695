"""Read and check a kubeconfig. Checked before kubectl runs: without a usable context kubectl talks to localhost."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import yaml
from saltk8s.base import errors, files

CREDENTIALS = (
    "token",
    "tokenFile",
    "client-certificate",
    "client-certificate-data",
    "username",
    "exec",
    "auth-provider",
)


class BadKubeconfig(errors.SaltK8sError):
    """A kubeconfig exists and is unusable: not readable, not YAML, without the context or what the context names."""

    code = "kubeconfig"


def check(path: str, context: str | None) -> None:
    """Raise BadKubeconfig unless a context (None: its current one) of the file leads to a server and a user.

    Messages quote nothing of the file but names: the rest of it is credentials.
    """
    found = _read(path)
    contexts, clusters, users = (_by_name(found, part) for part in ("contexts", "clusters", "users"))
    wanted = context or found.get("current-context")
    if not wanted:
        raise BadKubeconfig(f"the kubeconfig {path} has no current context: {_has('contexts', contexts)}")
    if wanted not in contexts:
        raise BadKubeconfig(f"the kubeconfig {path} has no context {wanted!r}: {_has('contexts', contexts)}")
    chosen = _part(contexts[wanted], "context")
    for part, named, known in (("cluster", chosen.get("cluster"), clusters), ("user", chosen.get("user"), users)):
        if named not in known and (part == "cluster" or named is not None):
            raise BadKubeconfig(
                f"the kubeconfig {path}: its context {wanted!r} names the {part} {named!r}, "
                f"which does not exist: {_has(f'{part}s', known)}"
            )
    server = _part(clusters[chosen["cluster"]], "cluster").get("server")
    if not server:
        raise BadKubeconfig(f"the kubeconfig {path}: its cluster {chosen['cluster']!r} has no server")
    user = _part(users.get(chosen.get("user")) or {}, "user")
    if str(server).startswith("https:") and not any(user.get(key) for key in CREDENTIALS):
        # kubectl would ask for a name and a password, and take the manifests on its standard input for them
        raise BadKubeconfig(f"the kubeconfig {path}: its user {chosen.get('user')!r} has no credentials")


class Endpoint(NamedTuple):
    """The API server of a kubeconfig's current context; certificate: the user's, as PEM, "" when it has none."""

    host: str
    port: int
    certificate: str


def endpoint(path: str) -> Endpoint:
    """Return the API server of the current context, and the user's certificate (no secret). Raises BadKubeconfig."""
    cluster, user = _current(path)
    server = urlsplit(cluster["server"])
    try:
        pem = base64.b64decode(user.get("client-certificate-data") or "", validate=True).decode("ascii")
        port = server.port or 443
    except (binascii.Error, UnicodeDecodeError, ValueError) as err:
        raise BadKubeconfig(f"the kubeconfig {path}: its server or its user's certificate is invalid") from err
    return Endpoint(server.hostname or "", port, pem)


def server(path: str) -> str:
    """Return the URL of the current context's API server. Raises BadKubeconfig."""
    return str(_current(path)[0]["server"]).rstrip("/")


def lead_to(path: str, url: str) -> None:
    """Make the current context lead to another API server of the same cluster. Raises BadKubeconfig."""
    check(path, None)
    found = dict(_read(path))
    context = _part(_by_name(found, "contexts")[found["current-context"]], "context")
    _by_name(found, "clusters")[context["cluster"]]["cluster"]["server"] = url
    files.write(path, yaml.safe_dump(found, sort_keys=False))


def certificate_authority(path: str) -> str:
    """Return the certificate authority of the current context's cluster, base64. Raises BadKubeconfig without one."""
    cluster, _ = _current(path)
    if cluster.get("certificate-authority-data"):
        return cluster["certificate-authority-data"]
    try:
        return base64.b64encode(Path(cluster["certificate-authority"]).read_bytes()).decode()
    except (OSError, KeyError, TypeError) as err:
        raise BadKubeconfig(f"the kubeconfig {path} has no certificate authority") from err


def _current(path: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return (cluster, user) of the current context of a file that check() accepts."""
    check(path, None)
    found = _read(path)
    context = _part(_by_name(found, "contexts")[found["current-context"]], "context")
    cluster = _part(_by_name(found, "clusters")[context["cluster"]], "cluster")
    return cluster, _part(_by_name(found, "users").get(context.get("user")) or {}, "user")


def _read(path: str) -> Mapping[str, Any]:
    try:
        with Path(path).open("rb") as file:
            found = yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except OSError as err:
        raise BadKubeconfig(f"the kubeconfig {path} cannot be read: {err.strerror}") from err
    except (yaml.YAMLError, ValueError) as err:
        mark = getattr(err, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark else ""
        raise BadKubeconfig(f"the kubeconfig {path} is not valid YAML{where}") from None  # the cause quotes the file
    if found is None:
        raise BadKubeconfig(f"the kubeconfig {path} is empty")
    if not isinstance(found, Mapping):
        raise BadKubeconfig(f"the kubeconfig {path} is not a kubeconfig: it has no contexts")
    return found


def _by_name(found: Mapping[str, Any], part: str) -> dict[Any, Any]:
    items = found.get(part) or []
    return {item.get("name"): item for item in items if isinstance(item, Mapping)} if isinstance(items, list) else {}


def _part(item: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    inner = item.get(name)
    return inner if isinstance(inner, Mapping) else {}


def _has(what: str, names: Mapping[Any, Any]) -> str:
    return f"its {what} are {', '.join(map(str, sorted(names, key=str)))}" if names else f"it has no {what}"
