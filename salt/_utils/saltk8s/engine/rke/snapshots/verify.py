"""Whether a snapshot could be restored: restored into a scratch etcd, its objects read, its Secrets opened."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from saltk8s.base import errors
from saltk8s.engine import state_folder
from saltk8s.engine.rke import rkestate
from saltk8s.engine.rke.snapshots import archive, scratch, secrets

RECORD = "snapshot-check.json"
_SCRATCH = "snapshot-scratch-"


def check(node: scratch.Node, snapshot: str, paths: Mapping[str, str]) -> dict[str, Any]:
    """Return what a snapshot on a node has. Raises Invalid with why it could not be restored; nothing stays behind.

    node: where the archive lies, and where it is restored; paths: the model's.
    """
    for left in Path(paths["state_dir"]).glob(f"{_SCRATCH}*"):  # of a check that was killed; a lock keeps others out
        shutil.rmtree(left)
    with tempfile.TemporaryDirectory(prefix=_SCRATCH, dir=paths["state_dir"]) as folder:
        packed, database = Path(folder) / "archive.zip", Path(folder) / "snapshot.db"
        node.fetch(snapshot, packed)
        content = archive.unpack(packed, database)
        packed.unlink()
        state = _state(content.state)
        with node.restored(database):
            database.unlink()
            found = node.read()
    if not any(secrets.readable(value) for value in found.namespaces):
        raise errors.Invalid(
            f"restored, but there is no namespace of Kubernetes in it ({found.keys} keys): it is of another etcd, or "
            "of an empty one"
        )
    return {
        "size": content.size,
        "revision": found.revision,
        "hash": found.hash,
        "keys": found.keys,
        "objects": found.objects,
        "state": state,
        "secrets": _opened(found.secrets, content.state, paths),
    }


def record(paths: Mapping[str, str], what: Mapping[str, Any]) -> dict[str, Any]:
    """Keep what came of the last check beside the cluster's state, for the metrics, and return it."""
    last = read(paths)
    whole = {**what, "at": time.time(), "succeeded": time.time() if what["ok"] else last.get("succeeded")}
    state_folder.write_record(Path(paths["state_dir"]) / RECORD, whole)
    return whole


def read(paths: Mapping[str, str]) -> dict[str, Any]:
    """Return what came of the last check, nothing before the first."""
    return state_folder.read_record(Path(paths["state_dir"]) / RECORD) or {}


def _state(text: str | None) -> str:
    """Say which state a restore would use. Raises Invalid when the one in the archive is damaged: rke would take it."""
    if text is None:
        return "not in it: a restore takes the admin's"
    try:
        found = rkestate.parse(text)
    except rkestate.Damaged as err:
        raise errors.Invalid(f"the state in the archive is damaged: {err}") from None
    return f"in it: Kubernetes {found['version']}, {len(found['nodes'])} nodes"


def _opened(values: list[bytes], inside: str | None, paths: Mapping[str, str]) -> str:
    """Say how the Secrets were opened. Raises Invalid when the key that a restore would use does not open them."""
    own = secrets.in_state(inside if inside is not None else _text(Path(paths["state_file"])))
    result = secrets.opened(values, own)
    if not result.lost:
        named = [f"with the key {name}" for name in result.keys if name]
        how = " and ".join(["not encrypted"] * ("" in result.keys) + named) or "there are none"
        return f"{result.read} read: {how}"
    where = "in the archive" if inside is not None else f"of the admin ({paths['state_file']})"
    lost = f"its Secrets are encrypted with the key {', '.join(result.lost)}, which the state {where} does not have"
    copies = state_folder.backups(paths["backups"], Path(paths["state_file"]).name)
    for copy in reversed(copies):
        if not secrets.opened(values, secrets.in_state(_text(copy))).lost:
            raise errors.Invalid(f"{lost}; the copy {copy} has it: a restore has to begin with that copy")
    raise errors.Invalid(f"{lost}, nor any copy in {paths['backups']}: the key is lost, and with it these Secrets")


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
