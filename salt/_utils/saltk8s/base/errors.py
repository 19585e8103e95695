"""The errors of the pack: one small tree, translated to Salt's own at the modules' edge."""

from __future__ import annotations

from dataclasses import dataclass


class SaltK8sError(Exception):
    """Base of all errors raised here; ``sort`` is its name for programs that read it."""

    sort = "error"

    def details(self) -> dict[str, str]:
        """Return what a program needs of the error: ``error`` (its sort), and what is special to it."""
        return {"error": self.sort}


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

    sort = "pillar"

    def __init__(self, problems: list[Problem]):
        self.problems = problems
        count = f"{len(problems)} problem{'s' if len(problems) != 1 else ''} in the pillar"
        super().__init__("\n".join([f"{count}:", *(f"  {problem}" for problem in problems)]))


class CommandError(SaltK8sError):
    """A program failed; ``code`` is its exit status, ``output`` its last lines."""

    sort = "failed"

    def __init__(self, message: str, code: int | None = None, output: str = ""):
        self.code = code
        self.output = output
        super().__init__(f"{message}\n{output}".rstrip())


class CommandTimeout(CommandError):
    """A program did not end in its time and was ended."""

    sort = "timeout"


class MissingProgram(CommandError):
    """A program is not installed where it should be."""

    sort = "missing"


class Unreachable(SaltK8sError):
    """A machine or an API server does not answer. Never the same as absent."""

    sort = "unreachable"


class Unauthorised(SaltK8sError):
    """The API server refuses our credentials or our permissions."""

    sort = "unauthorised"


class Conflict(SaltK8sError):
    """Another field manager owns a field that we declare; ``manager`` names it."""

    sort = "conflict"

    def __init__(self, message: str, manager: str = ""):
        self.manager = manager
        super().__init__(message)

    def details(self) -> dict[str, str]:
        """Return the sort and the manager."""
        return super().details() | {"manager": self.manager}


class Invalid(SaltK8sError):
    """The API server refuses an object; ``field`` and ``reason`` say where and why."""

    sort = "invalid"

    def __init__(self, message: str, field: str = "", reason: str = ""):
        self.field = field
        self.reason = reason
        super().__init__(message)

    def details(self) -> dict[str, str]:
        """Return the sort, the field and the reason."""
        return super().details() | {"field": self.field, "reason": self.reason}


class NotReady(SaltK8sError):
    """Something did not become healthy in its time."""

    sort = "not ready"


class Refused(SaltK8sError):
    """A guard: going on could lose data or the cluster, so nothing was done."""

    sort = "refused"
