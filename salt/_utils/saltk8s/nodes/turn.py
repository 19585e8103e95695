"""A node's turn: the admin's permission to interrupt this node now, which one node of a cluster has at a time.

The admin writes it through SSH, as the deploy user, whom nobody else is; the node only reads it. It ends by itself: an
admin that went away leaves no node that may be interrupted at any time. Pure, but for reading the file.
"""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

FILE = ".saltk8s-turn"  # in the deploy user's home folder
LASTS_S = 3600


class Turn(NamedTuple):
    """A turn. node: whose; drained: whether the node has no pods any more, but those of DaemonSets."""

    node: str
    drained: bool


def grant(turn: Turn) -> str:
    """Return the shell command that gives a node its turn; run again, the turn lasts longer."""
    text = shlex.quote(json.dumps(turn._asdict()))
    return f"umask 077 && printf '%s\\n' {text} > ~/{FILE}.new && mv ~/{FILE}.new ~/{FILE}"


def revoke() -> str:
    """Return the shell command that ends a node's turn."""
    return f"rm -f ~/{FILE}"


def read(home: str | Path, node: str) -> Turn | None:
    """Return the node's turn; None when it has none, it is over, or it is another node's (of a copied machine).

    home: the deploy user's home folder; node: this node's name.
    """
    path = Path(home) / FILE
    try:
        age_s, found = time.time() - path.stat().st_mtime, json.loads(path.read_text(encoding="utf-8"))
        turn = Turn(str(found["node"]), bool(found["drained"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return turn if turn.node == node and age_s + 1 >= 0 and age_s < LASTS_S else None


def own(path_of: Callable[[str], Path], user: str, info: Mapping[str, Any], node: str) -> Turn | None:
    """Return the turn of the node that this runs on.

    path_of: returns a path of the machine; user: the deploy user; info: what ``user.info`` says of it; node: this one's
    name.
    """
    return read(path_of(info.get("home") or f"/home/{user}"), node)
