"""kubectl's standard error as typed errors. Texts of kubectl 1.28 to 1.33."""

from __future__ import annotations

import re
import signal

from saltk8s.base import errors
from saltk8s.kubectl.client import answers, api_errors
from saltk8s.kubectl.client.kubeconfig import BadKubeconfig

# why there is no answer; the first that matches
_NO_ANSWER = (
    (r"was refused|connection refused", "connection refused"),
    (
        r"i/o timeout|TLS handshake timeout|context deadline exceeded|Client\.Timeout exceeded|request canceled"
        r"|EOF.*deadline",
        "timed out",
    ),
    (r"connection reset by peer|\bEOF\b|http2: client connection|use of closed network", "connection closed"),
    (r"no such host|server misbehaving", "no such host"),
    (r"no route to host|network is unreachable", "no route to host"),
    (r"currently unable to handle the request|apiserver not ready", "service unavailable"),
    (r"Unable to connect to the server|connection to the server", "no connection"),
)
_NOT_SENT = ("connection refused", "no such host", "no route to host")
_UNTRUSTED = re.compile(r"tls: failed to verify|x509: ")
_CREDENTIALS = re.compile(
    r"You must be logged in|provide credentials|remote error: tls: (?:bad|expired|unknown) certificate"
)
_UNREADABLE = re.compile(
    r"invalid character .* looking for|unexpected end of JSON input|converting \(v1\.List\)"
    r"|serializer for text/html|couldn't get version/kind; json parse error"
)
_CONFLICT = re.compile(r"Apply failed with \d+ conflicts?: ")
_MANAGER = re.compile(r'conflicts? with "(?P<manager>[^"]+)"(?P<more>[^:\n]*):(?P<fields>(?: [^\n]+|(?:\n- [^\n]+)+))')
_FIELD = re.compile(r"^\s*(?:\* )?(?:\[)?(?P<field>[a-zA-Z<][\w.\[\]\"/<>()-]*): (?P<reason>.+)$", re.MULTILINE)
_SCHEMA = re.compile(
    r"(?:failed to create typed patch|.*cannot be handled as a |.*strict decoding error|error validating data"
    r"|.*unable to decode|error parsing )"
)
_STRICT = re.compile(r"(?P<reason>unknown field|duplicate field) \"(?P<field>[^\"]+)\"")
_UNDECLARED = re.compile(r"(?P<field>\.\S+): (?P<reason>field not declared in schema|expected [^\n]+)")
_UNKNOWN_TYPE = re.compile(r"the server doesn't have a resource type \"(?P<kind>[^\"]+)\"")
_NO_MATCH = re.compile(r"no matches for kind \"(?P<kind>[^\"]+)\" in version \"(?P<version>[^\"]+)\"")
_TOO_LARGE = re.compile(r"etcdserver: request is too large|rpc error: code = ResourceExhausted")
_NODE_PORT_TWICE = re.compile(r"duplicate nodePort: ")
_CONFIG = re.compile(
    r"error loading config file \"(?P<path>[^\"]+)\": (?:(?:open|read) \S+: )?(?P<reason>.*)"
    r"|(?P<other>unable to read (?:client-|certificate)[^\n]*|Error in configuration:[^\n]*)"
)
_LOG = re.compile(r"^[EWIF]\d{4} \d\d:")
_DISCOVERY = re.compile(r"^E\d{4} .*couldn't get current server API group list: (?P<reason>.*)\"\s*$")
_CRASH = re.compile(r"^(?:panic|fatal error|runtime): (?P<reason>.*)|^goroutine \d+ \[|^\[signal SIG", re.MULTILINE)
_INVALID_REASONS = (
    "BadRequest",
    "Invalid",
    "UnprocessableEntity",
    "RequestEntityTooLarge",
    "MethodNotAllowed",
)


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
    answer = answers.first(text)
    found = _answered(answer, what) if answer else _unanswered(text, stderr, exit_status, what)
    if found:
        return found
    return errors.CommandError(f"{what}: {answers.shown(text) or 'kubectl failed without a message'}", exit_status)


def clean(stderr: str) -> str:
    """Return kubectl's text without warnings, log lines, advice and repeated lines."""
    kept: list[str] = []
    for line in stderr.splitlines():
        if line.startswith("Please review the fields above"):
            break
        found = None if kept else _DISCOVERY.search(line)
        if found:  # the text of its last line, which it has no time to print when it is killed
            return found["reason"].replace('\\"', '"')
        if line.startswith("Warning:") or _LOG.match(line):
            continue
        line = line.removeprefix("error: ")
        if line not in kept or not line.strip():
            kept.append(line)
    return "\n".join(kept).strip()


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


def _answered(answer: answers.Answer, what: str) -> errors.SaltK8sError | None:
    """The API server's answers: its own words first, then its reason."""
    reason, message, shown = answer.reason, answer.message, answers.shown(answer.message)
    found = answers.admission(answer, what) or _conflict(message, what) or _unknown_kind(message, what)
    found = found or _invalid(answer, what)
    if found:
        return found
    if _TOO_LARGE.match(message):
        return errors.Invalid(f"{what}: {shown}", reason=shown, by="validation")
    if _NODE_PORT_TWICE.match(message):
        return errors.Invalid(f"{what}: spec.ports: {shown}", "spec.ports", shown, "validation")
    if reason == "Unauthorized":
        return errors.Unauthorized(f"{what}: unauthorized: credentials are invalid or expired: {shown}")
    if reason == "Forbidden":
        return api_errors.Forbidden(f"{what}: forbidden: {shown}")
    if reason == "NotFound":
        return api_errors.NotFound(f"{what}: {shown}")
    if reason == "TooManyRequests" and "disruption budget" not in message:
        if "storage is (re)initializing" in message:  # for a moment, or as long as it cannot convert what is stored
            shown += f". If that stays, a conversion webhook cannot be called: {answers.without_conversion('GROUP')}"
        return api_errors.Overloaded(f"{what}: throttled by the API server: {shown}")
    if reason == "ServiceUnavailable":
        return _no_answer("service unavailable", message, what)
    if reason in ("Timeout", "ServerTimeout"):
        return _no_answer("timed out", message, what)
    if reason == "InternalError" or message.startswith("etcdserver: "):
        return api_errors.ServerFailed(f"{what}: internal error of the API server: {shown}")
    return None


def _unanswered(text: str, stderr: str, exit_status: int | None, what: str) -> errors.SaltK8sError | None:
    """What kubectl itself says: it crashed, has no kubeconfig, no connection, or an answer that it cannot read."""
    crash = _CRASH.search(stderr)
    if crash:
        return api_errors.Killed(f"{what}: kubectl crashed: {crash['reason'] or 'no reason given, only a stack trace'}")
    if not text and exit_status is not None and exit_status < 0:
        return api_errors.Killed(f"{what}: kubectl was killed by signal {-exit_status} ({_signal(-exit_status)})")
    own = answers.Answer("", text)
    found = _kubeconfig(text, what) or _conflict(text, what) or _unknown_kind(text, what) or _invalid(own, what)
    if found:
        return found
    if "could not find the requested resource" in text:
        return api_errors.NotFound(f"{what}: {answers.shown(text)}")
    if _UNTRUSTED.search(text):
        return api_errors.Untrusted(
            f"{what}: the API server's certificate is not trusted by the kubeconfig: {_first_line(text)}"
        )
    if _CREDENTIALS.search(text):
        return errors.Unauthorized(f"{what}: unauthorized: credentials are invalid or expired: {answers.shown(text)}")
    if re.fullmatch(r"(?:unable to recognize \"STDIN\": )?unknown", text):  # a 403 without a reason, by discovery
        return api_errors.Forbidden(f"{what}: forbidden: the user may not even ask which kinds there are (/api)")
    if "client rate limiter Wait" in text and "previous attempt" not in text:
        # kubectl waits as long as the API server's Retry-After says, and forgets why
        return api_errors.Overloaded(f"{what}: throttled by the API server until the timeout")
    if _UNREADABLE.search(text):
        return api_errors.Unreadable(
            f"{what}: the response is not an API server's, or incomplete: {answers.shown(text)}"
        )
    if "an error on the server" in text:
        return api_errors.ServerFailed(f"{what}: internal error of the API server: {answers.shown(text)}")
    for pattern, why in _NO_ANSWER:
        if re.search(pattern, text):
            return _no_answer(why, text, what)
    if "timed out waiting" in text:
        return errors.CommandTimeout(f"{what}: {answers.shown(text)}", exit_status)
    return None


def _no_answer(why: str, text: str, what: str) -> errors.Unreachable:
    message = f"{what}: the API server does not answer: {why} ({_first_line(text)})"
    if why == "service unavailable":  # it may be an aggregated API that is, and no other API server's would be
        return errors.Unreachable(message)
    return errors.NoAnswer(message, sent=why not in _NOT_SENT and "dial tcp" not in text)


def _first_line(text: str) -> str:
    """Return the first line of kubectl's text without what our message says already and the address's query."""
    line = answers.shown(text).splitlines()[0].removeprefix("Unable to connect to the server: ")
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
    return errors.Conflict(message, owners[0][0] if owners else "", len(owners) == 1)


def _unknown_kind(text: str, what: str) -> api_errors.UnknownKind | None:
    found = _UNKNOWN_TYPE.search(text) or _NO_MATCH.search(text)
    if not found:
        return None
    version = found.groupdict().get("version")
    shown = f"{found['kind']} ({version})" if version else found["kind"]
    message = f"{what}: the API server does not know the kind {shown}: is its definition installed?"
    return api_errors.UnknownKind(message, found["kind"])


def _invalid(answer: answers.Answer, what: str) -> errors.Invalid | None:
    """An object that its kind's schema or validation rejects, with the first field that is wrong."""
    text = answer.message
    schema = bool(_SCHEMA.match(text))
    if not schema and answer.reason not in _INVALID_REASONS:
        return None
    found = (_STRICT.search(text) or _UNDECLARED.search(text)) if schema else None
    found = found or (_FIELD.search(text) if answer.fields else None)
    field = found["field"].lstrip(".") if found else ""
    reason = found["reason"].strip().rstrip("]") if found else answers.shown(text)
    by = "schema" if schema else "validation"
    err = errors.Invalid(f"{what}: {field + ': ' if field else ''}{reason}", field, reason, by)
    if answer.fields:
        err.fields = [(one["field"], one["reason"]) for one in _FIELD.finditer(text)]
    return err
