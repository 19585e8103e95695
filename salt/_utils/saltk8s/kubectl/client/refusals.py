"""What kubectl says on its standard error, as our errors. Texts of kubectl 1.28 to 1.33."""

from __future__ import annotations

import re
import signal
from collections.abc import Mapping, Sequence
from typing import Any

from saltk8s.base import errors
from saltk8s.kubectl.client.kubeconfig import BadKubeconfig


class NotFound(errors.CommandError):
    """The API server answers, and says that the thing is not there."""

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
    """An admission webhook refuses an object; ``webhook`` names it, ``reason`` is what it says."""

    def __init__(self, message: str, webhook: str, reason: str):
        self.webhook = webhook
        super().__init__(message, "", reason)

    def details(self) -> dict[str, Any]:
        """Return the code, the field (none), the reason and the webhook."""
        return super().details() | {"webhook": self.webhook}


class WebhookFailed(errors.CommandError):
    """An admission webhook did not do its work, so the API server refuses; ``webhook`` names it."""

    code = "webhook"

    def __init__(self, message: str, webhook: str):
        self.webhook = webhook
        super().__init__(message)

    def details(self) -> dict[str, Any]:
        """Return the code and the webhook."""
        return super().details() | {"webhook": self.webhook}


class Terminating(errors.SaltK8sError):
    """A namespace is being deleted, so nothing can be created in it; ``namespace`` names it."""

    code = "terminating"

    def __init__(self, message: str, namespace: str):
        self.namespace = namespace
        super().__init__(message)

    def details(self) -> dict[str, Any]:
        """Return the code and the namespace."""
        return super().details() | {"namespace": self.namespace}


class Overloaded(errors.CommandError):
    """The API server answers, and says that it has too much to do."""

    code = "overloaded"


class ServerFailed(errors.CommandError):
    """The API server answers, and says that it cannot do its work (its etcd, for one)."""

    code = "server"


class Killed(errors.CommandError):
    """kubectl itself was ended, or broke down, before it was done."""

    code = "killed"


class Unreadable(errors.CommandError):
    """Something answers, but not as an API server does: a proxy's login page, half an answer."""

    code = "unreadable"


class Untrusted(errors.Unauthorized):
    """We do not trust the API server: its certificate is not of the kubeconfig's certificate authority, or is over."""

    code = "untrusted"


# Not about one object of several: asking for each of them again would only give the same answer again.
GENERAL = (
    errors.Unreachable,
    errors.Unauthorized,
    errors.CommandTimeout,
    errors.MissingProgram,
    Terminating,
    Overloaded,
    ServerFailed,
    Unreadable,
    Killed,
    WebhookFailed,
    BadKubeconfig,
)

MOST_LINES = 10  # of kubectl's own words in one error: several objects, and each may have its own

# why there is no answer, in plain words; the first that matches
_NO_ANSWER = (
    (r"was refused|connection refused", "the connection is refused"),
    (
        r"i/o timeout|TLS handshake timeout|context deadline exceeded|Client\.Timeout exceeded|request canceled"
        r"|unable to return a response in the time allotted|EOF.*deadline",
        "no answer in time",
    ),
    (r"connection reset by peer|\bEOF\b|http2: client connection|use of closed network", "the connection breaks off"),
    (r"no such host|server misbehaving", "its name is not known"),
    (r"no route to host|network is unreachable", "there is no way to it"),
    (r"\(ServiceUnavailable\)|currently unable to handle the request|apiserver not ready", "it is not available"),
    (r"Unable to connect to the server|connection to the server", "no connection"),
)
_UNTRUSTED = re.compile(r"tls: failed to verify|x509: ")
_UNAUTHORIZED = re.compile(
    r"\(Unauthorized\)|\(Forbidden\)|You must be logged in|provide credentials|is forbidden: User"
    r"|remote error: tls: (?:bad|expired|unknown) certificate"
)
_CREDENTIALS = re.compile(r"\(Unauthorized\)|provide credentials|You must be logged in|remote error: tls")
_UNREADABLE = re.compile(
    r"invalid character .* looking for|unexpected end of JSON input|converting \(v1\.List\)"
    r"|serializer for text/html|couldn't get version/kind; json parse error"
)
_DENIED = re.compile(r"admission webhook \"(?P<webhook>[^\"]+)\" denied the request(?:: (?P<reason>.*))?", re.DOTALL)
_WEBHOOK = re.compile(r"failed calling webhook \"(?P<webhook>[^\"]+)\": (?P<reason>[^\n]*)")
_NO_DRY_RUN = re.compile(r"admission webhook \"(?P<webhook>[^\"]+)\" does not support dry run")
_TERMINATING = re.compile(r"in namespace (?P<namespace>\S+) because it is being terminated")
_CONFLICT = re.compile(r"Apply failed with \d+ conflicts?: (?P<rest>.*)", re.DOTALL)
_MANAGER = re.compile(r'conflicts? with "(?P<manager>[^"]+)"(?P<more>[^:\n]*):(?P<fields>(?: [^\n]+|(?:\n- [^\n]+)+))')
_INVALID = re.compile(r"is invalid:\s*(?P<rest>.*)", re.DOTALL)
_FIELD = re.compile(r"^\s*(?:\* )?(?:\[)?(?P<field>[a-zA-Z<][\w.\[\]\"/<>()-]*): (?P<reason>.+)$", re.MULTILINE)
_STRICT = re.compile(r"(?P<reason>unknown field|duplicate field) \"(?P<field>[^\"]+)\"")
_UNDECLARED = re.compile(r"(?P<field>\.\S+): (?P<reason>field not declared in schema|expected [^\n]+)")
_UNKNOWN_TYPE = re.compile(r"the server doesn't have a resource type \"(?P<kind>[^\"]+)\"")
_NO_MATCH = re.compile(r"no matches for kind \"(?P<kind>[^\"]+)\" in version \"(?P<version>[^\"]+)\"")
_REFUSED = re.compile(
    r"\((?:BadRequest|Invalid|UnprocessableEntity|RequestEntityTooLarge|MethodNotAllowed)\)"
    r"|failed to create typed patch|strict decoding error"
    r"|is forbidden: |error validating data|unable to decode"
)
_REFUSED_BY_QUOTA = re.compile(
    r"is forbidden: (?:exceeded quota|violates PodSecurity|maximum|minimum|unable to create new content|failed quota"
    r"|no PriorityClass)"
)
_TOO_MUCH = re.compile(r"\(TooManyRequests\)|too many requests")
_SERVERS_FAULT = re.compile(r"\(InternalError\)|Internal error occurred|an error on the server|etcdserver: ")
_CONFIG = re.compile(
    r"error loading config file \"(?P<path>[^\"]+)\": (?:(?:open|read) \S+: )?(?P<said>.*)"
    r"|(?P<other>unable to read (?:client-|certificate)[^\n]*|Error in configuration:[^\n]*)"
)
_LOG = re.compile(r"^[EWIF]\d{4} \d\d:")
_DISCOVERY = re.compile(r"couldn't get current server API group list: (?P<said>.*)\"\s*$")
_GO = re.compile(r"^(?:panic|fatal error|runtime): (?P<said>.*)|^goroutine \d+ \[|^\[signal SIG", re.MULTILINE)


def hopeless(line: str) -> bool:
    """Return whether a line that kubectl prints while it runs means that it will come to nothing.

    Without an answer to its very first question kubectl asks it four more times: two minutes and a half of silence.
    """
    return _DISCOVERY.search(line) is not None


def translate(stderr: str, exit_status: int | None, what: str = "kubectl") -> errors.SaltK8sError:
    """Return the error that kubectl's standard error means; ``what`` starts its message (an object's title).

    exit_status: kubectl's, below zero the signal that killed it.
    """
    said = clean(stderr)
    crash = _GO.search(stderr)
    if crash:
        return Killed(f"{what}: kubectl broke down: {crash['said'] or 'it printed where in its program, and not why'}")
    if not said and exit_status is not None and exit_status < 0:
        return Killed(f"{what}: kubectl was ended from outside, by signal {-exit_status} ({_signal(-exit_status)})")
    # an admission webhook's answer may hold any words, those of the other sorts too
    for look in (_kubeconfig, _webhook, _conflict, _unknown, _invalid, _answered, _server, _unanswered):
        found = look(said, what)
        if found:
            return found
    if re.search(r"timed out waiting|\(Timeout\)", said):
        return errors.CommandTimeout(f"{what}: {_shown(said)}", exit_status)
    return errors.CommandError(f"{what}: {_shown(said) or 'kubectl failed and said nothing'}", exit_status)


def clean(stderr: str) -> str:
    """Return what kubectl said without its warnings, its log lines, its advice, and what it says twice."""
    kept: list[str] = []
    for line in stderr.splitlines():
        if line.startswith("Please review the fields above"):
            break
        found = _DISCOVERY.search(line)
        if found:  # the same text as that of its last line, which it has no time to say when we end it
            return found["said"].replace('\\"', '"')
        if line.startswith("Warning:") or _LOG.match(line):
            continue
        line = line.removeprefix("error: ").removeprefix("Error from server: ")
        if line not in kept or not line.strip():
            kept.append(line)
    return "\n".join(kept).strip()


def terminating(namespace: str, obj: Mapping[str, Any] | None = None) -> Terminating:
    """Return the error of a namespace that is being deleted.

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
    return Terminating("; ".join(lines), namespace)


def joined(found: Sequence[errors.SaltK8sError]) -> errors.SaltK8sError | None:
    """Return one error for those of several objects, a line each; its details are those of the first."""
    if len(found) < 2:
        return found[0] if found else None
    whole, first = "\n".join(str(err) for err in found), found[0]
    if all(isinstance(err, errors.Conflict) for err in found):
        return errors.Conflict(whole, first.manager)
    if all(isinstance(err, Denied) for err in found):
        return Denied(whole, first.webhook, first.reason)
    return errors.Invalid(whole, getattr(first, "field", ""), getattr(first, "reason", ""))


def about(titles: str, err: errors.SaltK8sError) -> errors.SaltK8sError:
    """Return an error of objects that could not be asked about one by one, with their titles."""
    err.args = (f"{titles}: {str(err).removeprefix('kubectl: ')}",)
    return err


def _shown(said: str) -> str:
    """Return kubectl's words without the names it gives to sorts of errors, the first lines of them."""
    lines = re.sub(r"^Error from server \(\w+\): (?:error when \w+ \"STDIN\": )?", "", said, flags=re.MULTILINE)
    lines = list(dict.fromkeys(lines.splitlines()))
    more = [f"and {len(lines) - MOST_LINES} lines more"] if len(lines) > MOST_LINES else []
    return "\n".join([*lines[:MOST_LINES], *more])


def _signal(number: int) -> str:
    name = signal.Signals(number).name if number in set(signal.Signals) else "unknown"
    return f"{name}: does the machine lack memory?" if number == signal.SIGKILL else name


def _kubeconfig(said: str, what: str) -> BadKubeconfig | None:
    found = _CONFIG.search(said)
    if not found:
        return None
    if found["other"]:
        return BadKubeconfig(f"{what}: the kubeconfig is of no use: {found['other']}")
    return BadKubeconfig(f"the kubeconfig {found['path']} cannot be read: {found['said']}")


def _webhook(said: str, what: str) -> errors.SaltK8sError | None:
    failed = _WEBHOOK.search(said)
    if failed:
        return WebhookFailed(
            f"{what}: the API server cannot ask the admission webhook {failed['webhook']!r}, "
            f"and refuses without it: {failed['reason']}",
            failed["webhook"],
        )
    without = _NO_DRY_RUN.search(said)
    if without:
        reason = "does not support dry runs (its configuration's sideEffects), so nothing can be tried before"
        return Denied(f"{what}: the admission webhook {without['webhook']!r} {reason}", without["webhook"], reason)
    denied = _DENIED.search(said)
    if not denied:
        return None
    # each of several objects repeats the sentence: one reason is enough, attributed() asks for the others
    reason = re.split(r"\n.*admission webhook \"", denied["reason"] or "")[0].strip() or "it says no reason"
    return Denied(f"{what}: the admission webhook {denied['webhook']!r} refuses: {reason}", denied["webhook"], reason)


def _answered(said: str, what: str) -> errors.SaltK8sError | None:
    """What an API server that does its work answers."""
    if re.search(r"\(NotFound\)|could not find the requested resource", said):
        return NotFound(f"{what}: {_shown(said)}")
    gone = _TERMINATING.search(said)
    if gone:
        return terminating(gone["namespace"])
    if _UNTRUSTED.search(said):
        return Untrusted(f"{what}: the API server's certificate is not one that the kubeconfig trusts: {_bare(said)}")
    # quotas and admission say "forbidden" too, but not because of who we are
    if _UNAUTHORIZED.search(said) and not _REFUSED_BY_QUOTA.search(said):
        why = "our credentials are wrong, or their time is over: " if _CREDENTIALS.search(said) else ""
        return errors.Unauthorized(f"{what}: the API server refuses us: {why}{_shown(said)}")
    if _REFUSED.search(said):
        return errors.Invalid(f"{what}: {_shown(said)}", reason=_shown(said))
    return None


def _server(said: str, what: str) -> errors.SaltK8sError | None:
    """What an API server that does not do its work answers, or something in its place."""
    if _TOO_MUCH.search(said) and "disruption budget" not in said:
        return Overloaded(f"{what}: the API server has too much to do: {_shown(said)}")
    if "client rate limiter Wait" in said and "previous attempt" not in said:
        # kubectl waits as long as the API server's Retry-After says, and forgets why
        return Overloaded(f"{what}: the API server has too much to do: it put us off until our time was over")
    if _UNREADABLE.search(said):
        return Unreadable(f"{what}: what answers is no API server, or breaks off: {_shown(said)}")
    if _SERVERS_FAULT.search(said):
        return ServerFailed(f"{what}: the API server fails: {_shown(said)}")
    return None


def _unanswered(said: str, what: str) -> errors.Unreachable | None:
    for pattern, why in _NO_ANSWER:
        if re.search(pattern, said):
            return errors.Unreachable(f"{what}: the API server does not answer: {why} ({_bare(said)})")
    return None


def _bare(said: str) -> str:
    """Return the first line of kubectl's words without what we say better, and without the address's query."""
    line = _shown(said).splitlines()[0].removeprefix("Unable to connect to the server: ")
    line = re.sub(r"[?&]timeout=\w+", "", line)
    return line.removesuffix(" - did you specify the right host or port?")


def conflicts(said: str) -> list[tuple[str, list[str]]]:
    """Return who owns what in a conflict: ``[(manager, [field, ...]), ...]``."""
    found = []
    for match in _MANAGER.finditer(said):
        fields = [part.strip().removeprefix("- ") for part in match["fields"].strip().splitlines()]
        found.append((match["manager"], fields))
    return found


def _conflict(said: str, what: str) -> errors.Conflict | None:
    if not _CONFLICT.search(said):
        return None
    owners = conflicts(said)
    shown = "; ".join(f"{manager!r} owns {', '.join(fields)}" for manager, fields in owners) or said
    advice = "leave these fields out, or set force_conflicts to take them over"
    return errors.Conflict(f"{what}: another field manager {shown}: {advice}", owners[0][0] if owners else "")


def _unknown(said: str, what: str) -> UnknownKind | None:
    found = _UNKNOWN_TYPE.search(said) or _NO_MATCH.search(said)
    if not found:
        return None
    version = found.groupdict().get("version")
    shown = f"{found['kind']} ({version})" if version else found["kind"]
    return UnknownKind(
        f"{what}: the API server does not know the kind {shown}: is its definition installed?", found["kind"]
    )


def _invalid(said: str, what: str) -> errors.Invalid | None:
    for pattern, whole in ((_INVALID, True), (_STRICT, False), (_UNDECLARED, False)):
        found = pattern.search(said)
        if not found:
            continue
        detail = _FIELD.search(found["rest"]) if whole else found
        field = detail["field"].lstrip(".") if detail else ""
        reason = detail["reason"].strip().rstrip("]") if detail else said
        return errors.Invalid(f"{what}: {field + ': ' if field else ''}{reason}", field, reason)
    return None
