"""What an API server and kubectl can answer besides success, as types; ``stderr.py`` recognises them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from saltk8s.base import errors
from saltk8s.kubectl.client.kubeconfig import BadKubeconfig


class NotFound(errors.CommandError):
    """The API server answers that the object does not exist."""

    code = "not found"


class UnknownKind(errors.CommandError):
    """The API server does not serve a kind; ``kind`` is its name without group."""

    code = "unknown kind"

    def __init__(self, message: str, kind: str):
        self.kind = kind
        super().__init__(message)

    def details(self) -> dict[str, Any]:
        """Return the code and the kind."""
        return super().details() | {"kind": self.kind}


class Denied(errors.Invalid):
    """An admission webhook denied the request; ``webhook`` names it, ``reason`` is its answer."""

    def __init__(self, message: str, webhook: str, reason: str):
        self.webhook = webhook
        super().__init__(message, "", reason, "admission")

    def details(self) -> dict[str, Any]:
        """Return the code, the field (none), the reason and the webhook."""
        return super().details() | {"webhook": self.webhook}


class WebhookFailed(errors.CommandError):
    """The API server cannot call an admission webhook, so it rejects the request; ``webhook`` names it."""

    code = "webhook"

    def __init__(self, message: str, webhook: str):
        self.webhook = webhook
        super().__init__(message)

    def details(self) -> dict[str, Any]:
        """Return the code and the webhook."""
        return super().details() | {"webhook": self.webhook}


class Terminating(errors.SaltK8sError):
    """A namespace is being deleted, so nothing can be created in it.

    reason: since when, and what it waits for; namespace: its name; what: the titles of what cannot be created.
    """

    code = "terminating"

    def __init__(self, reason: str, namespace: str, what: str = "kubectl"):
        self.reason = reason
        self.namespace = namespace
        super().__init__(f"{what}: {reason}")

    def details(self) -> dict[str, Any]:
        """Return the code and the namespace."""
        return super().details() | {"namespace": self.namespace}


class Overloaded(errors.CommandError):
    """The API server throttles requests."""

    code = "overloaded"


class ServerFailed(errors.CommandError):
    """The API server answers with an internal error (of its etcd, for one)."""

    code = "server"


class Killed(errors.CommandError):
    """kubectl was killed, or crashed."""

    code = "killed"


class Unreadable(errors.CommandError):
    """The answer is not one of an API server, or incomplete: a proxy's login page, a broken connection."""

    code = "unreadable"


class Forbidden(errors.Unauthorized):
    """The user has no permission for the request."""

    code = "forbidden"


class Untrusted(errors.Unauthorized):
    """The API server's certificate is not signed by the kubeconfig's certificate authority, or has expired."""

    code = "untrusted"


# Not about one object of several: a request for each of them would only get the same answer again.
NOT_ABOUT_AN_OBJECT = (
    errors.Unreachable,
    errors.Unauthorized,
    errors.CommandTimeout,
    errors.MissingProgram,
    Overloaded,
    ServerFailed,
    Unreadable,
    Killed,
    WebhookFailed,
    BadKubeconfig,
)

# May be over in a moment: who waits anyway asks again.
TRANSIENT = (errors.Unreachable, errors.CommandTimeout, Overloaded, ServerFailed, Unreadable, Killed)


def terminating(namespace: str, obj: Mapping[str, Any] | None = None, what: str = "kubectl") -> Terminating:
    """Return the error of a namespace that is being deleted; what: the title of what cannot be created in it.

    obj: the Namespace as the API server gives it: since when, and what it waits for.
    """
    obj = obj or {}
    meta, status = obj.get("metadata") or {}, obj.get("status") or {}
    since = f" since {meta['deletionTimestamp']}" if meta.get("deletionTimestamp") else ""
    waits = [*(meta.get("finalizers") or []), *((obj.get("spec") or {}).get("finalizers") or [])]
    lines = [f"the namespace {namespace} is being deleted{since}: nothing can be created in it until it is gone"]
    lines += [f"it waits for its finalizers {', '.join(waits)}"] if waits else []
    lines += [
        f"{item.get('type')}: {item.get('message')}"
        for item in status.get("conditions") or []
        if item.get("status") == "True"
    ]
    return Terminating("; ".join(lines), namespace, what)


def combined(found: Sequence[errors.SaltK8sError]) -> errors.SaltK8sError | None:
    """Return one error for those of several objects, a line each; its details are those of the first."""
    if len(found) < 2:
        return found[0] if found else None
    message, first = "\n".join(str(err) for err in found), found[0]
    same_type = all(isinstance(err, type(first)) for err in found)
    if isinstance(first, errors.Conflict) and same_type:
        return errors.Conflict(message, first.manager)
    if isinstance(first, Denied) and same_type:
        return Denied(message, first.webhook, first.reason)
    if isinstance(first, Terminating) and same_type:
        first.args = (message,)
        return first
    by = getattr(first, "by", "") if same_type else ""
    return errors.Invalid(message, getattr(first, "field", ""), getattr(first, "reason", ""), by)


def with_titles(err: errors.SaltK8sError, titles: str) -> errors.SaltK8sError:
    """Return an error with the titles of the objects that it may be about."""
    err.args = (f"{titles}: {str(err).removeprefix('kubectl: ')}",)
    return err
