"""How a set is applied or deleted."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from saltk8s.base import errors
from saltk8s.kubectl.manifests.identity import REPLACE_ANNOTATION, Key, is_name, matches


def names(parameter: str, value: Any) -> tuple[str, ...]:
    """Return a parameter that names objects; raise Invalid when an item has not the form of a name."""
    given = [value] if isinstance(value, str) else list(value or ())
    wrong = [item for item in given if not is_name(item)]
    if wrong:
        expected = "expected Kind name or Kind namespace/name"
        raise errors.Invalid(f"{parameter}: got {wrong[0]!r}; {expected}", parameter, expected)
    return tuple(given)


@dataclass(frozen=True)
class Options:
    """The parameters of ``kubectl.apply`` and ``kubectl.delete_set`` that say how; see there."""

    force_conflicts: bool = False
    prune: bool = True
    wait: bool = True
    timeout_s: float = 300
    unprotect: Collection[str] = ()
    replace: Collection[str] = ()
    release: Collection[str] = ()
    take_over: Collection[str] = ()
    shared_namespaces: Collection[str] = ()

    def is_shared(self, key: Key) -> bool:
        """Return whether others may create objects in or beside this one: what is the set's is taken from them."""
        space = key.name if key[:2] == ("", "Namespace") else key.namespace
        return space in self.shared_namespaces

    def forces(self, key: Key) -> bool:
        """Return whether fields of other managers are taken over."""
        return self.force_conflicts or self.is_shared(key)

    def may_delete(self, key: Key) -> bool:
        """Return whether an object is not protected, or named in ``unprotect``."""
        return not key.protected or self.named_in_unprotect(key)

    def named_in_unprotect(self, key: Key) -> bool:
        """Return whether ``unprotect`` names an object."""
        return any(matches(name, key) for name in self.unprotect)

    def takes_over(self, key: Key) -> bool:
        """Return whether an object that another set has is to become one of this set."""
        return self.is_shared(key) or any(matches(name, key) for name in self.take_over)

    @staticmethod
    def named(names: Iterable[str], keys: Iterable[Key]) -> list[Key]:
        """Return which objects the names (``Kind namespace/name``) mean."""
        wanted = tuple(names)
        return [key for key in keys if any(matches(name, key) for name in wanted)]

    def may_replace(self, key: Key, obj: Mapping[str, Any]) -> bool:
        """Return whether an object may be replaced: by its annotation, by ``replace``, or because others made it."""
        annotated = (obj["metadata"].get("annotations") or {}).get(REPLACE_ANNOTATION) == "true"
        shared = self.is_shared(key) and not key.protected
        return annotated or shared or any(matches(name, key) for name in self.replace)
