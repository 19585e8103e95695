"""kubectl's standard error as typed errors. Texts of kubectl 1.28 to 1.33."""

from __future__ import annotations

import re
import signal

from saltk8s.base import errors
from saltk8s.kubectl.client import api_errors
from saltk8s.kubectl.client.kubeconfig import BadKubeconfig

MOST_LINES = 10  # of kubectl's own text in one error: several objects, and each may have its own

# why there is no answer; the first that matches
_NO_ANSWER = (
    (r"was refused|connection refused", "connection refused"),
    (
        r"i/o timeout|TLS handshake timeout|context deadline exceeded|Client\.Timeout exceeded|request canceled"
        r"|unable to return a response in the time allotted|EOF.*deadline",
        "timed out",
    ),
    (r"connection reset by peer|\bEOF\b|http2: client connection|use of closed network", "connection closed"),
    (r"no such host|server misbehaving", "no such host"),
    (r"no route to host|network is unreachable", "no route to host"),
    (r"\(ServiceUnavailable\)|currently unable to handle the request|apiserver not ready", "service unavailable"),
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
_DRY_RUN_UNSUPPORTED = re.compile(r"admission webhook \"(?P<webhook>[^\"]+)\" does not support dry run")
_TERMINATING = re.compile(r"in namespace (?P<namespace>\S+) because it is being terminated")
_CONFLICT = re.compile(r"Apply failed with \d+ conflicts?: (?P<rest>.*)", re.DOTALL)
_MANAGER = re.compile(r'conflicts? with "(?P<manager>[^"]+)"(?P<more>[^:\n]*):(?P<fields>(?: [^\n]+|(?:\n- [^\n]+)+))')
_INVALID = re.compile(r"is invalid:\s*(?P<rest>.*)", re.DOTALL)
_FIELD = re.compile(r"^\s*(?:\* )?(?:\[)?(?P<field>[a-zA-Z<][\w.\[\]\"/<>()-]*): (?P<reason>.+)$", re.MULTILINE)
_STRICT = re.compile(r"(?P<reason>unknown field|duplicate field) \"(?P<field>[^\"]+)\"")
_UNDECLARED = re.compile(r"(?P<field>\.\S+): (?P<reason>field not declared in schema|expected [^\n]+)")
_UNKNOWN_TYPE = re.compile(r"the server doesn't have a resource type \"(?P<kind>[^\"]+)\"")
_NO_MATCH = re.compile(r"no matches for kind \"(?P<kind>[^\"]+)\" in version \"(?P<version>[^\"]+)\"")
_REJECTED = re.compile(
    r"\((?:BadRequest|Invalid|UnprocessableEntity|RequestEntityTooLarge|MethodNotAllowed)\)"
    r"|failed to create typed patch|strict decoding error"
    r"|is forbidden: |error validating data|unable to decode"
)
_POLICY = re.compile(
    r"is forbidden: (?:exceeded quota|violates PodSecurity|maximum|minimum|unable to create new content|failed quota"
    r"|no PriorityClass)"
)
_THROTTLED = re.compile(r"\(TooManyRequests\)|too many requests")
_INTERNAL_ERROR = re.compile(r"\(InternalError\)|Internal error occurred|an error on the server|etcdserver: ")
_CONFIG = re.compile(
    r"error loading config file \"(?P<path>[^\"]+)\": (?:(?:open|read) \S+: )?(?P<reason>.*)"
    r"|(?P<other>unable to read (?:client-|certificate)[^\n]*|Error in configuration:[^\n]*)"
)
_LOG = re.compile(r"^[EWIF]\d{4} \d\d:")
_DISCOVERY = re.compile(r"couldn't get current server API group list: (?P<reason>.*)\"\s*$")
_CRASH = re.compile(r"^(?:panic|fatal error|runtime): (?P<reason>.*)|^goroutine \d+ \[|^\[signal SIG", re.MULTILINE)


def is_final(line: str) -> bool:
    """Return whether a line that kubectl prints while it runs means that it cannot succeed.

    Without an answer to its very first request kubectl repeats it four times: two minutes and a half of silence.
    """
    return _DISCOVERY.search(line) is not None


def translate(stderr: str, exit_status: int | None, what: str = "kubectl") -> errors.SaltK8sError:
    """Return the error that kubectl's standard error means; ``what`` starts its message (an object's title).

    exit_status: kubectl's, below zero the signal that killed it.
    """
    text = clean(stderr)
    crash = _CRASH.search(stderr)
    if crash:
        return api_errors.Killed(f"{what}: kubectl crashed: {crash['reason'] or 'no reason given, only a stack trace'}")
    if not text and exit_status is not None and exit_status < 0:
        return api_errors.Killed(f"{what}: kubectl was killed by signal {-exit_status} ({_signal(-exit_status)})")
    # an admission webhook's answer may contain any words, those of the other errors too: it comes before them
    for recognise in (_kubeconfig, _webhook, _conflict, _unknown_kind, _invalid, _answered, _server, _unanswered):
        found = recognise(text, what)
        if found:
            return found
    if re.search(r"timed out waiting|\(Timeout\)", text):
        return errors.CommandTimeout(f"{what}: {_shown(text)}", exit_status)
    return errors.CommandError(f"{what}: {_shown(text) or 'kubectl failed without a message'}", exit_status)


def clean(stderr: str) -> str:
    """Return kubectl's text without warnings, log lines, advice and repeated lines."""
    kept: list[str] = []
    for line in stderr.splitlines():
        if line.startswith("Please review the fields above"):
            break
        found = _DISCOVERY.search(line)
        if found:  # the text of its last line, which it has no time to print when it is killed
            return found["reason"].replace('\\"', '"')
        if line.startswith("Warning:") or _LOG.match(line):
            continue
        line = line.removeprefix("error: ").removeprefix("Error from server: ")
        if line not in kept or not line.strip():
            kept.append(line)
    return "\n".join(kept).strip()


def _shown(text: str) -> str:
    """Return kubectl's text without its prefixes, shortened to MOST_LINES lines."""
    text = re.sub(r"^Error from server \(\w+\): (?:error when \w+ \"STDIN\": )?", "", text, flags=re.MULTILINE)
    lines = list(dict.fromkeys(text.splitlines()))
    more = [f"and {len(lines) - MOST_LINES} lines more"] if len(lines) > MOST_LINES else []
    return "\n".join([*lines[:MOST_LINES], *more])


def _signal(number: int) -> str:
    name = signal.Signals(number).name if number in set(signal.Signals) else "unknown"
    return f"{name}: out of memory?" if number == signal.SIGKILL else name


def _kubeconfig(text: str, what: str) -> BadKubeconfig | None:
    found = _CONFIG.search(text)
    if not found:
        return None
    if found["other"]:
        return BadKubeconfig(f"{what}: the kubeconfig is unusable: {found['other']}")
    return BadKubeconfig(f"the kubeconfig {found['path']} cannot be read: {found['reason']}")


def _webhook(text: str, what: str) -> errors.SaltK8sError | None:
    failed = _WEBHOOK.search(text)
    if failed:
        return api_errors.WebhookFailed(
            f"{what}: the API server cannot call the admission webhook {failed['webhook']!r} "
            f"and rejects the request: {failed['reason']}",
            failed["webhook"],
        )
    without = _DRY_RUN_UNSUPPORTED.search(text)
    if without:
        reason = "does not support dry runs (sideEffects in its configuration): nothing can be checked before writing"
        message = f"{what}: the admission webhook {without['webhook']!r} {reason}"
        return api_errors.Denied(message, without["webhook"], reason)
    denied = _DENIED.search(text)
    if not denied:
        return None
    # each of several objects repeats the sentence: one reason is enough, DryRun.rejected() asks for the others
    reason = re.split(r"\n.*admission webhook \"", denied["reason"] or "")[0].strip() or "no reason given"
    message = f"{what}: the admission webhook {denied['webhook']!r} denied the request: {reason}"
    return api_errors.Denied(message, denied["webhook"], reason)


def _answered(text: str, what: str) -> errors.SaltK8sError | None:
    """The answers of an API server that works."""
    if re.search(r"\(NotFound\)|could not find the requested resource", text):
        return api_errors.NotFound(f"{what}: {_shown(text)}")
    terminating = _TERMINATING.search(text)
    if terminating:
        return api_errors.terminating(terminating["namespace"])
    if _UNTRUSTED.search(text):
        return api_errors.Untrusted(
            f"{what}: the API server's certificate is not trusted by the kubeconfig: {_first_line(text)}"
        )
    # quotas and admission say "forbidden" too, but not because of the user
    if _UNAUTHORIZED.search(text) and not _POLICY.search(text):
        why = "unauthorized: credentials are invalid or expired" if _CREDENTIALS.search(text) else "forbidden"
        return errors.Unauthorized(f"{what}: {why}: {_shown(text)}")
    if _REJECTED.search(text):
        return errors.Invalid(f"{what}: {_shown(text)}", reason=_shown(text))
    return None


def _server(text: str, what: str) -> errors.SaltK8sError | None:
    """Errors of an API server that fails, or of a proxy that answers instead."""
    if _THROTTLED.search(text) and "disruption budget" not in text:
        return api_errors.Overloaded(f"{what}: throttled by the API server: {_shown(text)}")
    if "client rate limiter Wait" in text and "previous attempt" not in text:
        # kubectl waits as long as the API server's Retry-After says, and forgets why
        return api_errors.Overloaded(f"{what}: throttled by the API server until the timeout")
    if _UNREADABLE.search(text):
        return api_errors.Unreadable(f"{what}: the response is not an API server's, or incomplete: {_shown(text)}")
    if _INTERNAL_ERROR.search(text):
        return api_errors.ServerFailed(f"{what}: internal error of the API server: {_shown(text)}")
    return None


def _unanswered(text: str, what: str) -> errors.Unreachable | None:
    for pattern, why in _NO_ANSWER:
        if re.search(pattern, text):
            return errors.Unreachable(f"{what}: the API server does not answer: {why} ({_first_line(text)})")
    return None


def _first_line(text: str) -> str:
    """Return the first line of kubectl's text without what our message says already and the address's query."""
    line = _shown(text).splitlines()[0].removeprefix("Unable to connect to the server: ")
    line = re.sub(r"[?&]timeout=\w+", "", line)
    return line.removesuffix(" - did you specify the right host or port?")


def conflicts(text: str) -> list[tuple[str, list[str]]]:
    """Return who owns what in a conflict: ``[(manager, [field, ...]), ...]``."""
    found = []
    for match in _MANAGER.finditer(text):
        fields = [part.strip().removeprefix("- ") for part in match["fields"].strip().splitlines()]
        found.append((match["manager"], fields))
    return found


def _conflict(text: str, what: str) -> errors.Conflict | None:
    if not _CONFLICT.search(text):
        return None
    owners = conflicts(text)
    shown = "; ".join(f"{manager!r} owns {', '.join(fields)}" for manager, fields in owners) or text
    advice = "leave these fields out, or set force_conflicts to take them over"
    message = f"{what}: conflict: another field manager {shown}: {advice}"
    return errors.Conflict(message, owners[0][0] if owners else "")


def _unknown_kind(text: str, what: str) -> api_errors.UnknownKind | None:
    found = _UNKNOWN_TYPE.search(text) or _NO_MATCH.search(text)
    if not found:
        return None
    version = found.groupdict().get("version")
    shown = f"{found['kind']} ({version})" if version else found["kind"]
    message = f"{what}: the API server does not know the kind {shown}: is its definition installed?"
    return api_errors.UnknownKind(message, found["kind"])


def _invalid(text: str, what: str) -> errors.Invalid | None:
    for pattern, whole in ((_INVALID, True), (_STRICT, False), (_UNDECLARED, False)):
        found = pattern.search(text)
        if not found:
            continue
        detail = _FIELD.search(found["rest"]) if whole else found
        field = detail["field"].lstrip(".") if detail else ""
        reason = detail["reason"].strip().rstrip("]") if detail else text
        return errors.Invalid(f"{what}: {field + ': ' if field else ''}{reason}", field, reason)
    return None
