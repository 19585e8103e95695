"""What kubectl says on its standard error, as our errors. Texts of kubectl 1.28 to 1.33."""

from __future__ import annotations

import re

from saltk8s import errors


class NotFound(errors.CommandError):
    """The API server answers, and says that the thing is not there."""


class UnknownKind(errors.CommandError):
    """The API server does not serve a kind; ``kind`` is its name without group."""

    def __init__(self, message: str, kind: str):
        self.kind = kind
        super().__init__(message)


_UNREACHABLE = re.compile(
    r"Unable to connect to the server|connection to the server .* was refused|connection refused|no route to host"
    r"|i/o timeout|TLS handshake timeout|no such host|network is unreachable|connection reset by peer"
    r"|context deadline exceeded|Client\.Timeout exceeded|request canceled while waiting|unexpected EOF"
    r"|\(ServiceUnavailable\)|unable to return a response in the time allotted|apiserver not ready"
    r"|http2: client connection",
)
_UNAUTHORISED = re.compile(
    r"\(Unauthorized\)|\(Forbidden\)|You must be logged in|provide credentials|is forbidden: User|x509:"
    r"|tls: failed to verify"
)
_CONFLICT = re.compile(r"Apply failed with \d+ conflicts?: (?P<rest>.*)", re.DOTALL)
_MANAGER = re.compile(r'conflicts? with "(?P<manager>[^"]+)"(?P<more>[^:\n]*):(?P<fields>(?: [^\n]+|(?:\n- [^\n]+)+))')
_INVALID = re.compile(r"is invalid:\s*(?P<rest>.*)", re.DOTALL)
_FIELD = re.compile(r"^\s*(?:\* )?(?:\[)?(?P<field>[a-zA-Z<][\w.\[\]\"/<>()-]*): (?P<reason>.+)$", re.MULTILINE)
_STRICT = re.compile(r"(?P<reason>unknown field|duplicate field) \"(?P<field>[^\"]+)\"")
_UNDECLARED = re.compile(r"(?P<field>\.\S+): (?P<reason>field not declared in schema|expected [^\n]+)")
_UNKNOWN_TYPE = re.compile(r"the server doesn't have a resource type \"(?P<kind>[^\"]+)\"")
_NO_MATCH = re.compile(r"no matches for kind \"(?P<kind>[^\"]+)\" in version \"(?P<version>[^\"]+)\"")
_REFUSED = re.compile(r"\((?:BadRequest|Invalid|UnprocessableEntity|RequestEntityTooLarge|MethodNotAllowed)\)"
                      r"|admission webhook .* denied|failed to create typed patch|strict decoding error"
                      r"|is forbidden: |error validating data|unable to decode")


def translate(stderr: str, code: int | None, what: str = "kubectl") -> errors.SaltK8sError:
    """Return the error that kubectl's standard error means; ``what`` starts its message (an object's title)."""
    said = clean(stderr)
    shown = re.sub(r"^Error from server \(\w+\): (?:error when \w+ \"STDIN\": )?", "", said, flags=re.MULTILINE)
    for look in (_conflict, _unknown, _invalid):
        found = look(said, what)
        if found:
            return found
    if re.search(r"\(NotFound\)|could not find the requested resource", said):
        return NotFound(f"{what}: {shown}", code)
    # quotas and admission say "forbidden" too, but not because of who we are
    if _UNAUTHORISED.search(said) and not _REFUSED_BY_QUOTA.search(said):
        return errors.Unauthorised(f"{what}: the API server refuses us: {shown}")
    if _REFUSED.search(said):
        return errors.Invalid(f"{what}: {shown}", reason=shown)
    if _UNREACHABLE.search(said):
        return errors.Unreachable(f"{what}: the API server does not answer: {shown}")
    if re.search(r"timed out waiting|\(Timeout\)|\(TooManyRequests\)", said):
        return errors.CommandTimeout(f"{what}: {shown}", code)
    return errors.CommandError(f"{what}: {shown or 'kubectl failed and said nothing'}", code)


_REFUSED_BY_QUOTA = re.compile(
    r"is forbidden: (?:exceeded quota|violates PodSecurity|maximum|minimum|unable to create new content|failed quota"
    r"|no PriorityClass)"
)


def clean(stderr: str) -> str:
    """Return what kubectl said without its warnings, its log lines and its advice."""
    kept = []
    for line in stderr.splitlines():
        if line.startswith("Please review the fields above"):
            break
        if line.startswith("Warning:") or re.match(r"^[EWI]\d{4} \d\d:", line):
            continue
        kept.append(line.removeprefix("error: ").removeprefix("Error from server: "))
    return "\n".join(kept).strip()


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
    return UnknownKind(f"{what}: the API server does not know the kind {shown}: is its definition installed?",
                       found["kind"])


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
