"""The ``rke`` binary: what it is asked, and how its ``up`` is run and listened to."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

from saltk8s.base import errors, process
from saltk8s.engine.rke import log_lines, versions

ASK_S = 30
TELL_EVERY_S = 5  # events of one phase: its first line at once, then not more often


class Program:
    """One ``rke`` binary."""

    def __init__(self, path: str):
        self.path = path

    @property
    def there(self) -> bool:
        """Whether it is installed."""
        return Path(self.path).is_file()

    def version(self) -> str:
        """Return its version, as ``v1.8.5``. Raises Refused when it says none, MissingProgram, CommandError."""
        return versions.rke_of(self._ask("--version"))

    def offered(self) -> list[str]:
        """Return the Kubernetes versions that it offers, oldest first."""
        return versions.offered(self._ask("config", "--list-version", "--all"))

    def images(self, version: str) -> list[str]:
        """Return the images of a Kubernetes version, sorted, each once."""
        lines = self._ask("config", "--system-images", "--version", version).splitlines()
        return sorted({line.strip() for line in lines if line.strip() and "level=" not in line})

    def up(
        self,
        config: str,
        any_docker: bool,
        timeout_s: float,
        on_line: Callable[[log_lines.Line], None],
        secrets: Iterable[str] = (),
        pass_fds: Iterable[int] = (),
    ) -> None:
        """Run ``rke up`` to its end.

        config: path of ``cluster.yml``; any_docker: accept a Docker version that it does not know; timeout_s: seconds;
        on_line: called with each line; secrets: texts taken out of its output; pass_fds: descriptors that it inherits.
        Raises CommandError with the lines that matter, CommandTimeout, MissingProgram.
        """
        argv = [self.path, "up", "--config", config]
        argv += ["--ignore-docker-version"] if any_docker else []  # the key in cluster.yml alone is overridden
        try:
            result = process.run(
                argv,
                timeout_s=timeout_s,
                cwd=str(Path(config).parent),
                on_line=lambda raw: on_line(log_lines.parse(raw)),
                secrets=secrets,
                pass_fds=tuple(pass_fds),
            )
        except errors.CommandTimeout as err:
            lines = "\n".join(log_lines.that_matter(err.output))
            raise errors.CommandTimeout(f"rke up timed out after {timeout_s:g} s", err.exit_status, lines) from err
        if result.exit_status:
            how = (
                f"was killed (signal {-result.exit_status})"
                if result.exit_status < 0
                else f"failed (exit status {result.exit_status})"
            )
            lines = "\n".join(log_lines.that_matter(result.out))
            raise errors.CommandError(
                f"rke up {how}; apply again to go on from its saved state", result.exit_status, lines
            )

    def _ask(self, *words: str) -> str:
        result = process.run([self.path, *words], timeout_s=ASK_S)
        if result.exit_status:
            said = "\n".join(log_lines.that_matter(f"{result.out}\n{result.err}"))
            raise errors.CommandError(
                f"rke {' '.join(words)} failed (exit status {result.exit_status})", result.exit_status, said
            )
        return result.out


class Progress:
    """Turns rke's lines into log lines and a bounded number of events."""

    def __init__(self, log: Callable[[str], None], event: Callable[[str, dict], None]):
        self._log, self._event = log, event
        self._start = self._told = time.monotonic()
        self.phase = "start"

    def line(self, line: log_lines.Line) -> None:
        """Take one line: log it; send it as an event when a phase begins or some seconds passed."""
        self._log(f"rke: {line.level}: {line.message}")
        now = time.monotonic()
        begins = line.phase is not None and line.phase != self.phase
        self.phase = line.phase or self.phase
        if begins or line.level in ("error", "fatal") or now - self._told >= TELL_EVERY_S:
            self._told = now
            self.tell(self.phase, {"line": line.message[:500], "level": line.level})

    def tell(self, phase: str, data: dict) -> None:
        """Send one event with the seconds since the beginning."""
        self._event(phase, {**data, "seconds": round(time.monotonic() - self._start, 1)})
