"""What a minion applied last, and whether there is something new to apply."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

FILE = "/var/lib/saltk8s/applied.json"
ASKED = "/var/lib/saltk8s/apply-asked"  # is there from when somebody asked for a run until one begins
RETRY_S = 300  # after a failure, with the same pillar
SHOWN = 20  # states that a result names
Applied = dict[str, Any]  # digest: of the pillar; at: Unix time of the end; ok: whether nothing failed


def digest(pillar: Mapping[str, Any]) -> str:
    """Return what changes with a pillar, and does not reveal it."""
    return hashlib.sha256(json.dumps(pillar, sort_keys=True, default=str).encode()).hexdigest()


def text(found: Applied) -> str:
    """Return a record as the file's text."""
    return json.dumps(found, sort_keys=True) + "\n"


def parse(content: str | None) -> Applied | None:
    """Return what the file's text says; None without a file, and for a damaged one: then it is applied once more."""
    try:
        found = json.loads(content or "null")
        return {"digest": str(found["digest"]), "at": int(found["at"]), "ok": bool(found["ok"])}
    except (ValueError, KeyError, TypeError):
        return None


def due(last: Applied | None, wanted: str, now: float, asked: bool = False, started: float = 0) -> str:
    """Return why a pillar with this digest is to be applied now, an empty text when it is not.

    started: Unix time at which the minion's daemon began. While it was away the formulas may have changed, which
    nothing on the minion tells.
    """
    if asked:
        return "asked for"
    if last is None:
        return "nothing was applied by itself before"
    if last["digest"] != wanted:
        return "the pillar changed"
    if not last["ok"] and not 0 <= now - last["at"] < RETRY_S:
        return "the last run failed"
    if last["at"] < started <= now:  # one that lies ahead is of a clock that was set back
        return "the minion was started since"
    return ""


def summary(answer: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return ``changed`` (ids of states) and ``failed`` ({id: first line of the comment}) of a run's states."""
    runs = sorted(answer.values(), key=lambda one: one.get("__run_num__", 0))
    names = [(str(one.get("__id__") or one.get("name")), one) for one in runs]
    changed = [name for name, one in names if one["result"] is None or (one["result"] and one.get("changes"))]
    failed = {name: (str(one.get("comment", "")).splitlines() or [""])[0] for name, one in names if not_ok(one)}
    return {"changed": changed[:SHOWN], "failed": dict(list(failed.items())[:SHOWN])}


def not_ok(state: Mapping[str, Any]) -> bool:
    """Return whether a state failed."""
    return state["result"] is False
