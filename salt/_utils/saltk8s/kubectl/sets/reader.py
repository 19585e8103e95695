"""The live objects of a set: as many requests as there are kinds, whatever the number of objects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.compare import equality, managed_fields
from saltk8s.kubectl.manifests.identity import PROTECTED, Key, Kind, key_of, kind_of, names_itself, stub
from saltk8s.kubectl.sets import record
from saltk8s.kubectl.sets.prefetch import Prefetch
from saltk8s.kubectl.sets.remembered import Remembered

Objects = dict[Key, dict[str, Any]]

# Kinds that are read when a set is deleted, recorded or not: their objects outlive the record.
_KEPT_KINDS = {Kind(group, kind, "v1") for group, kind in PROTECTED}
# Up to so many objects of one namespace are read by name; for more, a LIST of their kinds is cheaper.
_FEW = 25
# Declared objects read by one kubectl: it holds them all, and they are compared while the next one reads.
_GROUP = 300


@dataclass
class Live:
    """What the API server has.

    members: objects of the set; equal: which of them have nothing to change; copies: objects that carry the set's label
    only because they, or it, were copied; others: declared objects that do not carry it.
    recorded: the kinds of earlier runs; not_served: kinds that are not served at the version asked for, with the one at
    which they are; unknown: kinds that are served at no version; unlisted: recorded ones of these that are still
    defined, so that there may be objects of them.
    """

    members: Objects = field(default_factory=dict)
    copies: Objects = field(default_factory=dict)
    equal: set[Key] = field(default_factory=set)
    others: Objects = field(default_factory=dict)
    not_served: dict[Kind, Kind] = field(default_factory=dict)
    unknown: set[Kind] = field(default_factory=set)
    unlisted: set[Kind] = field(default_factory=set)
    recorded: set[Kind] = field(default_factory=set)
    looks_equal: Callable[[Mapping[str, Any], Mapping[str, Any]], bool] = equality.looks_equal

    def earlier_kinds(self) -> set[Kind]:
        """Return the kinds of earlier runs that there may be objects of, each at a version that is served."""
        return {self.not_served.get(kind, kind) for kind in self.recorded - self.unknown} | self.unlisted

    def get(self, key: Key) -> dict[str, Any] | None:
        """Return a live object, whatever its labels."""
        return self.members.get(key) or self.others.get(key)

    def existing(self, key: Key) -> dict[str, Any]:
        """Return a live object that is known to exist."""
        return self.members[key] if key in self.members else self.others[key]

    def forget(self, key: Key) -> None:
        """Take an object out that this run deleted."""
        self.members.pop(key, None)
        self.others.pop(key, None)

    def take(self, objects: Sequence[dict[str, Any]], declared: Mapping[Key, Mapping[str, Any]]) -> None:
        """Add objects that carry the set's label. Of equal ones the field managers are dropped: half their size."""
        for obj in objects:
            key = key_of(obj)
            wanted = declared.get(key)
            if wanted is None and not (names_itself(obj) and managed_fields.is_applied_by_us(obj)):
                self.copies[key] = obj
                continue
            if key in self.members and (wanted is None or obj["apiVersion"] != wanted["apiVersion"]):
                continue  # it came in several versions: the declared one counts
            self.members[key] = obj
            if wanted is not None and managed_fields.is_applied_by_us(obj) and self.looks_equal(wanted, obj):
                self.equal.add(key)
                obj["metadata"].pop("managedFields", None)


def read(
    kubectl: Kubectl,
    set_name: str,
    declared: Mapping[Key, Mapping[str, Any]],
    adopt: bool = True,
    prefetch: Prefetch | None = None,
    remembered: Remembered | None = None,
) -> Live:
    """Read a set: one LIST a kind; then declared objects that do not carry its label.

    prefetch: what is being read already; remembered: what was equal in the last run; adopt: False leaves out the second
    part (a set that is deleted has no use for what it does not own).
    """
    sizes = Counter(kind_of(obj) for obj in declared.values()) + Counter([record.KIND])
    if not adopt:
        sizes.update(dict.fromkeys(_without(_KEPT_KINDS, sizes), 1))
    live, prefetch = Live(), prefetch or Prefetch(kubectl, set_name)
    if remembered:
        live.looks_equal = remembered.looks_equal
    known = declared if adopt else {}  # to delete an object takes more than its name
    prefetch.remember(_read_kinds(prefetch, sizes, live, known))
    live.recorded = record.kinds(live.members.get(record.key(set_name)))
    earlier = _without(live.recorded, sizes)
    if earlier:
        _read_kinds(prefetch, dict.fromkeys(earlier, 1), live, known)
    if live.recorded & live.unknown:
        live.unlisted = kubectl.defined(live.recorded & live.unknown)
    if adopt:
        missing = {
            key: live.not_served.get(kind_of(obj), kind_of(obj)).api_version
            for key, obj in declared.items()
            if key not in live.members and kind_of(obj) not in live.unknown
        }
        live.others = {key_of(obj): obj for obj in _outside(kubectl, set_name, missing)}
    return live


def _read_kinds(
    prefetch: Prefetch, sizes: Mapping[Kind, int], live: Live, declared: Mapping[Key, Mapping[str, Any]]
) -> list[tuple[Kind, ...]]:
    """Read kinds of a set into ``live``, return how; sizes: how many objects of each are declared."""
    groups = _groups(sizes)
    for answer in prefetch.answers(groups):
        found = answer.result()
        live.take(found.objects, declared)
        live.not_served |= found.not_served
        live.unknown |= found.unknown
    return groups


def _groups(sizes: Mapping[Kind, int]) -> list[tuple[Kind, ...]]:
    groups: list[list[Kind]] = [[]]
    room = _GROUP
    for kind in sorted(sizes):
        if groups[-1] and sizes[kind] > room:
            groups.append([])
            room = _GROUP
        groups[-1].append(kind)
        room -= sizes[kind]
    return [tuple(group) for group in groups]


def _outside(kubectl: Kubectl, set_name: str, missing: Mapping[Key, str]) -> list[dict[str, Any]]:
    """Return which of the missing objects exist without the set's label: others created them."""
    namespaces = {key: version for key, version in missing.items() if (key.group, key.kind) == ("", "Namespace")}
    found = kubectl.existing([stub(*item) for item in namespaces.items()])
    new = {key.name for key in namespaces.keys() - {key_of(obj) for obj in found}}
    by_namespace: dict[str, dict[Key, str]] = {}
    for key, version in missing.items():
        if key not in namespaces and key.namespace not in new:  # a namespace that does not exist is empty
            by_namespace.setdefault(key.namespace, {})[key] = version
    few: dict[Key, str] = {}
    for namespace, keys in sorted(by_namespace.items()):
        if len(keys) <= _FEW:
            few |= keys
            continue
        kinds = {_kind(key, version) for key, version in keys.items()}
        found += [obj for obj in kubectl.outside_set(set_name, kinds, namespace) if key_of(obj) in keys]
    return found + kubectl.existing([stub(*item) for item in few.items()])


def _kind(key: Key, api_version: str) -> Kind:
    return Kind(key.group, key.kind, api_version.rpartition("/")[2])


def _without(kinds: Collection[Kind], others: Collection[Kind]) -> set[Kind]:
    known = {kind.gk for kind in others}
    return {kind for kind in kinds if kind.gk not in known}
