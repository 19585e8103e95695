"""How a set is applied or deleted."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from saltk8s.kubectl.manifests.identity import REPLACE_ANNOTATION, Key, matches


@dataclass(frozen=True)
class Options:
    """The parameters of ``kubectl.apply`` and ``kubectl.delete_set`` that say how; see there."""

    force_conflicts: bool = False
    prune: bool = True
    wait: bool = True
    timeout_s: float = 300
    unprotect: Collection[str] = ()
    replace: Collection[str] = ()

    def may_delete(self, key: Key) -> bool:
        """Return whether an object is not protected, or named in ``unprotect``."""
        return not key.protected or self.named_in_unprotect(key)

    def named_in_unprotect(self, key: Key) -> bool:
        """Return whether ``unprotect`` names an object."""
        return any(matches(name, key) for name in self.unprotect)

    def may_replace(self, key: Key, obj: Mapping[str, Any]) -> bool:
        """Return whether an object may be replaced: by its annotation, or because ``replace`` names it."""
        annotated = (obj["metadata"].get("annotations") or {}).get(REPLACE_ANNOTATION) == "true"
        return annotated or any(matches(name, key) for name in self.replace)
