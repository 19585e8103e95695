"""Begin to read a set before its manifests are: of the kinds that it had in the last run.

Reading manifests and asking the API server take about the same time, and need nothing of each other but the kinds.
What is kept of the last run is a guess and no more: what was read counts only if it is what would be read now.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from saltk8s.objects.client import Kubectl
from saltk8s.objects.identity import Kind, kind_from

Answer = tuple[list[dict[str, Any]], set[Kind]]


class Ahead:
    """The first LISTs of a set; without a cache folder there is no guess, and they begin when they are asked for."""

    def __init__(self, kubectl: Kubectl, set_name: str):
        self._kubectl = kubectl
        self._set = set_name
        self._pool = ThreadPoolExecutor(1)
        name = hashlib.sha256(f"{kubectl.words} {set_name}".encode()).hexdigest()[:16]
        self._path = Path(kubectl.cache_dir) / "sets" / name if kubectl.cache_dir else None
        self._kinds = self._remembered()
        self._begun = self._begin(self._kinds) if self._kinds and kubectl.cluster_exists else None

    def begin(self, kinds: Sequence[Kind]) -> Future[Answer]:
        """Return the answer to come for some kinds of the set; several wait for one another."""
        begun, self._begun = self._begun, None
        if begun and list(kinds) == self._kinds:
            return begun
        return self._begin(kinds)

    def remember(self, kinds: Sequence[Kind]) -> None:
        """Keep which kinds were asked for first. A cache that cannot be written is no reason to fail."""
        if self._path is None or list(kinds) == self._kinds:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            fresh = self._path.with_suffix(f".{os.getpid()}")
            fresh.write_text("".join(f"{kind.argument}\n" for kind in kinds))
            fresh.replace(self._path)
        except OSError:
            return

    def _begin(self, kinds: Sequence[Kind]) -> Future[Answer]:
        return self._pool.submit(self._kubectl.set_objects, self._set, kinds)

    def _remembered(self) -> list[Kind]:
        try:
            lines = self._path.read_text().split() if self._path else []
        except (OSError, ValueError):
            return []
        return [kind_from(line) for line in lines if line.count(".") >= 2]
