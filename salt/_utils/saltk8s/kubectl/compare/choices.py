"""A declared choice, and what is live of the one before: fields that may not stand beside it.

The API server keeps a field that it set itself (the settings of ``RollingUpdate`` when ``Recreate`` is declared), and
what others own (a port under the same name): the manifest does not declare them, so server-side apply leaves them, and
the object is invalid. An apply that owned them before removes them (``ownership.prepare``). What that comes to, no
single dry run can say: one says it of all but the choice, another one of the choice alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from saltk8s.base import errors
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.compare import diff, merge_keys
from saltk8s.kubectl.compare.managed_fields import ABSENT, Steps, is_ours, node_at, step_of, value_at
from saltk8s.kubectl.manifests.identity import key_of

MOST = 5  # fields that are in the way of one object

_ITEM = re.compile(r"(?P<above>.*)\[\d+\]\.(?P<field>\w+)$")
_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]")
_QUOTED, _WORD = re.compile(r"`(\w+)`"), re.compile(r"\w+")
# The API server names a field of a definition as its internal version has it.
_INTERNAL = ("spec.conversion.webhookClientConfig", "spec.conversion.webhook.clientConfig")


class Way(NamedTuple):
    """How a change gets through: the fields to remove, and the object as it would be stored."""

    removed: tuple[Steps, ...]
    answer: dict[str, Any]


def way(
    kubectl: Kubectl, declared: Mapping[str, Any], live: Mapping[str, Any], err: errors.SaltK8sError, force: bool
) -> Way | None:
    """Return how a rejected object can be written, None when nothing that could be removed is in its way.

    force: take away fields of other managers. Raises Conflict when there are some and it is False.
    """
    removed: tuple[Steps, ...] = ()
    while isinstance(err, errors.Invalid) and len(removed) < MOST:
        found = [path for path in _in_the_way(err, declared, live) if path not in removed]
        if not found:
            return None
        if not force:
            _refuse_others(live, found, key_of(declared).title)
        removed += tuple(found)
        try:
            return Way(removed, _answer(kubectl, declared, live, removed, force))
        except errors.Invalid as more:
            err = more
    return None


def _in_the_way(err: errors.Invalid, declared: Mapping[str, Any], live: Mapping[str, Any]) -> list[Steps]:
    """Return the paths of live fields that the manifest does not declare, and that the error may be about."""
    item = _ITEM.match(err.field)
    if item and "Duplicate value" in err.reason:
        return _same(_steps(item["above"], declared, live), item["field"], declared, live)
    if item and item["field"] == "name" and "Required value" in err.reason:  # of several: one needs no name
        return _same(_steps(item["above"], declared, live), "", declared, live)
    if err.reason.startswith("duplicate nodePort"):
        return _same(("f:spec", "f:ports"), "nodePort", declared, live)
    path = _steps(err.field.replace(*_INTERNAL), declared, live)
    while at(declared, path[:-1]) is ABSENT:  # what is wrong is inside of something that is not declared at all
        path = path[:-1]
    if len(path) > 1 and at(declared, path) is ABSENT and at(live, path) is not ABSENT:
        return [path]
    return _alternatives(err.reason, path, declared, live) or _alternatives(err.reason, path[:-1], declared, live)


def _alternatives(reason: str, place: Steps, declared: Mapping[str, Any], live: Mapping[str, Any]) -> list[Steps]:
    """Return the live fields of a place that are not declared, and that the reason means beside those that are."""
    given, current = at(declared, place), at(live, place)
    if not place or not isinstance(given, Mapping) or not isinstance(current, Mapping):
        return []
    others = sorted(current.keys() - given.keys())
    if "more than" in reason:  # of several of which one is allowed, it names the new one, or none
        return [(*place, f"f:{other}") for other in others if isinstance(current[other], Mapping)]
    named = {*_QUOTED.findall(reason), *_WORD.findall(reason.partition(" one of ")[2])}
    return [(*place, f"f:{other}") for other in others if other in named]


def _same(above: Steps, field: str, declared: Mapping[str, Any], live: Mapping[str, Any]) -> list[Steps]:
    """Return the live items of a list that have a declared item's value in a field that must be unique.

    field: "" for all that are not declared beside the only one that is.
    """
    keyed = merge_keys.keyed(above[-1][2:], at(declared, above), at(live, above)) if above else None
    if not keyed:
        return []
    given, current = keyed
    if not field and len(given) > 1:
        return []
    values = [item.get(field) for item in given.values()]
    return [
        (*above, _item_step(identity))
        for identity, item in current.items()
        if identity not in given and (not field or item.get(field) in values)
    ]


def _steps(field: str, declared: Mapping[str, Any], live: Mapping[str, Any]) -> Steps:
    """Return an error's path (``spec.volumes[0].configMap``) as steps of managedFields, empty when it is none.

    An index counts in the object that would be stored: items keep their places, and new ones come last or replace one.
    """
    steps: list[str] = []
    for name, index in _STEP.findall(field):
        if name:
            steps.append(f"f:{name}")
            continue
        items = [at(tree, tuple(steps)) for tree in (live, declared)]
        known = [one for one in items if isinstance(one, list) and int(index) < len(one)]
        keyed = merge_keys.keyed(steps[-1][2:], known[0]) if known and steps else None
        if not keyed:
            return ()
        steps.append(_item_step(list(keyed[0])[int(index)]))
    return tuple(steps)


def _item_step(identity: merge_keys.Identity) -> str:
    return step_of(tuple([name for name, _ in identity]), tuple([value for _, value in identity]))


def at(tree: Any, path: Steps) -> Any:
    """Return what is at a path, ABSENT when there is nothing."""
    for step in path:
        tree = value_at(tree, step)
    return tree


def _refuse_others(live: Mapping[str, Any], found: list[Steps], title: str) -> None:
    entries = live["metadata"].get("managedFields") or ()
    for path in found:
        owners = [entry for entry in entries if node_at(entry.get("fieldsV1") or {}, path) is not None]
        if owners and not any(is_ours(entry) for entry in owners):
            raise errors.Conflict(
                f"{title}: conflict: another field manager {owners[0].get('manager')!r} owns {_text(path)}, which may "
                "not stand beside what is declared: set force_conflicts to take it away",
                str(owners[0].get("manager")),
            )


def _text(path: Steps) -> str:
    shown = [step[2:] if step.startswith("f:") else f"[{_identity(step)}]" for step in path]
    return f".{diff.text(tuple(shown))}"


def _identity(step: str) -> str:
    return ",".join(f"{name}={value}" for name, value in json.loads(step[2:]).items())


def _answer(
    kubectl: Kubectl, declared: Mapping[str, Any], live: Mapping[str, Any], removed: tuple[Steps, ...], force: bool
) -> dict[str, Any]:
    """Return the object as it would be stored without the removed fields; raises what the API server says against it.

    Declared as it is live, the choice is in nobody's way: then the rest is tried. The choice is tried as a patch.
    """
    title = key_of(declared).title
    places = sorted({path[:-1] for path in removed})
    unchosen: Any = declared
    patch = []
    for place in places:
        current, given = at(live, place), at(declared, place)
        unchosen = _put(unchosen, place, current)
        gone = {path[-1] for path in removed if path[:-1] == place}
        patch.append({"op": "replace", "path": _pointer(live, place), "value": _chosen(place, current, given, gone)})
    answer: Any = kubectl.apply([unchosen], dry_run=True, force_conflicts=force, what=title, answers=True)[0]
    chosen = kubectl.tried_patch(json.dumps(patch), live, title)
    for place in places:
        answer = _put(answer, place, at(chosen, place))
    return answer


def _chosen(place: Steps, current: Any, given: Any, gone: set[str]) -> Any:
    """Return the declared value over the live one, without what is removed."""
    if isinstance(current, Mapping):
        return _over({name: value for name, value in current.items() if f"f:{name}" not in gone}, given)
    was, now = merge_keys.keyed(place[-1][2:], current, given) or ({}, {})
    removed = [at(current, (step,)) for step in gone]
    kept = [item for identity, item in was.items() if identity not in now and item not in removed]
    return [_over(was.get(identity, {}), item) for identity, item in now.items()] + kept


def _over(current: Any, given: Any) -> Any:
    if not isinstance(current, Mapping) or not isinstance(given, Mapping):
        return given
    return {**current, **{name: _over(current.get(name), value) for name, value in given.items()}}


def _put(tree: Any, path: Steps, value: Any) -> Any:
    """Return a copy of a tree with another value at a path, which leads somewhere in it."""
    if not path:
        return value
    below = value_at(tree, path[0])
    if below is ABSENT:
        return tree
    if isinstance(tree, list):
        return [_put(item, path[1:], value) if item is below else item for item in tree]
    return {**tree, path[0][2:]: _put(below, path[1:], value)}


def _pointer(tree: Any, path: Steps) -> str:
    """Return a path as a JSON pointer."""
    names = []
    for step in path:
        below = value_at(tree, step)
        if isinstance(tree, list):
            names.append(str(next(number for number, item in enumerate(tree) if item is below)))
        else:
            names.append(step[2:].replace("~", "~0").replace("/", "~1"))
        tree = below
    return "".join(f"/{name}" for name in names)
