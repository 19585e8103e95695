"""Is all that is declared in the live object? Answered locally, without a request.

The answer errs to one side only: "looks different" sends the object to a server-side dry run, which decides. So a
normalisation that is not known here costs a request and never a false change.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from saltk8s.objects import lists, quantity
from saltk8s.objects.identity import MANAGER, kind_of


def looks_equal(declared: Mapping[str, Any], live: Mapping[str, Any]) -> bool:
    """Return whether a run has certainly nothing to write for an object.

    declared: as manifest.declare() gives it; live: as ``kubectl get --show-managed-fields`` gives it.
    True when every declared field is live with its value, and no field is ours that is no longer declared.
    """
    built_in = not kind_of(declared).custom
    return covers(declared, live, built_in) and not any(_stale(owned, declared) for owned in owned_fields(live))


def covers(declared: Any, live: Any, built_in: bool, field: str = "", parent: str = "") -> bool:
    """Return whether the declared value is in the live one.

    built_in: whether the object is Kubernetes' own: only there empty maps and lists vanish and quantities are
    rewritten; field, parent: names of the field that holds the value, and of the one around it.
    """
    if isinstance(declared, Mapping):
        if not isinstance(live, Mapping):
            return built_in and not declared and live is None
        return all(covers(value, live.get(key), built_in, str(key), field) for key, value in declared.items())
    if isinstance(declared, list):
        if not isinstance(live, list):
            return built_in and not declared and live is None
        return _list_covers(declared, live, built_in, field)
    if built_in and live is None and declared == "" and field == "value":  # an empty variable of a container
        return True
    return _scalar_equal(declared, live, built_in and (field in quantity.FIELDS or parent in quantity.FIELDS))


def owned_fields(live: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the trees of fields (the API's ``fieldsV1``) that our field manager applied."""
    entries = live["metadata"].get("managedFields") or []
    return [
        entry["fieldsV1"]
        for entry in entries
        if entry.get("manager") == MANAGER and entry.get("operation") == "Apply" and "fieldsV1" in entry
    ]


def ours(live: Mapping[str, Any]) -> bool:
    """Return whether this engine wrote the object: our field manager is among its managers."""
    return bool(owned_fields(live))


def _list_covers(declared: list, live: list, built_in: bool, field: str) -> bool:
    keyed = lists.keyed(field, declared, live)
    if keyed:
        wanted, found = keyed
        if [key for key in found if key in wanted] != list(wanted):  # one is missing, or the order is another
            return False
        return all(covers(item, found[key], built_in, field) for key, item in wanted.items())
    if lists.is_set(field):
        return all(item in live for item in declared)
    return len(declared) == len(live) and all(
        covers(one, other, built_in, field) for one, other in zip(declared, live, strict=True)
    )


def _scalar_equal(declared: Any, live: Any, may_be_quantity: bool) -> bool:
    if isinstance(declared, bool) or isinstance(live, bool):
        return declared is live
    if declared == live:
        return True
    return may_be_quantity and quantity.equal(declared, live)


def _stale(owned: Mapping[str, Any], declared: Any) -> bool:
    """Return whether a field of the owned tree is not declared (any more)."""
    return any(_missing(step, below, declared) for step, below in _steps(owned))


def _steps(owned: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    return ((step, below) for step, below in owned.items() if step != ".")


def _missing(step: str, below: Mapping[str, Any], declared: Any) -> bool:
    sort, _, text = step.partition(":")
    if sort == "f":
        if not isinstance(declared, Mapping) or text not in declared:
            return True
        return _stale(below, declared[text])
    if not isinstance(declared, list):
        return True
    if sort == "k":
        keys = json.loads(text)
        item = next((item for item in declared if _has_keys(item, keys)), None)
        return item is None or _stale_item(below, item, keys)
    if sort == "v":
        return json.loads(text) not in declared
    return not text.isdigit() or int(text) >= len(declared)


def _has_keys(item: Any, keys: Mapping[str, Any]) -> bool:
    # a key that the item does not give has its default: ports without a protocol
    return isinstance(item, Mapping) and all(item.get(key, value) == value for key, value in keys.items())


def _stale_item(below: Mapping[str, Any], item: Mapping[str, Any], keys: Mapping[str, Any]) -> bool:
    rest = {step: deeper for step, deeper in below.items() if step.partition(":")[2] not in keys}
    return _stale(rest, item)
