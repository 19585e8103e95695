"""The set's record: a ConfigMap with the kinds that the set ever had, and the objects whose health can be judged.

An object of a kind that is no longer declared at all can only be found by asking for that kind; and ``kubectl.ready``,
which knows no manifests, can miss only what is written down. The record is an object of the set like any other: it
comes with the LIST of ConfigMaps, its changes are shown, and it is written before anything else, so an interrupted run
leaves nothing behind that a later run would not find.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from saltk8s.base import errors
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.health import assessment, poll
from saltk8s.kubectl.manifests.identity import (
    OBJECT_ANNOTATION,
    SET_LABEL,
    Key,
    Kind,
    defined_versions,
    key_of,
    kind_from,
    kind_of,
    names_itself,
    version_order,
)

NAMESPACE = "kube-system"
KIND = Kind("", "ConfigMap", "v1")
MOST = 5000  # objects: with more, the names would come near to what a ConfigMap can hold, and are left out
_ENDS = "ends"  # stands behind the name of an object that may be gone when it is done


def key(set_name: str) -> Key:
    """Return the record's key."""
    return Key("", "ConfigMap", NAMESPACE, f"saltk8s-set-{set_name}")


def build(set_name: str, kinds: Iterable[Kind], objects: str = "") -> dict[str, Any]:
    """Return the record of a set that has these kinds, each at its newest version.

    objects: what listed() returned for it. The same ones always give the same record.
    """
    text = "".join(f"{kind.argument}\n" for kind in sorted(_newest(kinds)))
    where = key(set_name)
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": where.name,
            "namespace": where.namespace,
            "labels": {SET_LABEL: set_name},
            "annotations": {OBJECT_ANNOTATION: where.title},
        },
        "data": {"kinds": text} | ({"objects": objects} if objects else {}),
    }


def _newest(kinds: Iterable[Kind]) -> list[Kind]:
    """Return each kind once, at its newest version."""
    newest: dict[tuple[str, str], Kind] = {}
    for kind in sorted(kinds, key=lambda kind: version_order(kind.version)):
        newest.setdefault(kind.gk, kind)
    return list(newest.values())


def listed(declared: Mapping[Key, Mapping[str, Any]]) -> str:
    """Return the objects whose health can be judged, as the record names them; nothing when they are too many."""
    judged = sorted(key for key in declared if assessment.has_rule(Kind(key.group, key.kind, "")))
    if len(judged) > MOST:
        return ""
    return "".join(f"{key.title} {_ENDS}\n" if assessment.ends(declared[key]) else f"{key.title}\n" for key in judged)


def still_served(kinds: Iterable[Kind], definitions: Iterable[Mapping[str, Any]]) -> set[Kind]:
    """Return kinds at versions that these definitions serve, where they define them: the newest, or the same."""
    served = defined_versions(definitions)
    found = set()
    for kind in kinds:
        versions = {one for one in served if one.gk == kind.gk}
        gone = versions and kind not in versions
        found.add(min(versions, key=lambda one: version_order(one.version)) if gone else kind)
    return found


def kinds(obj: Mapping[str, Any] | None) -> set[Kind]:
    """Return the kinds that a live record names; none when there is no record."""
    text = ((obj or {}).get("data") or {}).get("kinds") or ""
    return {kind_from(line) for line in text.split() if line.count(".") >= 2}


def objects(obj: Mapping[str, Any] | None) -> dict[Key, bool]:
    """Return the objects that a live record names, and whether each may be gone when it is done."""
    by_title = {kind.title: kind for kind in kinds(obj)}
    found = {}
    for line in (((obj or {}).get("data") or {}).get("objects") or "").splitlines():
        title, name, *marks = [*line.split(), "", ""][:3]
        namespace, _, name = name.rpartition("/")
        if name and title in by_title:
            found[Key(*by_title[title].gk, namespace, name)] = marks == [_ENDS]
    return found


def kinds_of(kubectl: Kubectl, set_name: str) -> set[Kind]:
    """Return the kinds of a set; NotReady when there is no such set."""
    return kinds(_record(kubectl, set_name))


def objects_by_set(kubectl: Kubectl) -> dict[str, list[dict[str, Any]]]:
    """Return the live objects of every set that has a record: two runs of kubectl, however many sets there are."""
    named: dict[str, set[Kind]] = {}
    for obj in kubectl.objects_of_all_sets([KIND], NAMESPACE):
        set_name = obj["metadata"]["labels"][SET_LABEL]
        if key_of(obj) == key(set_name) and kinds(obj):
            named[set_name] = kinds(obj)
    wanted = {(set_name, kind.gk) for set_name, some in named.items() for kind in some}
    found: dict[str, list[dict[str, Any]]] = {set_name: [] for set_name in named}
    for obj in kubectl.objects_of_all_sets(_newest(set().union(*named.values()))):
        set_name = obj["metadata"]["labels"][SET_LABEL]
        if (set_name, kind_of(obj).gk) in wanted and names_itself(obj):
            found[set_name].append(obj)
    return found


def wait_healthy(kubectl: Kubectl, set_name: str, timeout_s: float) -> list[str]:
    """Wait until the objects that the record names exist and are healthy, and none of the set is being deleted.

    Returns what is to be said of objects that are gone. Raises what poll.until_set_healthy() raises, and NotReady when
    there is no such set.
    """
    end = time.monotonic() + timeout_s
    obj = poll.answered(kubectl, lambda: _record(kubectl, set_name), end)
    named, wanted = kinds(obj), objects(obj)
    if not wanted:  # an earlier version wrote the record, or the names are too many for it
        found = poll.answered(kubectl, lambda: kubectl.set_objects(set_name, named).objects, end)
        judged = [item for item in found if assessment.has_rule(kind_of(item)) and names_itself(item)]
        wanted = {key_of(item): assessment.ends(item) for item in judged}
    ends = {one for one, may_be_gone in wanted.items() if may_be_gone}
    left_s = max(0.0, end - time.monotonic())
    return poll.until_set_healthy(kubectl, set_name, named, wanted, left_s, ends, leaving=True)


def _record(kubectl: Kubectl, set_name: str) -> dict[str, Any]:
    found = kubectl.set_objects(set_name, [KIND]).objects
    obj = next((obj for obj in found if key_of(obj) == key(set_name)), None)
    if not obj or not kinds(obj):
        raise errors.NotReady(f"the set {set_name!r} does not exist in the cluster")
    return obj
