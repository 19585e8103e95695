"""Copies of the state file: which of them is good, and the way back to it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from saltk8s.base import errors
from saltk8s.engine import running, state_folder
from saltk8s.engine.rke import rkestate

SECRET = "full-cluster-state"
WRITING_S = 5
Wanted = Callable[[Mapping[str, Any]], bool]


def read(paths: Mapping[str, str]) -> dict[str, Any] | None:
    """Return what the state file holds, None when there is none. Raises Refused, with the way out, when it is damaged.

    One that rke is writing now, which it does in place, is read again until it is whole. paths: the model's.
    """
    end = time.monotonic() + WRITING_S
    while True:
        run = running.last(Path(paths["state_file"]).parent / state_folder.RUNS)
        writes = run is not None and run.alive  # asked before the file is read
        try:
            return rkestate.load(paths["state_file"])
        except rkestate.Damaged as err:
            if not writes:
                raise errors.Refused(f"{err}. {way_out(paths)}") from None
            if time.monotonic() > end:
                raise errors.Refused(f"{err}, while rke runs ({run}): wait for its end, then apply again") from None
        time.sleep(0.05)


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
