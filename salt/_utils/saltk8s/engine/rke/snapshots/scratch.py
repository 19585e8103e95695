"""A scratch etcd on a node: a snapshot is restored into it as ``rke`` would, read, and taken away again.

It runs in containers of the node's own etcd image without any network, on a volume of its own: neither the cluster's
etcd nor anybody else can reach it. ``docker`` is all that the deploy user may use there: files go in and out with it.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from saltk8s.base import errors, process
from saltk8s.engine.rke.running.snapshot import FOLDER
from saltk8s.engine.rke.snapshots import transfer
from saltk8s.pillar.vocabulary.roles import ETCD

RESTORE, SERVE, FILES = "saltk8s-snapshot-check", "saltk8s-snapshot-check-etcd", "saltk8s-snapshot-files"
COPY_S = 1800
RESTORE_S = 900
START_S = 120
ASK_S = 120
SAMPLE = 20  # objects of a kind that are read
KINDS = ("namespaces", "secrets", "configmaps", "pods", "services/specs", "deployments", "persistentvolumes")
_IMAGE = f"image=$(docker inspect --format '{{{{.Image}}}}' {ETCD})"
_CLEAN = f"docker rm -f -v {SERVE} {RESTORE}"
_CONTAINER = "--network none --security-opt label=disable --log-opt max-size=1m"
_CTL = f"docker exec {SERVE} etcdctl --endpoints=http://127.0.0.1:2379 --command-timeout=60s"

_COUNT = re.compile(r'^"Count" : (\d+)$', re.MULTILINE)

_ERROR = re.compile(r'"level":"(?:fatal|panic|error)"|^panic: |^Error')


class Found(NamedTuple):
    """What a restored snapshot has. revision: of etcd's history; hash: of all keys and values; keys: how many;
    objects: {kind: how many}; namespaces: values of some; secrets: values of some.
    """

    revision: int
    hash: int
    keys: int
    objects: dict[str, int]
    namespaces: list[bytes]
    secrets: list[bytes]


class Node:
    """One etcd node, as the deploy user reaches it. argv: returns the words that run a command there over SSH."""

    def __init__(self, name: str, argv: Callable[[str], list[str]]):
        self.name, self._argv = name, argv

    def archives(self) -> dict[str, tuple[int, int]]:
        """Return the archives there: {name: (bytes, Unix time of the last change)}."""
        found = f"find {FOLDER} -maxdepth 1 -name '*.zip' -printf '%s %T@ %f\\n'"
        out = self._run(f"if test -d {FOLDER}; then {found}; fi", ASK_S)
        rows = [line.split(" ", 2) for line in out.splitlines()]
        return {row[2].removesuffix(".zip"): (int(row[0]), int(float(row[1]))) for row in rows if len(row) == 3}

    def fetch(self, snapshot: str, path: Path, through: str = "") -> None:
        """Copy an archive to a file here. through: a command of the node's through which it goes, such as one that
        encrypts. Raises CommandError when there is none of this name.
        """
        through = f" | {through}" if through else ""
        # the archives are root's, and a shell is in none of the images that every node has: docker itself copies them
        mounted = f'-v {FOLDER}:/backup:ro --entrypoint etcdctl "$image" >/dev/null'
        command = (
            f"docker rm -f {FILES} >/dev/null 2>&1; {_IMAGE} && docker create --name {FILES} {_CONTAINER} {mounted} && "
            f"{{ docker cp {FILES}:/backup/{snapshot}.zip - | tar -xO{through}; "
            f"docker rm -f {FILES} >/dev/null; }}"
        )
        try:
            transfer.fetch(self._argv(command), path, COPY_S)
        except errors.CommandTimeout:
            raise
        except errors.CommandError as err:
            hint = f"it needs the container {ETCD} there, whose image is used"
            raise errors.CommandError(f"{self.name}: the archive cannot be copied ({err}); {hint}") from err

    @contextmanager
    def restored(self, database: Path) -> Iterator[None]:
        """Restore a database there and let a scratch etcd serve it. Raises Invalid when that fails."""
        self._run(f"{_CLEAN} >/dev/null 2>&1 || :", ASK_S)
        try:
            words = '--entrypoint etcdctl "$image" snapshot restore /data/snapshot.db --data-dir=/data/new'
            self._run(f"{_IMAGE} && docker create --name {RESTORE} {_CONTAINER} -v /data {words}", ASK_S)
            transfer.send(self._argv(f"docker cp - {RESTORE}:/data"), database, "snapshot.db", COPY_S)
            self._asked(f"docker start -a {RESTORE} 2>&1", RESTORE_S, "it cannot be restored")
            served = f'--volumes-from {RESTORE} --entrypoint etcd "$image" --data-dir=/data/new --log-level=error'
            self._run(f"{_IMAGE} && docker run -d --name {SERVE} {_CONTAINER} {served}", ASK_S)
            waits = f"for try in $(seq {START_S}); do {_CTL} endpoint health 2>/dev/null && exit; sleep 1; done"
            why = "restored, but etcd does not start on it"
            self._asked(f"{waits}; docker logs --tail 5 {SERVE} 2>&1; exit 1", 2 * START_S, why)
            yield
        finally:
            process.run(self._argv(f"{_CLEAN} >/dev/null 2>&1"), timeout_s=ASK_S)

    def read(self) -> Found:
        """Return what the scratch etcd has. Raises Invalid when it cannot be read."""
        ranges = ["'' --from-key", *(f"/registry/{kind}/ --prefix" for kind in KINDS)]
        counted = " && ".join(f"{_CTL} get {one} --count-only -w fields" for one in ranges)
        out = self._asked(f"{_CTL} endpoint hashkv -w json && {counted}", ASK_S, "restored, but it cannot be read")
        hashed = json.loads(out.splitlines()[0])[0]["HashKV"]
        counts = [int(count) for count in _COUNT.findall(out)]
        return Found(
            revision=hashed["header"]["revision"],
            hash=hashed["hash"],
            keys=counts[0],
            objects={kind.partition("/")[0]: count for kind, count in zip(KINDS, counts[1:], strict=True)},
            namespaces=self._values("namespaces"),
            secrets=self._values("secrets"),
        )

    def _values(self, kind: str) -> list[bytes]:
        command = f"{_CTL} get /registry/{kind}/ --prefix --limit={SAMPLE} -w json"
        answer: Any = json.loads(self._asked(command, ASK_S, f"restored, but its {kind} cannot be read"))
        return [base64.b64decode(item["value"]) for item in answer.get("kvs", [])]

    def _run(self, command: str, timeout_s: float) -> str:
        result = process.run(self._argv(command), timeout_s=timeout_s)
        if result.exit_status:
            raise errors.CommandError(f"{self.name}: {result.failure}", result.exit_status)
        return result.out

    def _asked(self, command: str, timeout_s: float, problem: str) -> str:
        """Return what a command about the snapshot prints; its failure is the snapshot's."""
        result = process.run(self._argv(command), timeout_s=timeout_s)
        if result.exit_status == 255 and not result.out:
            raise errors.Unreachable(f"{self.name} does not answer on SSH: {result.said}")
        if result.exit_status:
            raise errors.Invalid(f"{problem}: {_telling(result.out + result.err)}")
        return result.out


def _telling(output: str) -> str:
    """Return the line of a failure that says most: the first with an error, and not the stack behind it."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    chosen = next((line for line in lines if _ERROR.search(line)), " ".join(lines[-3:]))
    return chosen[:400] or "no output"
