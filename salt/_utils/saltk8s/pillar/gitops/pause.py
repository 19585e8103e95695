"""A pause of what is applied by itself: who asked for it, why, and until when. It ends without anybody's help."""

from __future__ import annotations

import datetime
import json
from typing import Any

from saltk8s.base import errors

FILE = "/var/lib/saltk8s/pause.json"
MOST_HOURS = 14 * 24
Pause = dict[str, Any]  # who, why: texts; since, until: Unix time


def begin(who: str, why: str, hours: Any, now: float) -> Pause:
    """Return a new pause. Raises Invalid without a reason, and for a length that is none."""
    if not why.strip():
        raise errors.Invalid("why: got nothing; expected the reason, for those who will ask")
    if isinstance(hours, bool) or not isinstance(hours, (int, float)) or not 0 < hours <= MOST_HOURS:
        raise errors.Invalid(f"hours: got {hours!r}; expected a number above 0, at most {MOST_HOURS}")
    return {"who": who, "why": " ".join(why.split()), "since": int(now), "until": int(now + hours * 3600)}


def text(found: Pause) -> str:
    """Return a pause as the file's text."""
    return json.dumps(found, sort_keys=True) + "\n"


def parse(content: str | None, now: float) -> Pause | None:
    """Return the pause that is in force, None when there is none. Raises Invalid when the file is damaged."""
    if content is None:
        return None
    try:
        found = json.loads(content)
        known: Pause = {"who": str(found["who"]), "why": str(found["why"])}
        known |= {"since": int(found["since"]), "until": int(found["until"])}
    except (ValueError, KeyError, TypeError) as err:
        raise errors.Invalid(f"{FILE} is damaged: `k8s_gitops.resume` removes it") from err
    return known if now < known["until"] else None


def described(found: Pause) -> str:
    """Return a pause in words."""
    end = datetime.datetime.fromtimestamp(found["until"], datetime.timezone.utc)
    return f"paused by {found['who']} until {end:%Y-%m-%d %H:%M} UTC: {found['why']}"
