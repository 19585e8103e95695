"""The snapshot of etcd before a run: rke takes it on every etcd node, where it takes the periodic ones.

It has a name of the form of the periodic ones, so that rke removes it with them when ``etcd:snapshots:keep`` is over,
on the nodes and in the bucket: rke-tools reads its time there, and in a bucket looks for ``_etcd`` at the end.

rke goes on with it when its caller is killed, as any run does; it holds the cluster's lock, so the next caller follows
it to its end, and takes one of its own: what it begins needs one from right before.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

from saltk8s.base import errors, files
from saltk8s.engine import running, state_folder
from saltk8s.engine.progress import Line
from saltk8s.engine.rke import log_lines

FOLDER = "/opt/rke/etcd-snapshots"
TIMEOUT_S = 900  # rke allows each member 300 s, one after the other
_NOT_UPLOADED = "failed to upload etcd snapshot file to s3"


class _End(NamedTuple):
    """How one ended. status: 0 when it is whole; how: in words; output: the last lines."""

    status: int | None
    how: str
    output: str


def name(why: str = "before-run") -> str:
    """Return the name of a snapshot that is taken now. why: lower case and hyphens."""
    return datetime.now(timezone.utc).strftime(f"%Y-%m-%dT%H:%M:%SZ_{why}_etcd")


class Snapshots:
    """Those that rke takes for us on one cluster, one at a time."""

    def __init__(self, program: str, config: str, any_docker: bool, on_line: Callable[[Line], None]):
        """program: path of ``rke``; config: path of ``cluster.yml``; any_docker: accept any Docker version; on_line:
        called with each line.
        """
        self._program, self._config, self._any_docker, self._on_line = program, config, any_docker, on_line
        self._folder = Path(config).parent
        self._runs, self._asked = self._folder / state_folder.SNAPSHOT_RUNS, self._folder / state_folder.SNAPSHOT

    @property
    def going_on(self) -> running.Run | None:
        """The run that takes one now, None when there is none."""
        run = running.last(self._runs)
        return run if run and run.alive else None

    def note(self) -> list[str]:
        """Return what a preview says of one that is being taken."""
        run = self.going_on
        return [f"rke takes a snapshot of etcd, {run}: it is followed to its end first"] if run else []

    def follow(self, secrets: Iterable[str] = ()) -> list[str]:
        """Follow one whose caller has ended to its end; return what is to be said. secrets: redacted in its output.

        One that failed is told and no error: who follows it takes another.
        """
        run = self.going_on
        if not run:
            return []
        end = self._ended(run, secrets)
        how = "succeeded" if end.status == 0 else f"failed ({end.how})"
        return [f"the snapshot of etcd of {run.base.name}, whose caller had ended, was followed to its end: it {how}"]

    def take(
        self,
        secrets: Iterable[str] = (),
        pass_fds: Iterable[int] = (),
        needed: bool = True,
        called: str | None = None,
    ) -> str:
        """Take a snapshot and return what is to be said of it.

        secrets: texts redacted in its output; pass_fds: descriptors that it inherits; needed: fail without one; called:
        its name, when it is asked for and not before a run. One that rke could not copy to the bucket is one all the
        same. Raises CommandError with the lines that matter, MissingProgram.
        """
        called, asked, at = called or name(), called is not None, state_folder.now()
        argv = [self._program, "etcd", "snapshot-save", "--config", self._config, "--name", called]
        argv += ["--ignore-docker-version"] if self._any_docker else []
        if asked:
            files.write(self._asked, json.dumps({"name": called, "at": at}))
        run = running.start(argv, self._runs, str(self._folder), pass_fds, at)
        said = _said(called, self._ended(run, secrets), needed, asked)
        if asked:
            self.told()
        return said

    def untold(self, called: str) -> bool | None:
        """Return whether the last one of this name that was asked for is whole, where its caller ended before it knew,
        False also where rke did not complete it; None for any other.
        """
        asked = state_folder.read_record(self._asked) or {}
        if asked.get("name") != called:
            return None
        return running.named(self._runs, asked["at"]).exit_status == 0

    def told(self) -> None:
        """Note that whoever asked for the last one has it."""
        self._asked.unlink(missing_ok=True)

    def _ended(self, run: running.Run, secrets: Iterable[str]) -> _End:
        """Follow one to its end."""
        try:
            output = run.follow(lambda raw: self._on_line(log_lines.parse(raw)), TIMEOUT_S, secrets)
        except errors.CommandTimeout as err:
            return _End(None, f"timed out after {TIMEOUT_S} s", err.output)
        status = run.exit_status
        if status is None or status < 0:
            return _End(status, f"killed by signal {-status}" if status else "killed", output)
        return _End(status, f"exit status {status}", output)


def said_of(called: str, when: str = "") -> str:
    """Return how a snapshot is told. when: why it was taken."""
    return f"snapshot of etcd{when}: {FOLDER}/{called}.zip on the etcd nodes"


def _said(called: str, end: _End, needed: bool, asked: bool) -> str:
    when = "" if asked else " before the run"
    said = said_of(called, when)
    if end.status == 0:
        return said
    lines = "\n".join(log_lines.that_matter(end.output))
    if _NOT_UPLOADED in lines.lower():
        return f"{said}, but it could not be copied to the bucket"
    if not needed:
        return f"no snapshot of etcd before the run ({end.how}): {' '.join(lines.split())}"
    text = f"rke's snapshot of etcd{when} failed ({end.how})"
    more = "" if asked else ", so nothing was changed; k8s_cluster.up repair=True needs none"
    raise errors.CommandError(text + more, end.status, lines)
