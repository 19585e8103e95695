"""Which node has its turn, kept on the admin: whoever comes next goes on with that one, or waits. Files alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from saltk8s.base import errors, files
from saltk8s.engine import state_folder


class Open(NamedTuple):
    """A turn that has begun. node: whose; since: when; drain: whether its pods are evicted; cordoned: whether somebody
    had cordoned it before.
    """

    node: str
    since: str
    drain: bool
    cordoned: bool


def read(folder: str | Path) -> Open | None:
    """Return the turn that has begun, None when no node has one. Raises Refused for a damaged record."""
    path = Path(folder) / state_folder.TURN
    text = files.read(path)
    if text is None:
        return None
    try:
        found = json.loads(text)
        return Open(str(found["node"]), str(found["since"]), bool(found["drain"]), bool(found["cordoned"]))
    except (ValueError, TypeError, KeyError) as err:
        raise errors.Refused(
            f"{path} is damaged, so it is not known which node has its turn: see which nodes are cordoned "
            "(kubectl.list_nodes), then remove the file"
        ) from err


def write(folder: str | Path, turn: Open) -> None:
    """Write which node has its turn."""
    files.write(Path(folder) / state_folder.TURN, json.dumps(turn._asdict(), sort_keys=True))


def remove(folder: str | Path) -> None:
    """Note that no node has its turn any more."""
    (Path(folder) / state_folder.TURN).unlink(missing_ok=True)
