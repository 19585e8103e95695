"""What is live of a set: as few requests as there are kinds, whatever the number of objects."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from saltk8s.objects import record
from saltk8s.objects.client import Kubectl
from saltk8s.objects.identity import PROTECTED, Key, Kind, key_of, kind_of

Objects = dict[Key, dict[str, Any]]

# Their kinds are asked for when a set is deleted, recorded or not: they outlive the record.
_KEPT_KINDS = {Kind(group, kind, "v1") for group, kind in PROTECTED}


# That many objects of one namespace are looked for by name; for more, a LIST of their kinds is cheaper.
_FEW = 25


@dataclass
class Live:
    """What the API server has: ``members`` carry the set's label, ``others`` are declared and do not;
    ``unknown`` are the kinds that it does not serve, ``recorded`` those of earlier runs."""

    members: Objects = field(default_factory=dict)
    others: Objects = field(default_factory=dict)
    unknown: set[Kind] = field(default_factory=set)
    recorded: set[Kind] = field(default_factory=set)

    def get(self, key: Key) -> dict[str, Any] | None:
        """Return a live object, whatever its labels."""
        return self.members.get(key) or self.others.get(key)


def read(kubectl: Kubectl, set_name: str, declared: Mapping[Key, Mapping[str, Any]], adopt: bool = True) -> Live:
    """Read a set: one LIST a kind; declared objects that do not carry its label are looked for besides.

    adopt: False leaves out the second part (a set that is deleted does not care for what it does not own).
    """
    versions = {key: obj["apiVersion"] for key, obj in declared.items()}
    kinds = {kind_of(obj) for obj in declared.values()} | {record.KIND}
    kinds |= set() if adopt else _without(_KEPT_KINDS, kinds)
    found, unknown = kubectl.set_objects(set_name, kinds)
    live = Live(_by_key(found, versions), {}, unknown)
    live.recorded = record.kinds(live.members.get(record.key(set_name)))
    earlier = _without(live.recorded, kinds)
    if earlier:
        found, unknown = kubectl.set_objects(set_name, earlier)
        live.members = _by_key(found, versions) | live.members
        live.unknown |= unknown
    if adopt:
        missing = {key: obj["apiVersion"] for key, obj in declared.items()
                   if key not in live.members and kind_of(obj) not in live.unknown}
        live.others = _by_key(_outside(kubectl, set_name, missing), versions)
    return live


def _outside(kubectl: Kubectl, set_name: str, missing: Mapping[Key, str]) -> list[dict[str, Any]]:
    """Return which of the missing objects are there without the set's label: others made them."""
    spaces = {key: version for key, version in missing.items() if (key.group, key.kind) == ("", "Namespace")}
    found = kubectl.existing([stub(*item) for item in spaces.items()])
    new = {key.name for key in spaces.keys() - {key_of(obj) for obj in found}}
    by_space: dict[str, dict[Key, str]] = {}
    for key, version in missing.items():
        if key not in spaces and key.namespace not in new:  # in a namespace that is not there, there is nothing
            by_space.setdefault(key.namespace, {})[key] = version
    few: dict[Key, str] = {}
    for namespace, keys in sorted(by_space.items()):
        if len(keys) <= _FEW:
            few |= keys
            continue
        kinds = {_kind(key, version) for key, version in keys.items()}
        found += [obj for obj in kubectl.outside_set(set_name, kinds, namespace) if key_of(obj) in keys]
    return found + kubectl.existing([stub(*item) for item in few.items()])


def _kind(key: Key, api_version: str) -> Kind:
    return Kind(key.group, key.kind, api_version.rpartition("/")[2])


def stub(key: Key, api_version: str) -> dict[str, Any]:
    """Return what is enough of an object to ask for it or to delete it."""
    meta = {"name": key.name} | ({"namespace": key.namespace} if key.namespace else {})
    return {"apiVersion": api_version, "kind": key.kind, "metadata": meta}


def _without(kinds: Collection[Kind], others: Collection[Kind]) -> set[Kind]:
    known = {kind.gk for kind in others}
    return {kind for kind in kinds if kind.gk not in known}


def _by_key(objects: Sequence[dict[str, Any]], versions: Mapping[Key, str]) -> Objects:
    """Return objects by key; where one came in several versions, the declared version wins."""
    found: Objects = {}
    for obj in objects:
        key = key_of(obj)
        if key not in found or obj["apiVersion"] == versions.get(key):
            found[key] = obj
    return found
