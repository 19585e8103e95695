"""The errors of the pack: one small tree, translated to Salt's own at the modules' edge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


class SaltK8sError(Exception):
    """Base of all errors raised here; ``code`` is its name for programs that read it."""

    code = "error"

    def details(self) -> dict[str, Any]:
        """Return what a program needs of the error: ``error`` (its code), and what is special to it."""
        return {"error": self.code}


@dataclass(frozen=True)
class Problem:
    """One thing wrong in the pillar.

    path: pillar path, colon-separated (``k8s:nodes:k8s-cp1:address``); value: what stands there, already redacted
    when secret; expected: what should stand there, with a close name suggested where there is one.
    """

    path: str
    value: str
    expected: str

    def __str__(self) -> str:
        return f"{self.path}: got {self.value}; expected {self.expected}"


class ConfigError(SaltK8sError):
    """The pillar is not valid; ``problems`` lists everything that is wrong with it."""

    code = "pillar"

    def __init__(self, problems: list[Problem]):
        self.problems = problems
        count = f"{len(problems)} problem{'s' if len(problems) != 1 else ''} in the pillar"
        super().__init__("\n".join([f"{count}:", *(f"  {problem}" for problem in problems)]))


class CommandError(SaltK8sError):
    """A program failed; ``exit_status`` is its own, ``output`` its last lines."""

    code = "failed"

    def __init__(self, message: str, exit_status: int | None = None, output: str = ""):
        self.exit_status = exit_status
        self.output = output
        super().__init__(f"{message}\n{output}".rstrip())


class CommandTimeout(CommandError):
    """A program timed out and was killed."""

    code = "timeout"


class MissingProgram(CommandError):
    """A program is not installed, or cannot be started."""

    code = "missing"


class Unreachable(SaltK8sError):
    """A machine or an API server does not answer. Never the same as absent."""

    code = "unreachable"


class NoAnswer(Unreachable):
    """An API server does not answer at all. ``sent``: whether the request may have reached it."""

    def __init__(self, message: str, sent: bool = True):
        self.sent = sent
        super().__init__(message)


class Unauthorized(SaltK8sError):
    """The API server rejects the credentials."""

    code = "unauthorized"


class Conflict(SaltK8sError):
    """Another field manager owns a field that we declare; ``manager`` names it, ``alone``: no further one does."""

    code = "conflict"

    def __init__(self, message: str, manager: str = "", alone: bool = False):
        self.manager, self.alone = manager, alone
        super().__init__(message)

    def details(self) -> dict[str, Any]:
        """Return the code and the manager."""
        return super().details() | {"manager": self.manager}


class Invalid(SaltK8sError):
    """The API server rejects an object as invalid; ``field`` and ``reason`` say where and why.

    fields: all that are wrong, with their reasons, where the API server lists them;
    by: what rejects it: ``schema`` (a field or a type that the kind does not have), ``validation`` (a value),
    ``admission`` (a policy, a quota, a limit, a webhook); "" when it was not the API server.
    """

    code = "invalid"

    def __init__(self, message: str, field: str = "", reason: str = "", by: str = ""):
        self.field = field
        self.reason = reason
        self.by = by
        self.fields: list[tuple[str, str]] = []
        super().__init__(message)

    def details(self) -> dict[str, Any]:
        """Return the code, the field and the reason."""
        return super().details() | {"field": self.field, "reason": self.reason}


class NotReady(SaltK8sError):
    """Something did not become Ready before the timeout."""

    code = "not ready"


class Refused(SaltK8sError):
    """A guard: going on could lose data or the cluster, so nothing was done."""

    code = "refused"
