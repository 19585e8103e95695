"""Copies of the state file: which of them is good, and the way back to it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from saltk8s.base import errors, files
from saltk8s.engine import running, state_folder
from saltk8s.engine.rke import rkestate

SECRET = "full-cluster-state"
SAVED = "Successfully Deployed state file"  # what rke prints then
WRITING_S = 5
Wanted = Callable[[Mapping[str, Any]], bool]


def read(paths: Mapping[str, str]) -> dict[str, Any] | None:
    """Return what the state file holds, None when there is none. Raises Refused, with the way out, when it is damaged.

    One that rke is writing now, which it does in place, is read again until it is whole; of one that a run left which
    did not end, what mend() puts back. paths: the model's.
    """
    end = time.monotonic() + WRITING_S
    while True:
        run = running.last(Path(paths["state_file"]).parent / state_folder.RUNS)
        writes = run is not None and run.alive  # asked before the file is read
        try:
            return rkestate.load(paths["state_file"])
        except rkestate.Damaged as err:
            if not writes:
                return _left(paths, err)
            if time.monotonic() > end:
                raise errors.Refused(f"{err}, while rke runs ({run}): wait for its end, then apply again") from None
        time.sleep(0.05)


def _left(paths: Mapping[str, str], damage: rkestate.Damaged) -> dict[str, Any] | None:
    """Return the last whole state of a run that did not end. Raises Refused when nothing says that such a run did it.

    It is what the nodes have: rke writes its state before it acts on it. None when a first run made no whole one.
    """
    record = state_folder.read_record(Path(paths["state_dir"]) / state_folder.RECORD) or {}
    if record.get("status") in ("running", "failed"):
        try:
            if kept := rkestate.load(state_folder.whole(paths)):
                return kept
            if record.get("plan", {}).get("create") and not newest(paths):
                return None
        except rkestate.Damaged:
            pass
    raise errors.Refused(f"{damage}. {way_out(paths)}") from None


def text(paths: Mapping[str, str]) -> str:
    """Return the text of what read() returns, "" when there is none."""
    try:
        path = Path(paths["state_file"]) if rkestate.load(paths["state_file"]) else None
    except rkestate.Damaged as err:
        path = state_folder.whole(paths) if _left(paths, err) else None
    return path.read_text(encoding="utf-8") if path else ""


def keep(paths: Mapping[str, str]) -> None:
    """Keep the state beside itself when it is whole: rke writes it in place, and a full disk leaves half of it."""
    text = state_folder.text_of(paths["state_file"])
    if text is None or not rkestate.usable(text):
        return
    try:
        files.write(state_folder.whole(paths), text)
    except OSError:
        (Path(paths["state_dir"]) / state_folder.RESERVED).unlink(missing_ok=True)
        files.write(state_folder.whole(paths), text)


def mend(paths: Mapping[str, str]) -> str:
    """Put the last whole state back, while the lock is held and rke does not run; return what is to be said of it.

    Raises as read() does. What a first run left is moved aside: nothing was deployed with the keys in it.
    """
    path = Path(paths["state_file"])
    try:
        rkestate.load(path)
        return ""
    except rkestate.Damaged as err:
        if _left(paths, err):
            files.write(path, text(paths))
            return f"{path} was cut off by a run that did not end, and is again what it was before rke wrote it"
    aside = path.replace(path.with_name(f"{path.name}.damaged"))
    return f"{path} was cut off by a first run that did not end, before it deployed anything: it is {aside.name} now"


def newest(paths: Mapping[str, str], wanted: Wanted = lambda state: True) -> tuple[Path, dict[str, Any]] | None:
    """Return the newest good copy and what it holds, None without one.

    wanted: what the copy has to be, beyond a whole file. One of a cluster that was deployed comes before all others.
    """
    first = None
    for path in reversed(state_folder.backups(paths["backups"], Path(paths["state_file"]).name)):
        try:
            state = rkestate.load(path)
        except rkestate.Damaged:
            continue
        if state and wanted(state):
            if state["running"]:
                return path, state
            first = first or (path, state)
    return first


def way_out(paths: Mapping[str, str], wanted: Wanted = lambda state: True) -> str:
    """Return the end of a message: how to get the state back that the cluster needs."""
    found = newest(paths, wanted)
    if not found:
        return (
            f"No copy in {paths['backups']} fits: take the state from the Secret {SECRET} in kube-system or from the "
            f"archive of an etcd snapshot (docs/cluster.md), then apply again"
        )
    path, state = found
    what = (
        f"Kubernetes {state['version']}, {len(state['nodes'])} nodes" if state["running"] else "keys, not deployed yet"
    )
    return f"The newest good copy is {path.name} ({what}): cp {path} {paths['state_file']}, then apply again"
