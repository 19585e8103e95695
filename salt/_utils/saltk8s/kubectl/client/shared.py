"""Several sets read by one kubectl, with one LIST of each kind for all of them: most of what an unchanged run costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from saltk8s.base import errors
from saltk8s.kubectl.client.program import Kubectl, Listed
from saltk8s.kubectl.manifests.identity import SET_LABEL, Kind, kind_of

Group = tuple[Kind, ...]


class Shared:
    """The sets that were small enough for one kubectl each in the last run."""

    def __init__(self, kubectl: Kubectl, guesses: Mapping[str, Sequence[Group]]):
        """guesses: {set: the groups of its kinds in the last run}."""
        small = {name: groups[0] for name, groups in guesses.items() if len(groups) == 1 and len(groups[0]) > 1}
        self._groups = small if len(small) > 1 else {}
        pool, kinds = ThreadPoolExecutor(1), sorted({kind for group in small.values() for kind in group})
        self._listed = pool.submit(kubectl.objects_of_sets, sorted(small), kinds) if self._groups else None
        pool.shutdown(wait=False)

    def answer(self, set_name: str, group: Group) -> Listed | None:
        """Return what a LIST of these kinds of a set found, None when it has to be asked for."""
        if self._listed is None or self._groups.get(set_name) != group:
            return None
        try:
            found = self._listed.result()
        except errors.SaltK8sError:  # is told by the set that it is about
            return None
        if found.not_served or found.unknown:
            return None
        return Listed([obj for obj in found.objects if _is_of(obj, set_name) and kind_of(obj) in group], {}, set())


def _is_of(obj: Mapping[str, Any], set_name: str) -> bool:
    return obj["metadata"]["labels"][SET_LABEL] == set_name
