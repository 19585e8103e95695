"""Start reading a set before its manifests are read: the kinds that it had in the last run.

Reading manifests and asking the API server take about the same time, and need nothing of each other but the kinds.
The kinds of the last run are a guess: answers are used only for the kinds that would be asked for now.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from saltk8s.kubectl.client.program import Kubectl, Listed
from saltk8s.kubectl.client.shared import Group, Shared
from saltk8s.kubectl.manifests.identity import kind_from

WORKERS = 2  # one kubectl is mostly busy with its answer; more would only share the same cores


class Prefetch:
    """The LISTs of a set; without a cache folder there is no guess, and they start when they are asked for."""

    def __init__(self, kubectl: Kubectl, set_name: str, shared: Shared | None = None):
        """shared: what is read of several sets at once."""
        self._kubectl = kubectl
        self._set = set_name
        self._shared = shared
        self._pool = ThreadPoolExecutor(WORKERS)
        self._path = _path(kubectl, set_name)
        self.guess = guess(kubectl, set_name)
        self._started = {group: self._start(group) for group in self.guess}

    def answers(self, groups: Sequence[Group]) -> list[Future[Listed]]:
        """Return the answers to come for groups of kinds of the set."""
        return [self._started.pop(group) if group in self._started else self._start(group) for group in groups]

    def remember(self, groups: Sequence[Group]) -> None:
        """Store the groups for the next run. A cache that cannot be written is no reason to fail."""
        if self._path is None or list(groups) == self.guess:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            fresh = self._path.with_suffix(f".{os.getpid()}")
            fresh.write_text("".join(f"{' '.join(kind.argument for kind in group)}\n" for group in groups))
            fresh.replace(self._path)
        except OSError:
            return

    def _start(self, group: Group) -> Future[Listed]:
        if len(group) == 1:  # a kind alone has many objects: see reader._groups()
            return self._pool.submit(self._kubectl.many_set_objects, self._set, group[0])
        return self._pool.submit(self._listed, group)

    def _listed(self, group: Group) -> Listed:
        known = self._shared.answer(self._set, group) if self._shared else None
        return known or self._kubectl.set_objects(self._set, group)


def guess(kubectl: Kubectl, set_name: str) -> list[Group]:
    """Return the groups of kinds that a set was read in in the last run, none when that is not known."""
    path = _path(kubectl, set_name) if kubectl.cluster_exists else None
    try:
        lines = path.read_text().splitlines() if path else []
        return [tuple(kind_from(word) for word in line.split()) for line in lines if line.strip()]
    except (OSError, ValueError):
        return []


def _path(kubectl: Kubectl, set_name: str) -> Path | None:
    name = hashlib.sha256(f"{kubectl.words} {set_name}".encode()).hexdigest()[:16]
    return Path(kubectl.cache_dir) / "sets" / name if kubectl.cache_dir else None
