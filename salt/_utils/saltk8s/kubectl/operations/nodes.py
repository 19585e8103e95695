"""Small writes: whether a node takes pods, labels of anything, taints of a node. Only what differs is written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from saltk8s.base import errors
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.manifests.identity import key_of
from saltk8s.kubectl.operations import target

EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
EARLY = "the cluster does not exist yet: the API server was not asked"
ATTEMPTS = 3  # the controllers write a node's taints too
_KEY = r"(?P<key>[A-Za-z0-9][A-Za-z0-9._/-]*)"
_TAINT = re.compile(rf"^{_KEY}(?:=(?P<value>[A-Za-z0-9._-]*))?:(?P<effect>{'|'.join(EFFECTS)})$")
_ABSENT = re.compile(rf"^{_KEY}(?::(?P<effect>{'|'.join(EFFECTS)}))?$")


class Done(NamedTuple):
    """What was, or would be, written: ``{what: {"old": ..., "new": ...}}``, None for absent; and notes for people."""

    changes: dict[str, dict[str, Any]]
    notes: list[str]

    def told(self) -> dict[str, Any]:
        """Return both as the public functions do."""
        return {"changes": self.changes, "lines": [*shown(self.changes), *self.notes]}


def shown(changes: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return changes for people, one line each."""
    texts = {None: "absent", True: "true", False: "false", "": '""'}
    return [
        f"{what}: {texts.get(one['old'], one['old'])} -> {texts.get(one['new'], one['new'])}"
        for what, one in changes.items()
    ]


def cordon(kubectl: Kubectl, name: str, wanted: bool, test: bool) -> bool:
    """Let a node take no new pods, or (``wanted`` False) let it take them again; return whether that changes it."""
    node = target.one(kubectl, target.NODE, name)
    if is_cordoned(node) == wanted:
        return False
    verb = "cordon" if wanted else "uncordon"
    kubectl.run(verb, key_of(node).name, *_dry(test), what=f"{verb} {name}")
    return True


def is_cordoned(node: Mapping[str, Any]) -> bool:
    """Return whether a node takes no new pods."""
    return bool((node.get("spec") or {}).get("unschedulable"))


def label(
    kubectl: Kubectl,
    kind: str,
    name: str,
    labels: Mapping[str, Any],
    namespace: str | None = None,
    force: bool = False,
    test: bool = False,
) -> Done:
    """Give an object labels; None takes one away. Raises Refused for a label that the object's set declares."""
    wanted = {str(key): _text(key, value) for key, value in labels.items()}
    if test and not kubectl.cluster_exists:
        return Done(_differing({}, wanted), [EARLY])
    obj = target.one(kubectl, kind, name, namespace)
    changes = _differing(obj["metadata"].get("labels") or {}, wanted)
    for key in changes:
        target.refuse_declared(obj, "metadata", "labels", key, force=force)
    if changes:
        _patch(kubectl, obj, {"metadata": {"labels": {key: wanted[key] for key in changes}}}, "saltk8s-label", test)
    return Done(changes, [])


def taint(kubectl: Kubectl, name: str, taints: Sequence[str], absent: Sequence[str] = (), test: bool = False) -> Done:
    """Give a node taints (``key=value:effect``), take others away (``key``, ``key:effect``), leave the rest alone."""
    wanted, gone = parse(taints), parse_absent(absent)
    both = [key for key, effect in wanted if (key, effect) in gone or (key, None) in gone]
    if both:
        raise errors.Invalid(f"taints: {', '.join(both)} cannot be there and be absent", "taints", "twice")
    if test and not kubectl.cluster_exists:
        return Done(taint_changes([], retainted([], wanted, gone)), [EARLY])
    for attempt in range(1, ATTEMPTS + 1):
        node = target.one(kubectl, target.NODE, name)
        there = (node.get("spec") or {}).get("taints") or []
        new = retainted(there, wanted, gone)
        changes = taint_changes(there, new)
        if not changes:
            break
        # the list is written whole: its version keeps what a controller adds in between
        meta = {"resourceVersion": node["metadata"]["resourceVersion"]}
        try:
            _patch(kubectl, node, {"metadata": meta, "spec": {"taints": new or None}}, "saltk8s-taint", test)
            break
        except errors.CommandError as err:
            if "has been modified" not in str(err) or attempt == ATTEMPTS:
                raise
    return Done(changes, [])


def parse(taints: Iterable[str]) -> dict[tuple[str, str], str]:
    """Return ``{(key, effect): value}`` of texts ``key=value:effect``; raises Invalid with all that are none."""
    found = {text: _TAINT.match(str(text)) for text in taints}
    _refuse(found, f"key=value:effect, the effect one of {', '.join(EFFECTS)}")
    return {(match["key"], match["effect"]): match["value"] or "" for match in found.values()}


def parse_absent(taints: Iterable[str]) -> set[tuple[str, str | None]]:
    """Return ``(key, effect or None)`` of texts ``key:effect`` and ``key``; raises Invalid with all that are none."""
    found = {text: _ABSENT.match(str(text)) for text in taints}
    _refuse(found, f"key or key:effect, the effect one of {', '.join(EFFECTS)}")
    return {(match["key"], match["effect"]) for match in found.values()}


def retainted(
    there: Sequence[Mapping[str, Any]], wanted: Mapping[tuple[str, str], str], gone: set[tuple[str, str | None]]
) -> list[dict[str, Any]]:
    """Return a node's list of taints as it shall be: in its order, new ones behind."""
    kept = [dict(item) for item in there if not {(item["key"], item["effect"]), (item["key"], None)} & gone]
    for item in kept:
        value = wanted.get((item["key"], item["effect"]), item.get("value", ""))
        if value != item.get("value", ""):
            item["value"] = value
    have = {(item["key"], item["effect"]) for item in kept}
    return kept + [
        {"key": key, "effect": effect} | ({"value": value} if value else {})
        for (key, effect), value in wanted.items()
        if (key, effect) not in have
    ]


def taint_changes(old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return what differs, by ``key:effect``; old and new as kubectl.nodes shows taints."""
    was, now = (
        {f"{t['key']}:{t['effect']}": f"{t['key']}={t.get('value', '')}:{t['effect']}" for t in side}
        for side in (old, new)
    )
    return _differing(was, {key: now.get(key) for key in [*was, *(key for key in now if key not in was)]})


def _differing(there: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {key: {"old": there.get(key), "new": value} for key, value in wanted.items() if there.get(key) != value}


def _text(key: Any, value: Any) -> str | None:
    """YAML makes numbers and truth values of what is text to Kubernetes."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    raise errors.Invalid(
        f"labels: {key}: got {type(value).__name__}; expected text, or nothing to take it away", str(key), "not a text"
    )


def _refuse(found: Mapping[str, Any], expected: str) -> None:
    bad = [repr(text) for text, match in found.items() if not match]
    if bad:
        raise errors.Invalid(f"taints: got {', '.join(bad)}; expected {expected}", "taints", "not a taint")


def _patch(kubectl: Kubectl, obj: Mapping[str, Any], patch: Mapping[str, Any], manager: str, test: bool) -> None:
    words = ["patch", *target.words(obj), "--type=merge", f"--field-manager={manager}", f"--patch={json.dumps(patch)}"]
    kubectl.run(*words, *_dry(test), what=key_of(obj).title)


def _dry(test: bool) -> list[str]:
    return ["--dry-run=server"] if test else []
