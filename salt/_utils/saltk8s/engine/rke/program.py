"""The ``rke`` binary: its queries, and the commands that change a cluster, which outlive whoever runs them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from saltk8s.base import errors, process
from saltk8s.engine import running, state_folder
from saltk8s.engine.progress import Line
from saltk8s.engine.rke import log_lines, versions

QUERY_TIMEOUT_S = 30
_NOT_STARTED = (126, 127)  # of a shell: not executable, or a file of another architecture


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

    def run(
        self,
        words: Sequence[str],
        timeout_s: float,
        on_line: Callable[[Line], None],
        secrets: Iterable[str] = (),
        pass_fds: Iterable[int] = (),
        gate: running.Gate | None = None,
    ) -> None:
        """Run one of its commands on the cluster to its end; it goes on when we are ended.

        words: the command's, the configuration's path after ``--config`` among them, beside which its output is kept;
        timeout_s: in seconds, after which it is ended where that leaves no container stopped; on_line: called with
        each line; secrets: texts redacted in its output; pass_fds: descriptors that it inherits;
        gate: asked between nodes, where no container is stopped.
        Raises CommandError with the lines that matter, CommandTimeout, MissingProgram.
        """
        folder = Path(words[words.index("--config") + 1]).parent
        run = running.start([self.path, *words], folder / state_folder.RUNS, str(folder), pass_fds)
        self.follow(run, timeout_s, on_line, secrets, gate, f"rke {words[0]}")

    def follow(
        self,
        run: running.Run,
        timeout_s: float,
        on_line: Callable[[Line], None],
        secrets: Iterable[str] = (),
        gate: running.Gate | None = None,
        what: str = "rke up",
    ) -> None:
        """Follow a run to its end, whoever started it; raises as ``run`` does."""
        replaced = log_lines.Replaced()

        def take(raw: str) -> None:
            line = log_lines.parse(raw)
            replaced.take(line.message)
            on_line(line)

        try:
            output = run.follow(take, timeout_s, secrets, lambda: not replaced.containers, gate)
        except errors.CommandTimeout as err:
            where = f"; it replaces {', '.join(sorted(replaced.containers))}" if replaced.containers else ""
            lines = "\n".join(log_lines.that_matter(err.output))
            raise errors.CommandTimeout(f"{what} {str(err).splitlines()[0]}{where}", None, lines) from err
        status = run.exit_status
        if status in _NOT_STARTED:
            raise errors.MissingProgram(f"{self.path} cannot be started: {output[-200:].strip()}")
        if status != 0:
            how = f"failed (exit status {status})"
            if status is None or status < 0:
                how = f"was killed (signal {-status})" if status else "was killed"
            lines = "\n".join(log_lines.that_matter(output))
            raise errors.CommandError(f"{what} {how}; apply again to continue from its saved state", status, lines)

    def _query(self, *words: str) -> str:
        result = process.run([self.path, *words], timeout_s=QUERY_TIMEOUT_S)
        if result.exit_status:
            lines = "\n".join(log_lines.that_matter(f"{result.out}\n{result.err}"))
            message = f"rke {' '.join(words)} failed (exit status {result.exit_status})"
            raise errors.CommandError(message, result.exit_status, lines)
        return result.out
