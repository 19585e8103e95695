"""The ``rke`` binary: its queries, and ``rke up`` with its output read while it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from saltk8s.base import errors, process
from saltk8s.engine.progress import Line
from saltk8s.engine.rke import log_lines, versions

QUERY_TIMEOUT_S = 30


class Program:
    """One ``rke`` binary."""

    def __init__(self, path: str):
        self.path = path

    @property
    def installed(self) -> bool:
        """Whether it is installed."""
        return Path(self.path).is_file()

    def version(self) -> str:
        """Return its version, as ``v1.8.5``. Raises Refused when it names none, MissingProgram, CommandError."""
        return versions.rke_of(self._query("--version"))

    def offered(self) -> list[str]:
        """Return the Kubernetes versions that it offers, oldest first."""
        return versions.offered(self._query("config", "--list-version", "--all"))

    def images(self, version: str) -> list[str]:
        """Return the images of a Kubernetes version, sorted, each once."""
        lines = self._query("config", "--system-images", "--version", version).splitlines()
        return sorted({line.strip() for line in lines if line.strip() and "level=" not in line})

    def up(
        self,
        config: str,
        any_docker: bool,
        timeout_s: float,
        on_line: Callable[[Line], None],
        secrets: Iterable[str] = (),
        pass_fds: Iterable[int] = (),
    ) -> None:
        """Run ``rke up`` to its end.

        config: path of ``cluster.yml``; any_docker: accept a Docker version that it does not support; timeout_s: in
        seconds; on_line: called with each line; secrets: texts redacted in its output; pass_fds: descriptors that it
        inherits.
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
            status = result.exit_status
            how = f"was killed (signal {-status})" if status < 0 else f"failed (exit status {status})"
            lines = "\n".join(log_lines.that_matter(result.out))
            raise errors.CommandError(f"rke up {how}; apply again to continue from its saved state", status, lines)

    def _query(self, *words: str) -> str:
        result = process.run([self.path, *words], timeout_s=QUERY_TIMEOUT_S)
        if result.exit_status:
            lines = "\n".join(log_lines.that_matter(f"{result.out}\n{result.err}"))
            message = f"rke {' '.join(words)} failed (exit status {result.exit_status})"
            raise errors.CommandError(message, result.exit_status, lines)
        return result.out
