"""What the checks before an upgrade found: data, lines for humans, and the refusal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from saltk8s.base import errors

OK, WARNING, BLOCKED = "ok", "warning", "blocked"


class Check(NamedTuple):
    """One check. state: OK, WARNING (nothing is known against it) or BLOCKED; lines: what was found."""

    name: str
    state: str
    lines: list[str]


def check(name: str, bad: Iterable[str] = (), doubtful: Iterable[str] = (), good: str = "") -> Check:
    """Return a check. bad: what has to be mended first; doubtful: what is not known; good: said when there is none."""
    bad, doubtful = list(bad), list(doubtful)
    state = BLOCKED if bad else WARNING if doubtful else OK
    return Check(name, state, [*bad, *doubtful] or [good])


@dataclass
class Report:
    """The checks before a change of the Kubernetes version. old: what runs; new: what is to run."""

    old: str
    new: str
    checks: list[Check] = field(default_factory=list)

    @property
    def blocked(self) -> list[str]:
        """What has to be mended first, a line each."""
        return [f"{one.name}: {line}" for one in self.checks if one.state == BLOCKED for line in one.lines]

    def lines(self) -> list[str]:
        """Return it for a human to read, one thing a line."""
        head = f"Kubernetes {self.old} -> {self.new}"
        rows = [f"{one.state:<8} {one.name}: {line}" for one in self.checks for line in one.lines]
        return [head, *rows] if rows else [f"{head}: nothing changes"]

    def data(self) -> dict[str, Any]:
        """Return it as ``k8s_cluster.preflight`` does."""
        checks = {one.name: {"state": one.state, "lines": one.lines} for one in self.checks}
        return {"old": self.old, "new": self.new, "ok": not self.blocked, "checks": checks, "lines": self.lines()}

    def refuse(self) -> None:
        """Raise Refused when something has to be mended first."""
        if self.blocked:
            head = f"refused, nothing was run: Kubernetes {self.old} cannot become {self.new} yet:"
            ways = "mend that (docs/operations/upgrade.md), or go on with k8s_cluster.up repair=True on the admin"
            raise errors.Refused("\n".join([head, *(f"  {line}" for line in self.blocked), ways]))
