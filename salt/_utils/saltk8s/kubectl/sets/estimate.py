"""What an apply would probably make of a live object, for one that cannot be tried by a dry run yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from saltk8s.kubectl.compare import managed_fields, merge_keys
from saltk8s.kubectl.compare.managed_fields import Node


def applied(live: Mapping[str, Any], declared: Mapping[str, Any]) -> dict[str, Any]:
    """Return a live object with what is declared put over it, and without what we own and no longer declare.

    It does not know defaults and canonical forms: what the API server says is put in its place once it can be asked.
    """
    owned = managed_fields.owned_fields(live)
    return _fields(live, declared, owned, ("metadata",))


def _fields(
    live: Mapping[str, Any], declared: Mapping[str, Any], owned: Sequence[Node], kept: tuple[str, ...] = ()
) -> dict[str, Any]:
    result = dict(live)
    for step in {step for node in owned for step in node if step.startswith("f:")}:
        name = step[2:]
        if name in live and name not in declared and name not in kept:
            result.pop(name)
    for name, value in declared.items():
        result[name] = _value(name, live.get(name), value, managed_fields.subtrees(owned, f"f:{name}"))
    return result


def _value(name: str, live: Any, declared: Any, owned: Sequence[Node]) -> Any:
    if isinstance(live, Mapping) and isinstance(declared, Mapping):
        return _fields(live, declared, owned)
    if isinstance(live, list) and isinstance(declared, list):
        keyed = merge_keys.keyed(name, live, declared)
        if keyed:
            was, now = keyed
            return [_value("", was.get(identity), item, ()) for identity, item in now.items()]
    return declared
