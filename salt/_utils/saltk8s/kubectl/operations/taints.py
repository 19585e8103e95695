"""Taints of a node."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from saltk8s.base import errors
from saltk8s.kubectl.client.program import Kubectl
from saltk8s.kubectl.operations import changes, target

EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
MANAGER = "saltk8s-taint"
ATTEMPTS = 3  # controllers write a node's taints too
_KEY = r"(?P<key>[A-Za-z0-9][A-Za-z0-9._/-]*)"
_TAINT = re.compile(rf"^{_KEY}(?:=(?P<value>[A-Za-z0-9._-]*))?:(?P<effect>{'|'.join(EFFECTS)})$")
_ABSENT = re.compile(rf"^{_KEY}(?::(?P<effect>{'|'.join(EFFECTS)}))?$")


def taint(
    kubectl: Kubectl, name: str, taints: Iterable[str], absent: Iterable[str] = (), test: bool = False
) -> changes.Written:
    """Add taints (``key=value:effect``) to a node, remove others (``key``, ``key:effect``), leave the rest alone."""
    wanted, unwanted = parse(taints), parse_absent(absent)
    both = [key for key, effect in wanted if (key, effect) in unwanted or (key, None) in unwanted]
    if both:
        raise errors.Invalid(f"taints: {', '.join(both)} cannot be both present and absent", "taints", "twice")
    if test and not kubectl.cluster_exists:
        return changes.Written(differences([], merged([], wanted, unwanted)), [changes.NO_CLUSTER])
    for attempt in range(1, ATTEMPTS + 1):
        node = target.get_object(kubectl, target.NODE, name)
        live = (node.get("spec") or {}).get("taints") or []
        new = merged(live, wanted, unwanted)
        found = differences(live, new)
        if not found:
            break
        # the list is replaced as a whole: with its resourceVersion, a taint that a controller adds meanwhile is kept
        meta = {"resourceVersion": node["metadata"]["resourceVersion"]}
        try:
            changes.patch(kubectl, node, {"metadata": meta, "spec": {"taints": new or None}}, MANAGER, test)
            break
        except errors.CommandError as err:
            if "has been modified" not in str(err) or attempt == ATTEMPTS:
                raise
    return changes.Written(found, [])


def parse(taints: Iterable[str]) -> dict[tuple[str, str], str]:
    """Return ``{(key, effect): value}`` of texts ``key=value:effect``; raises Invalid with all that are not taints."""
    matches = _matches(_TAINT, taints, f"key=value:effect, the effect one of {', '.join(EFFECTS)}")
    return {(match["key"], match["effect"]): match["value"] or "" for match in matches}


def parse_absent(taints: Iterable[str]) -> set[tuple[str, str | None]]:
    """Return ``(key, effect or None)`` of texts ``key:effect`` and ``key``; raises Invalid with all others."""
    matches = _matches(_ABSENT, taints, f"key or key:effect, the effect one of {', '.join(EFFECTS)}")
    return {(match["key"], match["effect"]) for match in matches}


def merged(
    live: Sequence[Mapping[str, Any]],
    wanted: Mapping[tuple[str, str], str],
    unwanted: set[tuple[str, str | None]],
) -> list[dict[str, Any]]:
    """Return a node's new list of taints: the live ones in their order, then the added ones."""
    kept = [dict(item) for item in live if not {(item["key"], item["effect"]), (item["key"], None)} & unwanted]
    for item in kept:
        value = wanted.get((item["key"], item["effect"]), item.get("value", ""))
        if value != item.get("value", ""):
            item["value"] = value
    present = {(item["key"], item["effect"]) for item in kept}
    return kept + [
        {"key": key, "effect": effect} | ({"value": value} if value else {})
        for (key, effect), value in wanted.items()
        if (key, effect) not in present
    ]


def differences(old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return what differs, by ``key:effect``; old and new as kubectl.list_nodes shows taints."""
    before, after = (
        {f"{t['key']}:{t['effect']}": f"{t['key']}={t.get('value', '')}:{t['effect']}" for t in side}
        for side in (old, new)
    )
    return changes.between(before, {key: after.get(key) for key in [*before, *after]})


def _matches(pattern: re.Pattern[str], taints: Iterable[str], expected: str) -> list[re.Match[str]]:
    matches, bad = [], []
    for text in taints:
        match = pattern.match(str(text))
        if match:
            matches.append(match)
        else:
            bad.append(repr(text))
    if bad:
        raise errors.Invalid(f"taints: got {', '.join(bad)}; expected {expected}", "taints", "not a taint")
    return matches
