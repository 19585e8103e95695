"""The snapshot of etcd before a run: rke takes it on every etcd node, where it takes the periodic ones.

It has a name of the form of the periodic ones, so that rke removes it with them when ``etcd:snapshots:keep`` is over,
on the nodes and in the bucket: rke-tools reads its time there, and in a bucket looks for ``_etcd`` at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timezone
from pathlib import Path

from saltk8s.base import errors, process
from saltk8s.engine.progress import Line
from saltk8s.engine.rke import log_lines

FOLDER = "/opt/rke/etcd-snapshots"
TIMEOUT_S = 900  # rke allows each member 300 s, one after the other
_NOT_UPLOADED = "failed to upload etcd snapshot file to s3"


def name(why: str = "before-run") -> str:
    """Return the name of a snapshot that is taken now. why: lower case and hyphens."""
    return datetime.now(timezone.utc).strftime(f"%Y-%m-%dT%H:%M:%SZ_{why}_etcd")


def take(
    program: str,
    config: str,
    any_docker: bool,
    on_line: Callable[[Line], None],
    secrets: Iterable[str] = (),
    pass_fds: Iterable[int] = (),
    needed: bool = True,
    called: str | None = None,
) -> str:
    """Take a snapshot and return what is to be said of it.

    program: path of ``rke``; config: path of ``cluster.yml``; any_docker: accept any Docker version; on_line: called
    with each line; secrets: texts redacted in its output; pass_fds: descriptors that it inherits; needed: fail without
    one; called: its name, when it is asked for and not before a run. One that rke could not copy to the bucket is one
    all the same. Raises CommandError with the lines that matter.
    """
    called, asked = called or name(), called is not None
    argv = [program, "etcd", "snapshot-save", "--config", config, "--name", called]
    argv += ["--ignore-docker-version"] if any_docker else []
    folder, fds = str(Path(config).parent), tuple(pass_fds)
    try:
        result = process.run(
            argv,
            timeout_s=TIMEOUT_S,
            cwd=folder,
            on_line=lambda raw: on_line(log_lines.parse(raw)),
            secrets=secrets,
            pass_fds=fds,
        )
        status: int | None = result.exit_status
        how = f"killed by signal {-result.exit_status}" if result.exit_status < 0 else f"exit status {status}"
        output = result.out
    except errors.CommandTimeout as err:
        status, how, output = None, f"timed out after {TIMEOUT_S} s", err.output
    when = "" if asked else " before the run"
    said = f"snapshot of etcd{when}: {FOLDER}/{called}.zip on the etcd nodes"
    if status == 0:
        return said
    lines = "\n".join(log_lines.that_matter(output))
    if _NOT_UPLOADED in lines.lower():
        return f"{said}, but it could not be copied to the bucket"
    if not needed:
        return f"no snapshot of etcd before the run ({how}): {' '.join(lines.split())}"
    text = f"rke's snapshot of etcd{when} failed ({how})"
    more = "" if asked else ", so nothing was changed; k8s_cluster.up repair=True needs none"
    raise errors.CommandError(text + more, status, lines)
