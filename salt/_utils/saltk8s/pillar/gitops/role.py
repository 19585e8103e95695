"""What a minion is of the platform, remembered on it: a pillar that is lost must not pass for one that never was.

The record is written by a run whose pillar names the minion, and removed when a valid pillar of the same cluster does
not name it any more.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

FILE = "/var/lib/saltk8s/minion.json"
Record = dict[str, Any]  # cluster: its name, empty when not known; roles: a sorted list


def record(cluster: str, roles: Collection[str]) -> Record:
    """Return the record of a minion that has these roles."""
    return {"cluster": cluster, "roles": sorted(roles)}


def text(found: Record) -> str:
    """Return a record as the file's text."""
    return json.dumps(found, sort_keys=True) + "\n"


def parse(content: str | None) -> Record | None:
    """Return what the file's text says, None when there is no file. A damaged one says that there was a role."""
    if content is None:
        return None
    try:
        found = json.loads(content)
        return record(str(found["cluster"]), [str(role) for role in found["roles"]])
    except (ValueError, KeyError, TypeError):
        return record("", [])


def described(found: Record) -> str:
    """Return a record in words."""
    return f"{' and '.join(found['roles']) or 'a part'} of the cluster {found['cluster'] or '(unknown)'}"


def lost(found: Record | None, pillar: Mapping[str, Any], roles: Collection[str], minion: str) -> str:
    """Return why this minion's pillar cannot be meant, an empty text when it can.

    found: the record; pillar: the whole pillar; roles: what it makes of the minion; minion: its id. A tree that is
    not valid is for the model to refuse.
    """
    if not found:
        return ""
    why = _mistake(found, pillar, roles)
    if not why:
        return ""
    return "\n".join(
        (
            f"this minion is {described(found)} (as {FILE} remembers), but {why}. Nothing was done.",
            f"Compare `salt {minion} pillar.items` with the pillar's top.sls, and git_pillar on the master (remote, "
            "branch, root, its log) with the repository.",
            f"If the minion has left the platform for good: `salt {minion} k8s_gitops.forget_role`",
        )
    )


def _mistake(found: Record, pillar: Mapping[str, Any], roles: Collection[str]) -> str:
    tree = pillar.get("k8s")
    if pillar.get("_errors"):
        return "its pillar could not be rendered: the master's log has the errors"
    if not tree:
        return "its pillar has no `k8s`"
    cluster = tree.get("cluster") if isinstance(tree, Mapping) else None
    if roles or not isinstance(cluster, Mapping) or not cluster.get("name"):
        return ""
    if found["cluster"] != cluster["name"]:
        return f"its pillar is that of the cluster {cluster['name']}, which does not name it"
    if "admin" in found["roles"]:
        return f"its pillar names {cluster.get('admin')} as the admin, and the cluster's state and keys are here"
    return ""
